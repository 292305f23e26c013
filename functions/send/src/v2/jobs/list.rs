//! `GET /api/v2/communications/jobs`: one's own jobs, newest first.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Caller, paging};

use super::view::JobView;
use crate::App;
use crate::query::query;

/// Which of them.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// How many, 1 to 50.
    #[param(default = 20)]
    limit: Option<String>,
    /// Where to go on: the `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of jobs.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct JobsResponse {
    success: bool,
    jobs: Vec<JobView>,
    /// Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// The jobs of a page, unless the request says otherwise, and at most.
const USUAL: i32 = 20;
const MOST: i32 = 50;

/// One's own jobs, newest first
///
/// Those the token's subject made. Needs the scope `communication:read`.
#[utoipa::path(
    get, path = "/api/v2/communications/jobs", tag = "Bulk jobs", operation_id = "jobs",
    params(Page),
    responses(
        (status = 200, description = "A page of jobs", body = JobsResponse),
        Refusals,
    ),
    security(("bearer" = ["communication:read"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<JobsResponse>, ApiError> {
    let page = query(page)?;
    let limit = paging::limit(page.limit.as_deref(), USUAL, MOST)?;
    let after = page.cursor.as_deref().map(place).transpose()?;
    let (jobs, next) = app.jobs.of_caller(&caller.subject, after.as_deref(), limit).await?;
    let now = app.road.clock.now();
    Ok(Json(JobsResponse {
        success: true,
        jobs: jobs.iter().map(|job| JobView::plain(job, now)).collect(),
        next_cursor: next.map(|place| URL_SAFE_NO_PAD.encode(place)),
    }))
}

/// The place a cursor names. It stands in the caller's own list, whatever it says.
fn place(cursor: &str) -> Result<String, ApiError> {
    let invalid = || ApiError::invalid_field("cursor", "It must be the next_cursor of an answer");
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| invalid())?;
    let place = String::from_utf8(bytes).map_err(|_| invalid())?;
    let known = |place: &str| {
        let (time, id) = place.split_once('#')?;
        (time.len() == 15 && time.bytes().all(|byte| byte.is_ascii_digit())).then_some(())?;
        id.parse::<switchboard::message::JobId>().ok()
    };
    known(&place).ok_or_else(invalid)?;
    Ok(place)
}
