//! `POST /api/v2/communications/calls`: a call to a number, for a purpose, now or at a time.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use switchboard::http::refusals::SendRefusals;
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey};
use switchboard::message::Channel;
use switchboard::message::record::Links;
use switchboard::road::Task;

use crate::App;
use crate::accept::{Identity, accept_read};
use crate::calls::{NewCall, Wordless};
use crate::direct::{DirectResponse, answer};
use crate::links::link;
use crate::times::{expiry, instant};

/// A call. One of `message` and `url` is needed.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct V2CallRequest {
    /// The recipient, in any common spelling.
    #[schema(example = "+14155552671")]
    to: String,
    /// What is spoken when the call is answered, up to 3000 characters.
    #[schema(example = "Your interview is tomorrow at ten.")]
    message: Option<String>,
    /// Where Twilio fetches its instructions (TwiML) instead.
    url: Option<String>,
    /// What the call is for, in one word of up to 64 characters; `/messages/{id}` shows it.
    #[schema(example = "interview_reminder")]
    purpose: String,
    contact_id: Option<String>,
    application_id: Option<String>,
    /// Listen if a person or a machine answered.
    machine_detection: Option<bool>,
    /// The language the message is spoken in (BCP 47).
    #[schema(example = "en-GB")]
    language: Option<String>,
    /// When to call (ISO 8601; UTC where it names no zone). A time that has passed means now.
    #[schema(example = "2025-01-27T10:00:00Z")]
    scheduled_time: Option<String>,
    /// After this time nobody is called any more.
    expires_at: Option<String>,
}

const PATH: &str = "/api/v2/communications/calls";

/// The longest purpose.
const LONGEST_PURPOSE: usize = 64;

/// Make a call
///
/// Needs the scope `communication:send`.
#[utoipa::path(
    post, path = PATH, tag = "Communications v2", operation_id = "v2_call",
    params(IdempotencyKey),
    request_body = V2CallRequest,
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
    body: Body<V2CallRequest>,
) -> Result<Response, ApiError> {
    let identity = Identity::of(&app, &caller.subject, PATH, &key, &body.canonical);
    let task = read(&app, caller.subject, identity.clone(), body.value);
    accept_read(&app, identity, task, answer(Channel::Voice)).await
}

fn read(app: &App, caller: String, identity: Identity, request: V2CallRequest) -> Result<Task, ApiError> {
    let now = app.road.clock.now();
    let scheduled = request.scheduled_time.as_deref();
    let scheduled = scheduled.map(|text| instant("scheduled_time", text, now)).transpose()?;
    let valid_until = request.expires_at.as_deref();
    let valid_until = valid_until.map(|text| expiry("expires_at", text, scheduled, now)).transpose()?;
    let links = Links {
        contact_id: link("contact_id", request.contact_id)?,
        application_id: link("application_id", request.application_id)?,
        purpose: Some(purpose(request.purpose)?),
        ..Links::default()
    };
    let call = NewCall {
        to: request.to,
        from: None,
        message: request.message,
        url: request.url,
        language: request.language,
        machine_detection: request.machine_detection,
        wordless: Wordless::Refused,
    };
    Ok(Task { scheduled, valid_until, links, ..call.task(app, caller, identity)? })
}

/// One word: letters, digits and what joins them.
fn purpose(text: String) -> Result<String, ApiError> {
    if text.trim().is_empty() {
        return Err(ApiError::missing_field("purpose"));
    }
    let is_word = text.len() <= LONGEST_PURPOSE
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte));
    let why = || format!("It must be one word of at most {LONGEST_PURPOSE} letters, digits and _ - . :");
    is_word.then_some(text).ok_or_else(|| ApiError::invalid_field("purpose", why()))
}

#[cfg(test)]
mod tests {
    use super::purpose;

    #[test]
    fn a_purpose_is_one_word() {
        for text in ["interview_reminder", "a", "crm:follow-up.2", &"x".repeat(64)] {
            assert!(purpose(text.to_owned()).is_ok(), "{text}");
        }
        for text in ["", " ", "two words", "naïve", &"x".repeat(65), "a\n"] {
            assert!(purpose(text.to_owned()).is_err(), "{text}");
        }
    }
}
