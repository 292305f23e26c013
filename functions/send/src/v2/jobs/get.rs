//! `GET /api/v2/communications/jobs/{id}`: how far a job is.

use axum::Json;
use axum::extract::{Path, State};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Caller, Scope};

use super::find;
use super::view::JobView;
use crate::App;

/// How far a job is
///
/// What became of its rows so far, how fast it is, and when it will be done. What became of each message is its own
/// story. A job is read by the caller that made it, or with `settings:manage`; where its rows are to be put is only shown to its
/// maker with `communication:send`. Needs the scope `communication:read`.
#[utoipa::path(
    get, path = "/api/v2/communications/jobs/{id}", tag = "Bulk jobs", operation_id = "job",
    params(("id" = String, Path, description = "A job's id")),
    responses(
        (status = 200, description = "The job", body = JobView),
        (status = 404, description = "No such job of the caller's", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["communication:read"])),
)]
pub async fn handle(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<JobView>, ApiError> {
    let job = find(&app, &caller, &id).await?;
    // The upload address lets its holder write the job's rows: it is for whoever may send them.
    if caller.made(&*job) && caller.has(Scope::Send) {
        return Ok(Json(JobView::with_upload(&app, &job).await?));
    }
    Ok(Json(JobView::read(&app, &job).await?))
}
