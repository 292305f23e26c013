//! `/api/v2/communications/jobs*`: one wording to up to a hundred thousand recipients. [`create`] takes the job in,
//! [`wording`] reads what it says; the `bulk` function does the work; [`get`] and [`list`] watch it, [`pause`], [`resume`]
//! and [`cancel`] steer it; [`view`] is how it is shown.

pub mod cancel;
pub mod create;
pub mod get;
pub mod list;
pub mod pause;
pub mod resume;
pub mod view;
mod wording;

use switchboard::http::{ApiError, Caller, Owned};
use switchboard::job::{Job, JobState};
use switchboard::message::JobId;
use switchboard::queue::JobWork;

use crate::App;

/// Returns the job a path names, if it is the caller's to read and control; another's is not found.
async fn find(app: &App, caller: &Caller, id: &str) -> Result<Owned<Job>, ApiError> {
    let id: JobId = id.parse().map_err(|_| not_found())?;
    caller.owned(app.jobs.get(id).await?, not_found)
}

fn not_found() -> ApiError {
    ApiError::not_found("Job not found")
}

/// The refusal of a step a job cannot take from where it is.
fn cannot(step: &str, job: &Job) -> ApiError {
    let state = match job.state {
        JobState::AwaitingUpload => "waiting for its rows",
        JobState::Planning => "being planned",
        JobState::Scheduled => "waiting for its time",
        JobState::Running => "running",
        JobState::Paused => "paused",
        JobState::Completed => "completed",
        JobState::Cancelled => "cancelled",
        JobState::Failed => "failed",
    };
    ApiError::conflict(format!("A job that is {state} cannot be {step}")).with("status", job.state.as_str())
}

/// Has `bulk` take the job a step further. If it cannot be asked, the sweep asks within two minutes.
async fn ask(app: &App, id: JobId) {
    if let Err(error) = app.road.queues.enqueue_job(JobWork::Job { id }, std::time::Duration::ZERO).await {
        tracing::error!(job.id = %id, error = %error, "stored but not queued; the sweep will queue it");
    }
}
