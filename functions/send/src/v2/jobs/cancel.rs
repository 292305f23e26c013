//! `POST /api/v2/communications/jobs/{id}/cancel`: ends a job.

use axum::Json;
use axum::extract::{Path, State};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Caller};

use super::view::JobView;
use super::{ask, cannot, find};
use crate::App;

/// Cancel a job
///
/// No further row becomes a message, and its messages that are not on their way to the provider end as `cancelled`: also those of
/// a job whose rows are all done. Needs the scope `communication:send`.
#[utoipa::path(
    post, path = "/api/v2/communications/jobs/{id}/cancel", tag = "Bulk jobs", operation_id = "cancel_job",
    params(("id" = String, Path, description = "A job's id")),
    responses(
        (status = 200, description = "The job as it is now", body = JobView),
        (status = 404, description = "No such job of the caller's", body = ErrorBody),
        (status = 409, description = "It was cancelled before", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["communication:send"])),
)]
pub async fn handle(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<JobView>, ApiError> {
    let job = find(&app, &caller, &id).await?;
    match app.jobs.cancel(job.id, app.road.clock.now()).await? {
        Some(job) => {
            ask(&app, job.id).await;
            Ok(Json(JobView::read(&app, &job).await?))
        }
        None => Err(cannot("cancelled", &*find(&app, &caller, &id).await?)),
    }
}
