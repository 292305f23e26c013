//! `POST /api/sms/send`: an SMS to a number.

use axum::extract::State;
use axum::response::Response;
use switchboard::http::refusals::SendRefusals;
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey};
use switchboard::message::Channel;

use crate::App;
use crate::direct::DirectResponse;
use crate::sms::{SmsRequest, one};

/// Send an SMS
///
/// Needs the scope `communication:send`.
#[utoipa::path(
    post, path = "/api/sms/send", tag = "SMS and WhatsApp", operation_id = "sms_send",
    params(IdempotencyKey),
    request_body = SmsRequest,
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
    body: Body<SmsRequest>,
) -> Result<Response, ApiError> {
    one(&app, caller, "/api/sms/send", &key, body, Channel::Sms).await
}
