//! `POST /api/v1/twilio/send-whatsapp`: a WhatsApp message to a number.

use axum::extract::State;
use axum::response::Response;
use switchboard::http::error::ErrorBody;
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey};
use switchboard::message::Channel;

use super::{DirectResponse, TextRequest, answer, text_task};
use crate::App;
use crate::accept::{Identity, accept};

/// Send a WhatsApp message
///
/// Needs the scope `communication:send`.
#[utoipa::path(
    post, path = "/api/v1/twilio/send-whatsapp", tag = "Direct", operation_id = "send_whatsapp",
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeating a request with its key does not send again")),
    request_body = TextRequest,
    responses(
        (status = 200, description = "Accepted", body = DirectResponse),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        (status = 403, description = "Scope missing, or the recipient must not be contacted", body = ErrorBody),
        (status = 422, description = "The idempotency key was used with another body", body = ErrorBody),
        (status = 429, description = "Too many requests", body = ErrorBody),
    ),
    security(("bearer" = ["communication:send"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<TextRequest>,
) -> Result<Response, ApiError> {
    let identity = Identity::of(&app, &caller.subject, "send-whatsapp", &key, &body.canonical);
    let task = text_task(&app, caller, identity, Channel::Whatsapp, body.value)?;
    accept(&app, task, answer(Channel::Whatsapp)).await
}
