//! `POST /api/sms/whatsapp/send-bulk`: one text to up to a hundred numbers by WhatsApp.

use axum::extract::State;
use axum::response::Response;
use switchboard::http::refusals::SendRefusals;
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey, RecipientLimit};
use switchboard::message::Channel;

use crate::App;
use crate::sms::{BulkSmsRequest, BulkSmsResponse, many};

/// Send a WhatsApp message to many
///
/// Each number is accepted or refused by itself. Needs the scope `communication:send`.
#[utoipa::path(
    post, path = "/api/sms/whatsapp/send-bulk", tag = "SMS and WhatsApp", operation_id = "whatsapp_send_bulk",
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
    many(&app, (caller, limit), "/api/sms/whatsapp/send-bulk", &key, body, Channel::Whatsapp).await
}
