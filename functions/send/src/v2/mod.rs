//! `/api/v2/communications/*`: sends to an address, templates, bulk jobs, and what sends may cost.

pub mod auto_replies;
pub mod budgets;
pub mod calls;
pub mod email;
pub mod jobs;
pub mod sms;
pub mod templates;
pub mod voice;
