//! `POST /twilio/call-status`: status callbacks of our calls.

use axum::Json;
use axum::extract::State;
use switchboard::http::ApiError;
use switchboard::http::refusals::CallbackRefusals;

use crate::received::{Acknowledged, Received};
use crate::{App, reports};

/// Twilio call status callback
///
/// Verified by `X-Twilio-Signature`. No token.
#[utoipa::path(
    post, path = "/twilio/call-status", tag = "Webhooks", operation_id = "twilio_call_status",
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "As the provider sends it"),
    responses(
        (status = 200, description = "Taken, or known already", body = Acknowledged),
        CallbackRefusals,
    ),
)]
pub async fn handle(State(app): State<App>, received: Received) -> Result<Json<Acknowledged>, ApiError> {
    reports::twilio_call(&app, &received).await
}
