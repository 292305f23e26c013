//! `POST /api/v1/twilio/send-whatsapp`: a WhatsApp message to a number.

use axum::extract::State;
use axum::response::Response;
use switchboard::http::refusals::SendRefusals;
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey};
use switchboard::message::Channel;

use super::{TextRequest, text_task};
use crate::App;
use crate::accept::{Identity, accept};
use crate::direct::{DirectResponse, answer};

/// Send a WhatsApp message
///
/// Needs the scope `communication:send`.
#[utoipa::path(
    post, path = "/api/v1/twilio/send-whatsapp", tag = "Direct", operation_id = "send_whatsapp",
    params(IdempotencyKey),
    request_body = TextRequest,
    responses(
        (status = 200, description = "Accepted", body = DirectResponse),
        SendRefusals,
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
