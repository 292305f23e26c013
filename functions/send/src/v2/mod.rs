//! `/api/v2/communications/*`: sends to an address.

pub mod sms;
