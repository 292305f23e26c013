//! `POST /webhooks/resend`: Resend's events, at the short path.

use axum::Json;
use axum::extract::State;
use switchboard::http::ApiError;
use switchboard::http::refusals::CallbackRefusals;

use crate::received::{Acknowledged, Received};
use crate::{App, reports};

/// Resend webhook, short path
///
/// Verified by `svix-signature`. No token.
#[utoipa::path(
    post, path = "/webhooks/resend", tag = "Webhooks", operation_id = "resend_webhook",
    request_body(content = String, content_type = "application/json", description = "As the provider sends it"),
    responses(
        (status = 200, description = "Taken, or known already", body = Acknowledged),
        CallbackRefusals,
    ),
)]
pub async fn handle(State(app): State<App>, received: Received) -> Result<Json<Acknowledged>, ApiError> {
    reports::resend(&app, &received).await
}
