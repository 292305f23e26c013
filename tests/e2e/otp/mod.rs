//! One-time codes: [`flows`] as clients and people see them, [`engine`]: the exact limits, on the stack's tables with a
//! clock of the test's own; [`verified`]: the same with Twilio Verify.

pub(crate) mod engine;
pub(crate) mod flows;
mod verified;
