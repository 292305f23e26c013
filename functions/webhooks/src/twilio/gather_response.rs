//! `POST /twilio/gather-response`: what a caller pressed or said, or that they did neither.

use axum::extract::State;
use axum::response::Response;
use switchboard::http::ApiError;
use switchboard::http::refusals::CallbackRefusals;

use crate::received::Received;
use crate::{App, voice};

/// What a call says next
///
/// By the keys (`Digits`) or words (`SpeechResult`) that were heard, or by how a call to an agent ended (`DialCallStatus`).
/// Where the call is stands in the query, which Twilio signs with the rest. Verified by `X-Twilio-Signature`. No token.
#[utoipa::path(
    post, path = "/twilio/gather-response", tag = "Voice", operation_id = "twilio_gather_response",
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "As Twilio sends it"),
    responses(
        (status = 200, description = "TwiML", content_type = "text/xml", body = String),
        CallbackRefusals,
    ),
)]
pub async fn handle(State(app): State<App>, received: Received) -> Result<Response, ApiError> {
    voice::answer(&app, &received, |menu, request| menu.go_on(&request.place, request.heard())).await
}
