//! `POST /twilio/recording-complete`: something was recorded in a call.

use axum::extract::State;
use axum::response::Response;
use switchboard::http::ApiError;
use switchboard::http::refusals::CallbackRefusals;
use switchboard::provider::twilio::twiml;
use switchboard::telemetry;
use switchboard::voice::Place;

use crate::received::Received;
use crate::{App, reports, voice};

/// Something was recorded
///
/// What, how long and where goes to the call; the sound stays with Twilio. The caller who is still on the line hears the
/// menu go on. Verified by `X-Twilio-Signature`. No token.
#[utoipa::path(
    post, path = "/twilio/recording-complete", tag = "Voice", operation_id = "twilio_recording_complete",
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "As Twilio sends it"),
    responses(
        (status = 200, description = "TwiML", content_type = "text/xml", body = String),
        CallbackRefusals,
    ),
)]
pub async fn handle(State(app): State<App>, received: Received) -> Result<Response, ApiError> {
    reports::verify_twilio(&app, &received).await?;
    let kept = reports::twilio_recording(&app, &received).await;
    // The action of a recording says where the call is; a status callback does not, and its answer is not read.
    if Place::read(&received.query).node.is_empty() {
        return kept.map(|()| voice::xml(twiml::turn::nothing()));
    }
    // Somebody is on the line, whatever becomes of our books; and the status callback tells of the recording, too.
    if let Err(error) = kept {
        telemetry::count("recording_lost", 1);
        tracing::error!(error = ?error, "a recording was not kept; its call goes on");
    }
    voice::answer(&app, &received, |menu, request| menu.go_on(&request.place, request.heard())).await
}
