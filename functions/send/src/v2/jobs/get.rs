//! `GET /api/v2/communications/jobs/{id}`: how far a job is.

use axum::Json;
use axum::extract::{Path, State};
use switchboard::http::ApiError;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;

use super::find;
use super::view::JobView;
use crate::App;

/// How far a job is
///
/// What became of its rows so far, how fast it is, and when it will be done. What became of each message is its own
/// story. Needs the scope `communication:read`.
#[utoipa::path(
    get, path = "/api/v2/communications/jobs/{id}", tag = "Bulk jobs", operation_id = "job",
    params(("id" = String, Path, description = "A job's id")),
    responses(
        (status = 200, description = "The job", body = JobView),
        (status = 404, description = "No such job", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["communication:read"])),
)]
pub async fn handle(State(app): State<App>, Path(id): Path<String>) -> Result<Json<JobView>, ApiError> {
    let job = find(&app, &id).await?;
    Ok(Json(JobView::new(&app, &job).await?))
}
