//! `GET /api/v1/twilio/call-status/{call_sid}`: how a call went, by our id or Twilio's.

use axum::Json;
use axum::extract::{Path, State};
use jiff::Timestamp;
use serde::Serialize;
use switchboard::http::ApiError;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::message::record::Recording;
use switchboard::message::{Channel, Message, Status};

use crate::App;
use crate::sms::find;

/// How a call went.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CallStatus {
    success: bool,
    message_id: String,
    /// Twilio's id; absent until Twilio has the call.
    call_sid: Option<String>,
    /// `delivered`: it was answered and has ended. `undelivered`: nobody answered, or the line was busy.
    status: Status,
    /// How long it lasted once it was answered, in seconds.
    duration: Option<u32>,
    /// How far it is, in Twilio's word: `initiated`, `ringing`, `in-progress`, `completed`, `busy` …
    progress: Option<String>,
    /// What it costs: by the minute that has begun, once it is over.
    cost: f64,
    /// What was recorded in it, the latest last.
    recordings: Vec<Recording>,
    /// Who answered, where that was listened for: `human`, `machine_start`, `fax`, `unknown` …
    answered_by: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When Twilio took it.
    #[schema(value_type = Option<String>, format = DateTime)]
    sent_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
    /// Why it was not answered.
    error: Option<String>,
    /// Twilio's word or code for it: `busy`, `no-answer`, `failed`, `21217` …
    error_code: Option<String>,
}

/// Status of a call
///
/// Needs the scope `communication:read`.
#[utoipa::path(
    get, path = "/api/v1/twilio/call-status/{call_sid}", tag = "Calls", operation_id = "call_status",
    params(("call_sid" = String, Path, description = "Our id or Twilio's")),
    responses(
        (status = 200, description = "How it went", body = CallStatus),
        (status = 404, description = "No such call", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["communication:read"])),
)]
pub async fn handle(State(app): State<App>, Path(id): Path<String>) -> Result<Json<CallStatus>, ApiError> {
    let call = find(&app, &id).await?.filter(|message| message.channel == Channel::Voice);
    call.map(|call| Json(view(call))).ok_or_else(|| ApiError::not_found("Call not found"))
}

fn view(call: Message) -> CallStatus {
    let facts = call.call.unwrap_or_default();
    CallStatus {
        success: true,
        message_id: call.id.to_string(),
        call_sid: call.provider_id,
        status: call.status,
        duration: facts.seconds,
        progress: facts.progress,
        cost: call.cost.units(),
        recordings: call.recordings,
        answered_by: facts.answered_by,
        created_at: call.times.created,
        sent_at: call.times.sent,
        ended_at: call.times.ended,
        error: call.reason,
        error_code: call.provider_code,
    }
}
