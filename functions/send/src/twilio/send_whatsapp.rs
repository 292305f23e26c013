//! `POST /api/v1/twilio/send-whatsapp`: a WhatsApp message to a number.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use switchboard::http::refusals::SendRefusals;
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey};
use switchboard::message::{Channel, MessageSecrets};
use switchboard::road::Task;

use super::NAMES;
use crate::App;
use crate::accept::{Identity, accept_read};
use crate::direct::{DirectResponse, Template, Text, answer};
use crate::times::{Times, times};

/// A WhatsApp message: a text, or an approved template.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct WhatsappTextRequest {
    /// The recipient, in any common spelling, with or without `whatsapp:`.
    #[schema(example = "whatsapp:+14155552671")]
    to: String,
    /// The sender: a number of ours; the configured one if absent.
    #[schema(example = "whatsapp:+14155238886")]
    from: Option<String>,
    /// Free text: WhatsApp delivers it within 24 hours of the recipient's last message to us.
    #[serde(default)]
    #[schema(example = "Hello from WhatsApp!")]
    body: String,
    /// An approved template (Twilio Content), sent instead of `body`.
    #[schema(example = "HX00000000000000000000000000000001")]
    content_sid: Option<String>,
    /// What the template's places are filled with.
    #[schema(example = json!({"1": "Ada", "2": "Friday"}))]
    content_variables: Option<BTreeMap<String, String>>,
    /// When to send it (ISO 8601); at once if absent.
    #[schema(example = "2025-01-27T10:00:00Z")]
    scheduled_time: Option<String>,
    /// It is worthless after this time (ISO 8601), and ends as `expired` instead of being sent.
    #[schema(example = "2025-01-27T18:00:00Z")]
    expires_at: Option<String>,
}

/// Send a WhatsApp message
///
/// Needs the scope `communication:send`.
#[utoipa::path(
    post, path = "/api/v1/twilio/send-whatsapp", tag = "Direct", operation_id = "send_whatsapp",
    params(IdempotencyKey),
    request_body = WhatsappTextRequest,
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
    body: Body<WhatsappTextRequest>,
) -> Result<Response, ApiError> {
    let identity = Identity::of(&app, &caller.subject, "send-whatsapp", &key, &body.canonical);
    let WhatsappTextRequest { to, from, body, content_sid, content_variables, scheduled_time, expires_at } = body.value;
    let times = times(&app, scheduled_time.as_deref(), expires_at.as_deref());
    let template = Template { content_sid, content_variables };
    let text = Text { to, from, body, media: None, template, names: NAMES, secrets: MessageSecrets::default() };
    let task = times.and_then(|Times { scheduled, valid_until }| {
        Ok(Task { scheduled, valid_until, ..text.task(&app, caller.subject, identity.clone(), Channel::Whatsapp)? })
    });
    accept_read(&app, identity, task, answer(Channel::Whatsapp)).await
}
