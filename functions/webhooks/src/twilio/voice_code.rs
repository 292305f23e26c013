//! `POST /twilio/voice-code`: a key was pressed in a call that has a one-time code to say.

use axum::extract::State;
use axum::response::Response;
use switchboard::http::ApiError;
use switchboard::http::refusals::CallbackRefusals;
use switchboard::otp::keypress::SpokenCode;
use switchboard::provider::twilio::callback::voice::Request;
use switchboard::provider::twilio::twiml;
use switchboard::voice::Heard;

use crate::App;
use crate::received::Received;
use crate::reports::verify_twilio;
use crate::voice::{malformed, xml};

/// What a call says of a one-time code
///
/// The code, once a key was pressed; nothing otherwise. What is said stands in the query, sealed, and Twilio signs it with the
/// rest. Verified by `X-Twilio-Signature`. No token.
#[utoipa::path(
    post, path = "/twilio/voice-code", tag = "Voice", operation_id = "twilio_voice_code",
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "As Twilio sends it"),
    responses(
        (status = 200, description = "TwiML", content_type = "text/xml", body = String),
        CallbackRefusals,
    ),
)]
pub async fn handle(State(app): State<App>, received: Received) -> Result<Response, ApiError> {
    verify_twilio(&app, &received).await?;
    let request = Request::read(&received.query, &received.body).map_err(malformed)?;
    let Some((message, code)) = SpokenCode::read(&app.road.seal, &received.query) else {
        return Err(ApiError::bad_request("Malformed callback").details("no code"));
    };
    let is_valid = app.road.clock.now() < code.until;
    let pressed = matches!(request.heard(), Heard::Digits(keys) if !keys.is_empty());
    tracing::info!(message.id = %message, pressed, is_valid, "a call asked for its code");
    let says = pressed && is_valid;
    Ok(xml(if says { twiml::say(&code.text, code.language.as_deref()) } else { twiml::turn::nothing() }))
}
