//! `GET /api/v1/twilio/sms-status/{message_sid}`: what became of a message, by our id or the provider's.

use axum::Json;
use axum::extract::{Path, State};
use switchboard::http::ApiError;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;

use crate::App;
use crate::sms::{MessageStatus, message_status};

/// Status of a message, by Twilio's path
///
/// Needs the scope `communication:read`.
#[utoipa::path(
    get, path = "/api/v1/twilio/sms-status/{message_sid}", tag = "SMS and WhatsApp", operation_id = "twilio_message_status",
    params(("message_sid" = String, Path, description = "Our id or the provider's")),
    responses(
        (status = 200, description = "What became of it", body = MessageStatus),
        (status = 404, description = "No such message", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["communication:read"])),
)]
pub async fn handle(State(app): State<App>, Path(id): Path<String>) -> Result<Json<MessageStatus>, ApiError> {
    message_status(&app, &id).await
}
