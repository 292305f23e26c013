//! `/twilio/*`: where each message's status callback points to, and where what people write to our numbers comes in.

pub mod call_status;
pub mod gather_response;
pub mod incoming_sms;
pub mod incoming_whatsapp;
pub mod recording_complete;
pub mod sms_status;
pub mod voice_code;
pub mod voice_response;
pub mod whatsapp_status;
