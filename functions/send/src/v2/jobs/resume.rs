//! `POST /api/v2/communications/jobs/{id}/resume`: lets a paused job go on.

use axum::Json;
use axum::extract::{Path, State};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Caller};

use super::view::JobView;
use super::{ask, cannot, find};
use crate::App;

/// Resume a job
///
/// Its rows go on at once, its waiting messages within a quarter of an hour; a job whose rows were done is again what it was. Needs the scope `communication:send`.
#[utoipa::path(
    post, path = "/api/v2/communications/jobs/{id}/resume", tag = "Bulk jobs", operation_id = "resume_job",
    params(("id" = String, Path, description = "A job's id")),
    responses(
        (status = 200, description = "The job as it is now", body = JobView),
        (status = 404, description = "No such job of the caller's", body = ErrorBody),
        (status = 409, description = "It is not paused", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["communication:send"])),
)]
pub async fn handle(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<JobView>, ApiError> {
    let job = find(&app, &caller, &id).await?;
    match app.jobs.resume(&job, app.road.clock.now()).await? {
        Some(job) => {
            ask(&app, job.id).await;
            Ok(Json(JobView::read(&app, &job).await?))
        }
        None => Err(cannot("resumed", &*find(&app, &caller, &id).await?)),
    }
}
