//! `/api/v2/communications/*`: sends to an address, and what they may cost.

pub mod budgets;
pub mod sms;
