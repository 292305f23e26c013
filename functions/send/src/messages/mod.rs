//! `/api/v2/communications/messages/*`: one message and its story.

pub mod get;
pub mod reschedule;
