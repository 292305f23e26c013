//! `/api/sms/whatsapp/*`.

pub mod send;
pub mod send_bulk;
