//! `GET /api/communication/suppressions`: the list, newest first.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Caller, paging};
use switchboard::person::suppression::Reason;
use switchboard::store::people::is_place;

use super::{SuppressionView, view};
use crate::App;
use crate::request::query;

/// Which of them.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SuppressionsQuery {
    /// Only those for this reason: `hard_bounce`, `complaint`, `invalid_number`, `unsubscribe`, `opt_out` or `manual`.
    reason: Option<String>,
    /// How many, 1 to 100.
    #[param(default = 20)]
    limit: Option<String>,
    /// Where to go on: the `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of the list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SuppressionsResponse {
    success: bool,
    suppressions: Vec<SuppressionView>,
    /// Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// The suppressions of a page, unless the request says otherwise, and at most.
const USUAL: usize = 20;
const MOST: usize = 100;

/// The suppression list, newest first
///
/// Addresses that must not be used, and why. They are shown masked; all of them with the scope `preferences:manage`. Needs
/// the scope `communication:read`.
#[utoipa::path(
    get, path = "/api/communication/suppressions", tag = "Suppressions", operation_id = "suppressions",
    params(SuppressionsQuery),
    responses(
        (status = 200, description = "A page of the list", body = SuppressionsResponse),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["communication:read"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    asked: Result<Query<SuppressionsQuery>, QueryRejection>,
) -> Result<Json<SuppressionsResponse>, ApiError> {
    let SuppressionsQuery { reason, limit, cursor } = query(asked)?;
    let reason = reason.map(|name| name.parse::<Reason>().map_err(|_| no_reason())).transpose()?;
    let limit = paging::limit(limit.as_deref(), USUAL, MOST)?;
    if cursor.as_deref().is_some_and(|cursor| !is_place(cursor)) {
        return Err(ApiError::invalid_field("cursor", "It must be the next_cursor of an answer"));
    }
    let page = app.road.people.suppressions(reason, cursor.as_deref(), limit).await?;
    let now = app.road.clock.now();
    Ok(Json(SuppressionsResponse {
        success: true,
        suppressions: page.listed.into_iter().map(|listed| view(listed, &caller, now)).collect(),
        next_cursor: page.next,
    }))
}

pub(super) fn no_reason() -> ApiError {
    let why = "It must be hard_bounce, complaint, invalid_number, unsubscribe, opt_out or manual";
    ApiError::invalid_field("reason", why)
}
