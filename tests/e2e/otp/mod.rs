//! One-time codes: [`flows`] as clients and people see them, [`engine`]: the exact limits, on the stack's tables with a
//! clock of the test's own; [`consent`]: the code that verifies a number; [`verified`]: the same with Twilio Verify.

mod consent;
pub(crate) mod engine;
pub(crate) mod flows;
mod verified;
