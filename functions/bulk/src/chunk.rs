//! Works on one chunk, step by step, until it is done, the invocation's time is used up, or the lane is full.

use std::time::Duration;

use switchboard::job::{Failure, Job, JobState, Plan, Source};
use switchboard::message::JobId;
use switchboard::queue::JobWork;
use switchboard::store::jobs::{Chunk, Counted};

use crate::job::ABREAST;
use crate::rows::{Columns, Framing, Row, Wanted, cut};
use crate::step::{self, Numbered};
use crate::take::ask;
use crate::{App, Budget, StepError, finish};

/// How long a chunk waits before it looks again whether its caller may send.
const CALLER_PAUSE: Duration = Duration::from_secs(300);

/// How long a chunk waits while the lane is full.
const LANE_PAUSE: Duration = Duration::from_secs(3);

/// Works on a chunk of a job, or, where that is done, on the one that comes after it.
pub(crate) async fn take(app: &App, id: JobId, number: u32, budget: Budget) -> Result<(), StepError> {
    let Some(job) = app.jobs.get(id).await? else { return Ok(()) };
    let Some(plan) = job.plan.clone().filter(|_| job.state == JobState::Running) else { return Ok(()) };
    let mut number = number;
    let chunk = loop {
        if number >= plan.chunks {
            return finish_if_done(app, id).await;
        }
        match app.jobs.chunk(id, &plan, number).await? {
            Some(chunk) if !chunk.is_done() => break chunk,
            Some(_) => number += ABREAST,
            None => {
                let failure =
                    Failure::new("chunks_gone", "What was known of its rows went away before all were worked on");
                return finish::fail(app, &job, &failure).await;
            }
        }
    };
    let rows = match read(app, &job, &plan, &chunk).await? {
        Ok(rows) => rows,
        Err(failure) => return finish::fail(app, &job, &failure).await,
    };
    match work(app, &job, &plan, chunk, &rows, budget).await? {
        Ended::Done if number + ABREAST < plan.chunks => {
            ask(app, JobWork::Chunk { id, number: number + ABREAST }, Duration::ZERO).await
        }
        Ended::Done => finish_if_done(app, id).await,
        Ended::Later(pause) => ask(app, JobWork::Chunk { id, number }, pause).await,
        Ended::Elsewhere => Ok(()),
        // What this invocation still counted belongs into the error file.
        Ended::WithJob => ask(app, JobWork::Job { id }, Duration::ZERO).await,
    }
}

/// For how many rows there is room now: none while the job's caller is stopped or has had its messages for today. The rows
/// wait, and the job shows why.
pub(crate) async fn room(app: &App, job: &Job) -> Result<u64, StepError> {
    let (caller, now) = (&job.caller, app.road.clock.now());
    if let Some(reason) = app.road.controls.stopped(caller, job.spec.channel, now).await? {
        tracing::warn!(job.id = %job.id, reason, "the rows of a job wait");
        return Ok(0);
    }
    Ok(app.road.controls.room(caller, step::ROWS as u64, now).await?)
}

/// How work on a chunk ended.
enum Ended {
    Done,
    /// It goes on after this pause.
    Later(Duration),
    /// Somebody else works on it, or its job is paused.
    Elsewhere,
    /// The whole job has ended.
    WithJob,
}

async fn work(
    app: &App,
    job: &Job,
    plan: &Plan,
    chunk: Chunk,
    rows: &[Numbered],
    budget: Budget,
) -> Result<Ended, StepError> {
    let mut chunk = chunk;
    while !chunk.is_done() {
        match app.jobs.state(job.id).await? {
            Some(JobState::Running) => {}
            Some(state) if state.is_ended() => return Ok(Ended::WithJob),
            Some(_) | None => return Ok(Ended::Elsewhere),
        }
        if app.is_lane_full().await {
            return Ok(Ended::Later(LANE_PAUSE));
        }
        if budget.is_used_up(app.road.clock.now()) {
            return Ok(Ended::Later(Duration::ZERO));
        }
        let from = usize::try_from(chunk.done)?;
        let room = match room(app, job).await? {
            0 => return Ok(Ended::Later(CALLER_PAUSE)),
            room => usize::try_from(room)?.min(step::ROWS),
        };
        let until = (from + room).min(rows.len());
        let step = step::take(app, job, &rows[from..until]).await?;
        match app.jobs.count(job, plan, &chunk, &step, app.road.clock.now()).await? {
            Counted::Yes => chunk.done += step.rows,
            Counted::Overtaken => return Ok(Ended::Elsewhere),
        }
    }
    Ok(Ended::Done)
}

/// The rows of a chunk. A file that is not the one that was planned is no use.
async fn read(app: &App, job: &Job, plan: &Plan, chunk: &Chunk) -> Result<Result<Vec<Numbered>, Failure>, StepError> {
    let Some(mut piece) = app.files.read_rows(job.id, job.source, chunk.start, chunk.end).await? else {
        return match app.jobs.state(job.id).await? {
            Some(state) if state.is_ended() => Ok(Ok(Vec::new())),
            Some(_) | None => Ok(Err(Failure::new("rows_gone", "The rows went away before all were worked on"))),
        };
    };
    if piece.etag != plan.etag {
        return Ok(Err(Failure::new("rows_changed", "Other rows were uploaded while the first were worked on")));
    }
    let mut bytes = Vec::new();
    while let Some(more) = piece.next().await? {
        bytes.extend_from_slice(&more);
    }
    // Neither can happen to a file that is the planned one; if it does, nobody could mend it by waiting.
    let rows = match cut(Framing::of(job.source), &bytes, chunk.first_line) {
        Ok(rows) if rows.len() == usize::try_from(chunk.rows)? => rows,
        Ok(rows) => {
            let details = format!("Chunk {} has {} rows, not {} as planned", chunk.number, rows.len(), chunk.rows);
            return Ok(Err(Failure::new("rows_unreadable", details)));
        }
        Err(long) => {
            let details = format!("Line {} is longer than when it was planned", long.line);
            return Ok(Err(Failure::new("rows_unreadable", details)));
        }
    };
    let columns = Columns::named(plan.columns.clone(), job.spec.channel);
    let wanted = |row: &Row| match job.source {
        Source::Csv => columns.as_ref().map_err(String::clone).map(|columns| columns.wanted(&row.cells)),
        Source::Json => Ok(Wanted::from_json(row.cells.first().map_or(&[], Vec::as_slice))),
    };
    let numbered = (chunk.first_row..).zip(&rows);
    let rows: Result<Vec<Numbered>, String> =
        numbered.map(|(number, row)| Ok(Numbered { number, line: row.line, wanted: wanted(row)? })).collect();
    Ok(Ok(rows?))
}

/// Finishes the job, if this was its last chunk.
async fn finish_if_done(app: &App, id: JobId) -> Result<(), StepError> {
    let Some(job) = app.jobs.get(id).await? else { return Ok(()) };
    let done = job.plan.as_ref().is_some_and(|plan| job.counts.chunks_done >= plan.chunks);
    if done && job.state == JobState::Running { finish::take(app, &job).await } else { Ok(()) }
}
