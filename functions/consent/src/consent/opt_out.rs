//! `POST /api/communication/opt-out`: somebody wants no more messages, on one channel or on all of them.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body, Caller, Origin};
use switchboard::message::Channel;
use switchboard::person::PersonId;
use switchboard::person::events::OPTED_OUT;

use super::message_types;
use super::no::{No, say};
use crate::App;

/// Who wants no more, and of what.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct OptOutRequest {
    user_id: PersonId,
    /// `sms`, `email`, `whatsapp`, `call` or `all`.
    #[schema(example = "sms")]
    channel: String,
    /// A trigger type, or `all`; all if absent.
    #[schema(example = "all")]
    message_type: Option<String>,
    /// Why, in a word of the client's.
    #[schema(example = "too_frequent", max_length = 256)]
    reason: Option<String>,
}

/// It is on record.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct OptOutResponse {
    success: bool,
    #[schema(example = "Opted out successfully")]
    message: &'static str,
    /// The channels they get none on from now on.
    #[schema(example = json!(["sms"]))]
    channels: Vec<Channel>,
}

/// Every channel somebody can be reached on.
const ALL: [Channel; 4] = [Channel::Sms, Channel::Email, Channel::Whatsapp, Channel::Voice];

/// Opt out
///
/// It holds for every number and address of theirs, and whoever sends; messages about their security still go. Registers
/// the person if they are new. People may do it for themselves; for others it needs `preferences:manage`.
#[utoipa::path(
    post, path = "/api/communication/opt-out", tag = "Consent", operation_id = "opt_out",
    request_body = OptOutRequest,
    responses(
        (status = 200, description = "On record", body = OptOutResponse),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    body: Body<OptOutRequest>,
) -> Result<Json<OptOutResponse>, ApiError> {
    let OptOutRequest { user_id, channel, message_type, reason } = body.value;
    caller.may_manage(&user_id)?;
    let channels = channels(&channel)?;
    let types = message_type.filter(|name| name != "all").map(|name| vec![name]);
    let message_types = message_types(types).map_err(|error| error.with("field", "message_type"))?;
    let no = No { channels: channels.clone(), message_types, reason, event: OPTED_OUT };
    say(&app, &caller, origin, &user_id, no).await?;
    Ok(Json(OptOutResponse { success: true, message: "Opted out successfully", channels }))
}

fn channels(text: &str) -> Result<Vec<Channel>, ApiError> {
    if text == "all" {
        return Ok(ALL.to_vec());
    }
    let one = text.parse().map(|channel| vec![channel]);
    one.map_err(|_| ApiError::invalid_field("channel", "It must be sms, email, whatsapp, call or all"))
}
