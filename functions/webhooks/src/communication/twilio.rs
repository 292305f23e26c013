//! `POST /api/communication/webhooks/twilio`: status callbacks of messages, in Twilio's form or as JSON.

use axum::Json;
use axum::extract::State;
use switchboard::http::ApiError;
use switchboard::http::refusals::CallbackRefusals;

use crate::received::{Acknowledged, Received};
use crate::{App, reports};

/// Twilio status callback
///
/// Verified by `X-Twilio-Signature`. No token.
#[utoipa::path(
    post, path = "/api/communication/webhooks/twilio", tag = "Webhooks", operation_id = "twilio_webhook",
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "As the provider sends it"),
    responses(
        (status = 200, description = "Taken, or known already", body = Acknowledged),
        CallbackRefusals,
    ),
)]
pub async fn handle(State(app): State<App>, received: Received) -> Result<Json<Acknowledged>, ApiError> {
    reports::twilio(&app, &received).await
}
