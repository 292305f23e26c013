//! `POST /api/v1/twilio/send-sms`: an SMS to a number.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use switchboard::http::refusals::SendRefusals;
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey};
use switchboard::message::Channel;

use super::NAMES;
use crate::App;
use crate::accept::{Identity, accept};
use crate::direct::{DirectResponse, Template, Text, answer};

/// A text to a phone.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct TextRequest {
    /// The recipient, in any common spelling.
    #[schema(example = "+14155552671")]
    to: String,
    /// The sender: a number or sender id of ours; the configured one if absent.
    #[schema(example = "+15005550006")]
    from: Option<String>,
    #[schema(example = "Hello from Twilio!")]
    body: String,
}

/// Send an SMS
///
/// Needs the scope `communication:send`.
#[utoipa::path(
    post, path = "/api/v1/twilio/send-sms", tag = "Direct", operation_id = "send_sms",
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
    let identity = Identity::of(&app, &caller.subject, "send-sms", &key, &body.canonical);
    let TextRequest { to, from, body } = body.value;
    let text = Text { to, from, body, media: None, template: Template::default(), names: NAMES };
    let task = text.task(&app, caller.subject, identity, Channel::Sms)?;
    accept(&app, task, answer(Channel::Sms)).await
}
