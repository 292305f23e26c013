//! `POST /api/v1/twilio/initiate-call`: a call to a number.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use switchboard::http::refusals::SendRefusals;
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey};
use switchboard::message::Channel;

use crate::App;
use crate::accept::{Identity, accept};
use crate::calls::{NewCall, Wordless};
use crate::direct::{DirectResponse, answer};

/// A call: what a `url` answers, a `message`, or without both our own voice menu.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct CallRequest {
    /// The recipient, in any common spelling.
    #[schema(example = "+14155552671")]
    to: String,
    /// The calling number, one of ours; the configured one if absent.
    #[schema(example = "+15005550006")]
    from: Option<String>,
    /// Where Twilio fetches its instructions (TwiML) when the call is answered; our `/twilio/voice-response` if absent.
    #[schema(example = "https://your-domain.com/twilio/voice-response")]
    url: Option<String>,
    /// What is spoken when the call is answered, up to 3000 characters.
    message: Option<String>,
    /// The language it is spoken in (BCP 47).
    #[schema(example = "en-GB")]
    language: Option<String>,
    /// Listen if a person or a machine answered; `call-status` then tells.
    machine_detection: Option<bool>,
}

/// Make a call
///
/// Needs the scope `communication:send`.
#[utoipa::path(
    post, path = "/api/v1/twilio/initiate-call", tag = "Calls", operation_id = "initiate_call",
    params(IdempotencyKey),
    request_body = CallRequest,
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
    body: Body<CallRequest>,
) -> Result<Response, ApiError> {
    let identity = Identity::of(&app, &caller.subject, "initiate-call", &key, &body.canonical);
    let CallRequest { to, from, url, message, language, machine_detection } = body.value;
    let call = NewCall { to, from, message, url, language, machine_detection, wordless: Wordless::Menu };
    accept(&app, call.task(&app, caller.subject, identity)?, answer(Channel::Voice)).await
}
