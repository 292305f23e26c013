//! `POST /api/v1/twilio/send-sms`: an SMS to a number.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use switchboard::http::refusals::SendRefusals;
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey};
use switchboard::message::short_link::LinkForm;
use switchboard::message::{Channel, MessageSecrets};
use switchboard::road::Task;

use super::NAMES;
use crate::App;
use crate::accept::{Identity, accept_read};
use crate::direct::{DirectResponse, Template, Text, answer};
use crate::times::{Times, times};

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
    /// Links in the text go out short, and count how often they are followed.
    shorten_links: Option<bool>,
    /// When to send it (ISO 8601); at once if absent.
    #[schema(example = "2025-01-27T10:00:00Z")]
    scheduled_time: Option<String>,
    /// It is worthless after this time (ISO 8601), and ends as `expired` instead of being sent.
    #[schema(example = "2025-01-27T18:00:00Z")]
    expires_at: Option<String>,
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
    let TextRequest { to, from, body, shorten_links, scheduled_time, expires_at } = body.value;
    let link_form = LinkForm::default().or(shorten_links);
    let times = times(&app, scheduled_time.as_deref(), expires_at.as_deref());
    let text = Text {
        to,
        from,
        body,
        media: None,
        template: Template::default(),
        names: NAMES,
        secrets: MessageSecrets::default(),
    };
    let task = times.and_then(|Times { scheduled, valid_until }| {
        Ok(Task {
            scheduled,
            valid_until,
            link_form,
            ..text.task(&app, caller.subject, identity.clone(), Channel::Sms)?
        })
    });
    accept_read(&app, identity, task, answer(Channel::Sms)).await
}
