//! `POST /api/communication/consent/revoke`: somebody does not agree any more, to a channel or to kinds of message on it.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body, Caller, Origin};
use switchboard::message::Channel;
use switchboard::person::PersonId;
use switchboard::person::events::CONSENT_REVOKED;

use super::message_types;
use super::no::{No, say};
use crate::App;

/// Who does not agree any more, and to what.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct RevokeRequest {
    user_id: PersonId,
    /// `sms`, `email`, `whatsapp` or `call`.
    #[schema(example = "sms")]
    channel: Channel,
    /// The trigger types it is about; all if absent.
    #[schema(example = json!(["financial_alert"]))]
    message_types: Option<Vec<String>>,
    /// Why, in a word of the client's.
    #[schema(example = "user_request", max_length = 256)]
    reason: Option<String>,
}

/// It is on record.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RevokeResponse {
    success: bool,
    #[schema(example = "Consent revoked successfully")]
    message: &'static str,
}

/// Revoke consent
///
/// Also keeps transactional messages of these kinds from them; messages about their security still go. Registers the
/// person if they are new. People may do it for themselves; for others it needs `preferences:manage`.
#[utoipa::path(
    post, path = "/api/communication/consent/revoke", tag = "Consent", operation_id = "revoke_consent",
    request_body = RevokeRequest,
    responses(
        (status = 200, description = "On record", body = RevokeResponse),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    body: Body<RevokeRequest>,
) -> Result<Json<RevokeResponse>, ApiError> {
    let RevokeRequest { user_id, channel, message_types: types, reason } = body.value;
    caller.may_manage(&user_id)?;
    let no = No { channels: vec![channel], message_types: message_types(types)?, reason, event: CONSENT_REVOKED };
    say(&app, &caller, origin, &user_id, no).await?;
    Ok(Json(RevokeResponse { success: true, message: "Consent revoked successfully" }))
}
