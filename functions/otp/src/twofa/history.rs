//! `GET /api/v2/2fa/history/{user_id}`: who did what with somebody's second factor, from the ledger.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Caller, paging};
use switchboard::ledger::Entry;

use super::{person_id, query};
use crate::App;

/// Which of it.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    /// How many, 1 to 100.
    #[param(default = 20)]
    limit: Option<String>,
    /// Where to go on: the `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of what happened, the newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TwoFactorHistoryResponse {
    success: bool,
    entries: Vec<HistoryEntry>,
    /// Whether each entry of the page still is what the one after it says it was.
    intact: bool,
    /// Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Something that happened.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct HistoryEntry {
    /// 1, 2, 3 … without a gap.
    sequence: u64,
    at: Timestamp,
    /// `enrolment_started`, `enrolled`, `passed`, `failed`, `locked`, `recovery_code_used`, `recovery_codes_renewed`,
    /// `device_trusted`, `device_revoked` or `removed`.
    #[schema(example = "passed")]
    event: String,
    /// The subject of the token it was done with.
    caller: String,
    /// More on it, by event.
    #[schema(value_type = Object, example = json!({"amr": ["otp", "sms", "mca"], "audience": "lender-portal"}))]
    details: Value,
}

/// The entries of a page, unless the request says otherwise, and at most.
const USUAL: u8 = 20;
const MOST: u8 = 100;

/// What happened with somebody's second factor
///
/// People may see their own; for others it needs `preferences:manage`.
#[utoipa::path(
    get, path = "/api/v2/2fa/history/{user_id}", tag = "Two-factor", operation_id = "two_factor_history",
    params(("user_id" = String, Path, description = "The person's id"), HistoryQuery),
    responses(
        (status = 200, description = "A page of it", body = TwoFactorHistoryResponse),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(user_id): Path<String>,
    asked: Result<Query<HistoryQuery>, QueryRejection>,
) -> Result<Json<TwoFactorHistoryResponse>, ApiError> {
    let person = person_id(&user_id)?;
    caller.may_manage(&person)?;
    let HistoryQuery { limit, cursor } = query(asked)?;
    let limit = paging::limit(limit.as_deref(), USUAL, MOST)?;
    let before = cursor.as_deref().map(place).transpose()?;
    let page = app.twofactor.history(&person, before, limit).await?;
    Ok(Json(TwoFactorHistoryResponse {
        success: true,
        entries: page.entries.into_iter().map(view).collect(),
        intact: page.intact,
        next_cursor: page.next.map(|before| before.to_string()),
    }))
}

fn place(cursor: &str) -> Result<u64, ApiError> {
    let invalid = || ApiError::invalid_field("cursor", "It must be the next_cursor of an answer");
    cursor.parse().ok().filter(|before| *before > 0).ok_or_else(invalid)
}

fn view(entry: Entry) -> HistoryEntry {
    let Entry { sequence, at, caller, event, facts, previous: _, personal: _ } = entry;
    HistoryEntry { sequence, at, event, caller, details: serde_json::from_str(&facts).unwrap_or(Value::Null) }
}
