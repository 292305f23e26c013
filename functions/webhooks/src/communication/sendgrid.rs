//! `POST /api/communication/webhooks/sendgrid`: SendGrid's events, in batches.

use axum::Json;
use axum::extract::State;
use switchboard::http::ApiError;
use switchboard::http::refusals::CallbackRefusals;

use crate::received::{Acknowledged, Received};
use crate::{App, reports};

/// SendGrid event webhook
///
/// Verified by `X-Twilio-Email-Event-Webhook-Signature`. No token.
#[utoipa::path(
    post, path = "/api/communication/webhooks/sendgrid", tag = "Webhooks", operation_id = "sendgrid_webhook",
    request_body(content = String, content_type = "application/json", description = "As the provider sends it"),
    responses(
        (status = 200, description = "Taken, or known already", body = Acknowledged),
        CallbackRefusals,
    ),
)]
pub async fn handle(State(app): State<App>, received: Received) -> Result<Json<Acknowledged>, ApiError> {
    reports::sendgrid(&app, &received).await
}
