//! `POST /api/sms/bulk-send`: one text to up to a hundred numbers, by its other path.

use axum::extract::State;
use axum::response::Response;
use switchboard::http::refusals::SendRefusals;
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey, RecipientLimit};
use switchboard::message::Channel;

use crate::App;
use crate::sms::{BulkSmsRequest, BulkSmsResponse, many};

/// Send an SMS to many, other path
///
/// Each number is accepted or refused by itself. Needs the scope `communication:send`.
#[utoipa::path(
    post, path = "/api/sms/bulk-send", tag = "SMS and WhatsApp", operation_id = "sms_bulk_send",
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
    many(&app, (caller, limit), "/api/sms/bulk-send", &key, body, Channel::Sms).await
}
