//! `GET /api/communication/ledger/{user_id}`: who changed what of somebody's consents, preferences and addresses.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Caller, paging};
use switchboard::ledger::{Entry, Personal};
use switchboard::person::PersonId;
use switchboard::store::people::subject;

use super::place;
use crate::App;
use crate::request::{person_id, query};

/// Which of it.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LedgerQuery {
    /// How many, 1 to 100.
    #[param(default = 20)]
    limit: Option<String>,
    /// Where to go on: the `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of what happened, the newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LedgerResponse {
    success: bool,
    user_id: PersonId,
    entries: Vec<LedgerEntry>,
    /// Whether each entry of the page still is what the one after it says it was.
    intact: bool,
    /// Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Something that happened.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LedgerEntry {
    /// 1, 2, 3 … without a gap.
    sequence: u64,
    at: Timestamp,
    /// `consent_granted`, `consent_requested`, `consent_revoked`, `opted_out`, `address_changed`, `address_verified`,
    /// `preferences_changed`, `erasure_requested`, `erasure_announced`, `erasure_cancelled`, `erased` …
    #[schema(example = "consent_granted")]
    event: String,
    /// The subject of the token it was done with, or the part of the product that did it.
    caller: String,
    /// What changed, from what to what, and where that came from.
    #[schema(value_type = Object, example = json!({"channel": "sms", "message_types": "all", "from": "none", "to": "granted", "source": "web_form"}))]
    details: Value,
    /// What is about the person: the address at the time, from where it was done, the text they were shown. Kept sealed;
    /// absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, example = json!({"address": "+14155552671", "observed_ip": "203.0.113.7"}))]
    personal: Option<Map<String, Value>>,
    /// `true` where there was such a part and it was erased.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    personal_erased: bool,
}

/// The entries of a page, unless the request says otherwise, and at most.
const USUAL: u8 = 20;
const MOST: u8 = 100;

/// What happened with somebody's consents and preferences
///
/// People may see their own; for others it needs `preferences:manage`.
#[utoipa::path(
    get, path = "/api/communication/ledger/{user_id}", tag = "Consent", operation_id = "consent_ledger",
    params(("user_id" = String, Path, description = "The person's id"), LedgerQuery),
    responses(
        (status = 200, description = "A page of it; none for somebody nothing is known of", body = LedgerResponse),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(user_id): Path<String>,
    asked: Result<Query<LedgerQuery>, QueryRejection>,
) -> Result<Json<LedgerResponse>, ApiError> {
    let person = person_id(&user_id)?;
    caller.may_manage(&person)?;
    let LedgerQuery { limit, cursor } = query(asked)?;
    let limit = paging::limit(limit.as_deref(), USUAL, MOST)?;
    let before = cursor.as_deref().map(place).transpose()?;
    let page = app.road.people.ledger()?.page(&subject(&person), before, limit).await?;
    Ok(Json(LedgerResponse {
        success: true,
        user_id: person,
        entries: page.entries.into_iter().map(view).collect(),
        intact: page.intact,
        next_cursor: page.next.map(|before| before.to_string()),
    }))
}

fn view(entry: Entry) -> LedgerEntry {
    let Entry { sequence, at, caller, event, facts, previous: _, personal } = entry;
    let personal_erased = matches!(personal, Personal::Erased { .. });
    let personal = matches!(personal, Personal::Kept { .. }).then(|| personal.facts());
    let details = serde_json::from_str(&facts).unwrap_or(Value::Null);
    LedgerEntry { sequence, at, event, caller, details, personal, personal_erased }
}
