//! Open bulk jobs: every two minutes, and when a scheduled one's time has come, `bulk` is asked to look whether the job
//! moves. What was stored and never queued, and what was queued and lost, is found so.

use std::time::Duration;

use switchboard::queue::JobWork;
use switchboard::store::StoreError;

use crate::App;

/// Asks for a look at every job that wants one; answers how many that are. A job whose look could not be asked for gets
/// the next one.
pub(crate) async fn run(app: &App) -> Result<usize, StoreError> {
    let due = app.jobs.take_due(app.clock.now()).await?;
    for id in &due {
        if let Err(error) = app.queues.enqueue_job(JobWork::Look { id: *id }, Duration::ZERO).await {
            tracing::error!(job.id = %id, error = %error, "not looked after; the next look is in two minutes");
        }
    }
    Ok(due.len())
}
