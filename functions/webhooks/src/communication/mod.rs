//! `/api/communication/webhooks/*`.

pub mod resend;
pub mod sendgrid;
pub mod twilio;
