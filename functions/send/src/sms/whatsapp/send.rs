//! `POST /api/sms/whatsapp/send`: a WhatsApp message to a number.

use axum::extract::State;
use axum::response::Response;
use switchboard::http::refusals::SendRefusals;
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey};
use switchboard::message::{Channel, MessageSecrets};
use switchboard::road::Task;

use super::WhatsappRequest;
use crate::App;
use crate::accept::{Identity, accept_read};
use crate::direct::{DirectResponse, Template, Text, answer};
use crate::sms::NAMES;
use crate::times::valid_until;

const PATH: &str = "/api/sms/whatsapp/send";

/// Send a WhatsApp message
///
/// Needs the scope `communication:send`.
#[utoipa::path(
    post, path = PATH, tag = "SMS and WhatsApp", operation_id = "whatsapp_send",
    params(IdempotencyKey),
    request_body = WhatsappRequest,
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
    body: Body<WhatsappRequest>,
) -> Result<Response, ApiError> {
    let identity = Identity::of(&app, &caller.subject, PATH, &key, &body.canonical);
    let WhatsappRequest { to_number, message, from_number, media_url, content_sid, content_variables, expires_at } =
        body.value;
    let valid_until = valid_until(&app, expires_at.as_deref(), None);
    let template = Template { content_sid, content_variables };
    let text = Text {
        to: to_number,
        from: from_number,
        body: message,
        media: media_url,
        template,
        names: NAMES,
        secrets: MessageSecrets::default(),
    };
    let task = valid_until.and_then(|valid_until| {
        Ok(Task { valid_until, ..text.task(&app, caller.subject, identity.clone(), Channel::Whatsapp)? })
    });
    accept_read(&app, identity, task, answer(Channel::Whatsapp)).await
}
