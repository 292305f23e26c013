//! A job's next step, by its state.

use std::time::Duration;

use jiff::Timestamp;
use switchboard::clock::plus_seconds;
use switchboard::job::{Failure, Job, JobState, RUN_DAYS, UPLOAD_SECONDS};
use switchboard::message::JobId;
use switchboard::queue::{JobWork, LONGEST_DELAY};
use switchboard::road::timing::delay;
use switchboard::telemetry;

use crate::take::ask;
use crate::{App, Budget, StepError, chunk, finish, plan};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Something happened: take the step.
    Now,
    /// Perhaps nothing happened for too long.
    BySweep,
}

/// How many chunks of a job are queued at a time; each that is done queues the one that many places after it. A long job
/// does not fill the queue, and one that comes later gets its turn between.
pub(crate) const ABREAST: u32 = 8;
/// How long after its address has expired an upload may still be on its way, in seconds.
const UPLOAD_GRACE_SECONDS: i64 = 900;

pub(crate) async fn take(app: &App, id: JobId, asked: Asked, budget: Budget) -> Result<(), StepError> {
    let Some(job) = app.jobs.get(id).await? else {
        tracing::warn!(job.id = %id, "queued, but not in the table");
        return Ok(app.jobs.close(id).await?);
    };
    let now = app.road.clock.now();
    if job.times.ended.is_none() && now >= job.deadline() {
        let details = format!("Its rows were not all worked on within {RUN_DAYS} days of its time");
        return finish::fail(app, &job, &Failure::new("deadline_passed", details)).await;
    }
    match job.state {
        JobState::AwaitingUpload | JobState::Planning => match app.files.find_rows(id, job.source).await? {
            Some(found) => plan::take(app, &job, &found, budget).await,
            None if is_overdue(&job, now) => {
                let failure = Failure::new("no_rows", "No rows were uploaded while their address was valid");
                finish::fail(app, &job, &failure).await
            }
            None => Ok(()),
        },
        JobState::Scheduled => match job.spec.scheduled.filter(|at| *at > now) {
            Some(at) => wait(app, id, at, now).await,
            None if app.jobs.start(id, now).await? => queue_chunks(app, &job).await,
            None => Ok(()),
        },
        JobState::Running => {
            if job.plan.as_ref().is_some_and(|plan| job.counts.chunks_done >= plan.chunks) {
                return finish::take(app, &job).await;
            }
            let queue = match asked {
                Asked::Now => true,
                Asked::BySweep => is_lost(app, &job, now).await? && app.jobs.nudge(&job, now).await?,
            };
            if queue { queue_chunks(app, &job).await } else { Ok(()) }
        }
        JobState::Paused if job.times.ended.is_none() => Ok(()),
        JobState::Paused | JobState::Completed | JobState::Cancelled | JobState::Failed => {
            finish::take(app, &job).await
        }
    }
}

/// Whether what was queued for a job must be lost: it should move and does not. One whose caller may send nothing waits, and its
/// records with it.
async fn is_lost(app: &App, job: &Job, now: Timestamp) -> Result<bool, StepError> {
    if !job.is_stuck(now) || chunk::room(app, job).await? == 0 {
        return Ok(false);
    }
    if job.is_stalled() {
        tracing::error!(job.id = %job.id, nudges = job.nudges(), "a job does not move although its chunks are queued again");
        telemetry::count("job_stalled", 1);
    }
    Ok(true)
}

fn is_overdue(job: &Job, now: Timestamp) -> bool {
    now >= plus_seconds(job.times.created, i64::from(UPLOAD_SECONDS) + UPLOAD_GRACE_SECONDS)
}

/// Has a job that waits for its time looked at then, if that is near; else the sweep will.
pub(crate) async fn wait(app: &App, id: JobId, at: Timestamp, now: Timestamp) -> Result<(), StepError> {
    let pause = delay(at, now);
    if pause <= LONGEST_DELAY {
        ask(app, JobWork::Job { id }, pause).await?;
    }
    Ok(())
}

/// Queues the first of a job's chunks. Those that are done pass on to the next.
pub(crate) async fn queue_chunks(app: &App, job: &Job) -> Result<(), StepError> {
    let chunks = job.plan.as_ref().map_or(0, |plan| plan.chunks);
    for number in 0..chunks.min(ABREAST) {
        ask(app, JobWork::Chunk { id: job.id, number }, Duration::ZERO).await?;
    }
    Ok(())
}
