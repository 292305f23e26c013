//! `/api/v2/communications/sms*`: texts.

pub mod bulk;
pub mod send;

use crate::direct::Names;

/// What these endpoints call the fields.
const NAMES: Names = Names { to: "to", from: "from", body: "message" };
