//! `/api/communication/webhooks/*`.

pub mod resend;
pub mod sendgrid;
pub mod sms_opt_out;
pub mod twilio;
