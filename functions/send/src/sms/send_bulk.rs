//! `POST /api/sms/send-bulk`: one text to up to a hundred numbers.

use axum::extract::State;
use axum::response::Response;
use switchboard::http::refusals::SendRefusals;
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey, RecipientLimit};
use switchboard::message::Channel;

use crate::App;
use crate::sms::{BulkSmsRequest, BulkSmsResponse, many};

/// Send an SMS to many
///
/// Each number is accepted or refused by itself. Needs the scope `communication:send`.
#[utoipa::path(
    post, path = "/api/sms/send-bulk", tag = "SMS and WhatsApp", operation_id = "sms_send_bulk",
    params(IdempotencyKey),
    request_body = BulkSmsRequest,
    responses(
        (status = 200, description = "Worked through", body = BulkSmsResponse),
        SendRefusals,
    ),
    security(("bearer" = ["communication:send"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    limit: RecipientLimit,
    key: IdempotencyKey,
    body: Body<BulkSmsRequest>,
) -> Result<Response, ApiError> {
    many(&app, (caller, limit), "/api/sms/send-bulk", &key, body, Channel::Sms).await
}
