//! `GET /api/communication/privacy/{user_id}/export`: everything about a person, page by page.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Caller, Origin};
use switchboard::privacy::export::{Cursor, Page};

use crate::App;
use crate::request::{person_id, query};

/// Which of it.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// Where to go on: the `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ExportResponse {
    success: bool,
    #[schema(value_type = String, format = DateTime)]
    exported_at: Timestamp,
    #[serde(flatten)]
    page: Page,
    /// There is more: ask again with it. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Everything about a person
///
/// Profile, addresses with their suppressions, consents, preferences and second factor (without secrets) on the first page; then
/// messages, sent and scheduled, with what they say; then the ledger. A page holds at most 100 of them, or about a megabyte.
/// That it was asked for is written down (`exported`). People may take their own out; for others it needs `preferences:manage`.
#[utoipa::path(
    get, path = "/api/communication/privacy/{user_id}/export", tag = "Privacy", operation_id = "export_person",
    params(("user_id" = String, Path, description = "The person's id"), ExportQuery),
    responses(
        (status = 200, description = "A page of it; `profile.unknown` for somebody nothing is known of", body = ExportResponse),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    Path(user_id): Path<String>,
    asked: Result<Query<ExportQuery>, QueryRejection>,
) -> Result<Json<ExportResponse>, ApiError> {
    let person = person_id(&user_id)?;
    caller.may_manage(&person)?;
    let cursor = query(asked)?.cursor.map(|cursor| cursor.parse::<Cursor>()).transpose();
    let cursor = cursor.map_err(|()| ApiError::invalid_field("cursor", "It must be the next_cursor of an answer"))?;
    let now = app.road.clock.now();
    let exporter = &app.privacy.exporter;
    let mut page = match cursor {
        Some(cursor) => exporter.onward(&person, cursor).await?,
        None => {
            exporter.note(&person, &origin.witness(&caller, "api", now)).await?;
            exporter.first(&person).await?
        }
    };
    let next_cursor = page.next.take().map(|next| next.to_string());
    Ok(Json(ExportResponse { success: true, exported_at: now, page, next_cursor }))
}
