//! `/twilio/*`: where each message's status callback points to.

pub mod call_status;
pub mod sms_status;
pub mod whatsapp_status;
