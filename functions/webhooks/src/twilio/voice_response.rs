//! `POST /twilio/voice-response`: a call begins, ours or somebody's to us.

use axum::extract::State;
use axum::response::Response;
use switchboard::http::ApiError;
use switchboard::http::refusals::CallbackRefusals;

use crate::received::Received;
use crate::{App, voice};

/// What a call says first
///
/// The voice menu from its beginning; its node for machines where `AnsweredBy` says that one answered. It is what
/// `initiate-call` uses without a `url` and a `message`, and what a number's Voice URL is set to for calls to us. A call to
/// us becomes a message in its caller's thread, once however often it is asked about. Verified by `X-Twilio-Signature`. No
/// token.
#[utoipa::path(
    post, path = "/twilio/voice-response", tag = "Voice", operation_id = "twilio_voice_response",
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "As Twilio sends it"),
    responses(
        (status = 200, description = "TwiML", content_type = "text/xml", body = String),
        CallbackRefusals,
    ),
)]
pub async fn handle(State(app): State<App>, received: Received) -> Result<Response, ApiError> {
    voice::begin(&app, &received).await
}
