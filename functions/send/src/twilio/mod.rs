//! `/api/v1/twilio/*`: direct sends to an address, without a trigger. They are transactional: the address's owner may
//! have opted out, and then nothing is sent.

pub mod call_status;
pub mod initiate_call;
pub mod send_email;
pub mod send_sms;
pub mod send_whatsapp;
pub mod sms_status;

use crate::direct::Names;

/// What these endpoints call the fields.
const NAMES: Names = Names { to: "to", from: "from", body: "body" };
