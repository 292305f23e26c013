//! Identifiers in the providers' own shapes.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use uuid::Uuid;

/// A Twilio SID: two letters and 32 hex digits.
pub(crate) fn sid(prefix: &str) -> String {
    format!("{prefix}{}", Uuid::new_v4().simple())
}

/// SendGrid's `X-Message-Id`: 22 characters of URL-safe base64.
pub(crate) fn x_message_id() -> String {
    URL_SAFE_NO_PAD.encode(Uuid::new_v4().as_bytes())
}

/// SendGrid's `sg_event_id`.
pub(crate) fn sg_event_id() -> String {
    STANDARD_NO_PAD.encode(Uuid::new_v4().simple().to_string())
}

/// Resend's email id.
pub(crate) fn email_id() -> String {
    Uuid::new_v4().to_string()
}

/// A Svix message id: `msg_` and 27 letters or digits.
pub(crate) fn svix_id() -> String {
    format!("msg_{}", &Uuid::new_v4().simple().to_string()[..27])
}

/// `I-Twilio-Idempotency-Token`: the same over the tries of one callback.
pub(crate) fn idempotency_token() -> String {
    Uuid::new_v4().to_string()
}
