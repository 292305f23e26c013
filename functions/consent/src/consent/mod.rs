//! `/api/communication/consent/*` and `opt-out`: [`sms`], [`sms_verify`] · [`email`], [`confirm`] · [`revoke`], [`opt_out`] · [`check`].

pub mod check;
pub mod confirm;
pub mod email;
mod no;
pub mod opt_out;
pub mod revoke;
pub mod sms;
pub mod sms_verify;

use std::collections::BTreeSet;

use serde::Serialize;
use switchboard::http::ApiError;
use switchboard::message::{MessageId, Trigger};

use crate::App;

/// The consent is on record.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ConsentResponse {
    success: bool,
    message: &'static str,
    /// The address has not been proven to be the person's.
    verification_required: bool,
    #[serde(flatten)]
    unsent: Option<Unsent>,
}

/// The code that would prove it was not sent.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Unsent {
    /// Always `false`; it is not there where a code was sent, or none is needed.
    #[schema(example = false)]
    code_sent: bool,
    /// What the guard against toll fraud objects to.
    #[schema(example = "too_many_for_person")]
    reason: &'static str,
    /// In how many seconds a code may be asked for; absent: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<i64>,
}

/// The longest source a client may name.
const LONGEST_SOURCE: usize = 64;

fn source(source: Option<String>) -> Result<String, ApiError> {
    let source = source.unwrap_or_else(|| "api".to_owned());
    let fits = !source.is_empty() && source.chars().count() <= LONGEST_SOURCE && !source.chars().any(char::is_control);
    let why = || ApiError::invalid_field("consent_source", format!("It must be 1 to {LONGEST_SOURCE} characters"));
    fits.then_some(source).ok_or_else(why)
}

/// Whether a request with an idempotency key granted the same before and sent nothing: it grants nothing again, for they may have revoked it
/// since.
async fn is_repeated_grant(app: &App, request: Option<&(MessageId, String)>) -> Result<bool, ApiError> {
    let Some((id, hash)) = request else { return Ok(false) };
    app.otp.granted_before(*id, hash).await?.ok_or_else(ApiError::other_body)
}

/// The message types a consent is for; none means all. A list that names none could be meant either way, and is refused.
fn message_types(types: Option<Vec<String>>) -> Result<BTreeSet<String>, ApiError> {
    if types.as_ref().is_some_and(Vec::is_empty) {
        let why = "It must name a message type, or be left out for all of them";
        return Err(ApiError::invalid_field("message_types", why));
    }
    let known = |name: String| match name.parse::<Trigger>() {
        Ok(trigger) => Ok(trigger.as_str().to_owned()),
        Err(_) => Err(ApiError::bad_request(format!("Invalid message type: {name}")).with("field", "message_types")),
    };
    types.unwrap_or_default().into_iter().map(known).collect()
}
