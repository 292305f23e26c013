//! `GET /api/communication/ledger/{user_id}/verify`: whether everything that was written down is still there as it was.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Caller};
use switchboard::person::PersonId;
use switchboard::store::ledger::Verified;
use switchboard::store::people::subject;

use super::place;
use crate::App;
use crate::request::{person_id, query};

/// From where.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct VerifyQuery {
    /// Where to go on: the `next_cursor` of an answer that was not at the end yet.
    cursor: Option<String>,
}

/// What following the entries found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct VerifyResponse {
    success: bool,
    user_id: PersonId,
    status: VerifyStatus,
    /// Whether everything that was looked at is as it was written.
    intact: bool,
    /// How many entries there are, once all of them were followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<u64>,
    /// The first entry that is not as it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_broken: Option<BrokenEntry>,
    /// There are more entries: ask again with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerifyStatus {
    /// Every entry is there, as it was written.
    Intact,
    /// One is not.
    Broken,
    /// So far they are; there are more.
    IntactSoFar,
}

/// The first entry that is not as it was written.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BrokenEntry {
    sequence: u64,
    /// `changed` (it, or what the next one says of it), `missing` (also: the end was cut off), `personal_changed` (its sealed
    /// part), `head` (what is known of how far the entries go is gone, or goes less far).
    #[schema(example = "missing")]
    fault: &'static str,
}

/// How many entries one request follows: some hundred kilobytes, read within a second.
const MOST: u64 = 1_000;

/// Verify what happened
///
/// Follows all entries, a thousand at a time. People may do it for their own; for others it needs `preferences:manage`.
#[utoipa::path(
    get, path = "/api/communication/ledger/{user_id}/verify", tag = "Consent", operation_id = "verify_consent_ledger",
    params(("user_id" = String, Path, description = "The person's id"), VerifyQuery),
    responses(
        (status = 200, description = "What it found", body = VerifyResponse),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(user_id): Path<String>,
    asked: Result<Query<VerifyQuery>, QueryRejection>,
) -> Result<Json<VerifyResponse>, ApiError> {
    let person = person_id(&user_id)?;
    caller.may_manage(&person)?;
    let reached = query(asked)?.cursor.as_deref().map(place).transpose()?;
    let verified = app.road.people.ledger()?.verify(&subject(&person), reached, MOST).await?;
    Ok(Json(answer(person, verified)))
}

fn answer(user_id: PersonId, verified: Verified) -> VerifyResponse {
    let (status, entries, first_broken, next_cursor) = match verified {
        Verified::Intact { entries } => (VerifyStatus::Intact, Some(entries), None, None),
        Verified::SoFar { sequence } => (VerifyStatus::IntactSoFar, None, None, Some(sequence.to_string())),
        Verified::Broken(at) => {
            let broken = BrokenEntry { sequence: at.sequence, fault: at.fault.as_str() };
            (VerifyStatus::Broken, None, Some(broken), None)
        }
    };
    let intact = status != VerifyStatus::Broken;
    VerifyResponse { success: true, user_id, status, intact, entries, first_broken, next_cursor }
}
