//! `/api/v2/communications/otp/*`: send a code to an address, and verify what was entered.

pub mod send;
pub mod verify;
