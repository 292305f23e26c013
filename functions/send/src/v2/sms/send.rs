//! `POST /api/v2/communications/sms`: an SMS to a number.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use switchboard::http::refusals::SendRefusals;
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey};
use switchboard::message::Channel;

use super::NAMES;
use crate::App;
use crate::accept::{Identity, accept};
use crate::direct::{DirectResponse, Text, answer};

/// A text to a number.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct V2SmsRequest {
    /// The recipient, in any common spelling.
    #[schema(example = "+14155552671")]
    to: String,
    #[schema(example = "Your application was approved.")]
    message: String,
}

const PATH: &str = "/api/v2/communications/sms";

/// Send an SMS
///
/// Needs the scope `communication:send`.
#[utoipa::path(
    post, path = PATH, tag = "Communications v2", operation_id = "v2_sms",
    params(IdempotencyKey),
    request_body = V2SmsRequest,
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
    body: Body<V2SmsRequest>,
) -> Result<Response, ApiError> {
    let identity = Identity::of(&app, &caller.subject, PATH, &key, &body.canonical);
    let V2SmsRequest { to, message } = body.value;
    let text = Text { to, from: None, body: message, media: None, names: NAMES };
    accept(&app, text.task(&app, caller.subject, identity, Channel::Sms)?, answer(Channel::Sms)).await
}
