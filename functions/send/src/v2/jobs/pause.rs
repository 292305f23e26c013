//! `POST /api/v2/communications/jobs/{id}/pause`: stops a job for now.

use axum::Json;
use axum::extract::{Path, State};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Caller};

use super::view::JobView;
use super::{cannot, find};
use crate::App;

/// Pause a job
///
/// No further row becomes a message, and its messages that are not on their way to the provider wait: also those of a job whose
/// rows are all done. Needs the scope `communication:send`.
#[utoipa::path(
    post, path = "/api/v2/communications/jobs/{id}/pause", tag = "Bulk jobs", operation_id = "pause_job",
    params(("id" = String, Path, description = "A job's id")),
    responses(
        (status = 200, description = "The job as it is now", body = JobView),
        (status = 404, description = "No such job of the caller's", body = ErrorBody),
        (status = 409, description = "Its rows are not counted yet, or it is paused or cancelled", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["communication:send"])),
)]
pub async fn handle(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<JobView>, ApiError> {
    let job = find(&app, &caller, &id).await?;
    match app.jobs.pause(job.id, app.road.clock.now()).await? {
        Some(job) => Ok(Json(JobView::read(&app, &job).await?)),
        None => Err(cannot("paused", &*find(&app, &caller, &id).await?)),
    }
}
