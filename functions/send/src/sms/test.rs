//! `POST /api/sms/test`: a fixed text to a number, to see that texts arrive.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use switchboard::http::refusals::SendRefusals;
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey};
use switchboard::message::{Channel, MessageSecrets};

use super::NAMES;
use crate::App;
use crate::accept::{Identity, accept};
use crate::direct::{DirectResponse, Template, Text, answer};

/// Where the test goes.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct TestRequest {
    #[serde(alias = "to", alias = "toNumber", alias = "phone_number", alias = "phoneNumber")]
    #[schema(example = "+14155552671")]
    to_number: String,
}

/// What it says.
const TEXT: &str = "This is a test message from Switchboard. If you can read it, texts arrive.";

/// Send a test SMS
///
/// Needs the scope `communication:send`.
#[utoipa::path(
    post, path = "/api/sms/test", tag = "SMS and WhatsApp", operation_id = "sms_test",
    params(IdempotencyKey),
    request_body = TestRequest,
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
    body: Body<TestRequest>,
) -> Result<Response, ApiError> {
    let identity = Identity::of(&app, &caller.subject, "/api/sms/test", &key, &body.canonical);
    let to = body.value.to_number;
    let template = Template::default();
    let text = Text {
        to,
        from: None,
        body: TEXT.to_owned(),
        media: None,
        template,
        names: NAMES,
        secrets: MessageSecrets::default(),
    };
    accept(&app, text.task(&app, caller.subject, identity, Channel::Sms)?, answer(Channel::Sms)).await
}
