//! One-time codes: [`flows`] as clients and people see them, [`engine`]: the exact limits, on the stack's tables with a
//! clock of the test's own.

mod engine;
mod flows;
