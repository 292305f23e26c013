//! One step: some rows of a chunk become messages, are queued, and are counted. A row that was worked on before is found
//! again, by its id, and counts as what it became then.

use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use switchboard::job::{Fault, Job};
use switchboard::message::{Lane, MessageId};
use switchboard::road::accept::waiting;
use switchboard::road::{AcceptError, Accepted};
use switchboard::store::StoreError;
use switchboard::store::jobs::Step;

use crate::rows::Wanted;
use crate::{App, StepError, row};

/// How many rows a step has.
pub const ROWS: usize = 50;
/// How many of them are worked on at a time.
const AT_A_TIME: usize = 16;

/// A row to work on.
#[derive(Clone, Debug)]
pub(crate) struct Numbered {
    /// Its number in the job.
    pub(crate) number: u32,
    pub(crate) line: u32,
    pub(crate) wanted: Result<Wanted, Fault>,
}

/// What became of a row.
enum Became {
    Accepted(Option<(MessageId, Duration)>),
    Refused,
    Invalid(u32, Fault),
}

/// Makes messages of rows and queues them. What is stored and cannot be queued the sweep finds.
pub(crate) async fn take(app: &App, job: &Job, rows: &[Numbered]) -> Result<Step, StepError> {
    let became: Vec<Became> =
        stream::iter(rows.iter().cloned().map(|row| one(app, job, row))).buffered(AT_A_TIME).try_collect().await?;
    let mut step = Step { rows: u32::try_from(rows.len())?, ..Step::default() };
    let mut queued = Vec::new();
    for row in became {
        match row {
            Became::Accepted(waits) => {
                step.accepted += 1;
                queued.extend(waits);
            }
            Became::Refused => step.refused += 1,
            Became::Invalid(line, fault) => step.invalid.push((line, fault)),
        }
    }
    let refused = app.road.queues.enqueue_all(Lane::Bulk, &queued, Some(job.id)).await;
    if !refused.is_empty() {
        tracing::error!(job.id = %job.id, messages = refused.len(), "stored but not queued; the sweep will queue them");
    }
    Ok(step)
}

async fn one(app: &App, job: &Job, row: Numbered) -> Result<Became, StepError> {
    let task = match row.wanted {
        Ok(wanted) => row::task(app, job, row.number, wanted).await?,
        Err(fault) => Err(fault),
    };
    match task {
        Ok(task) => match app.road.store(task).await {
            Ok(accepted) => Ok(became(app, &accepted)),
            Err(AcceptError::Store(error)) => Err(error.into()),
            // Its room was taken by another chunk meanwhile: the step comes again.
            Err(AcceptError::NotAdmitted(refusal)) => Err(refusal.into()),
            Err(AcceptError::OtherBody) => Err(format!("row {} has the id of another message", row.number).into()),
        },
        // It may have been a message when the same row was worked on before, and its person known then.
        Err(fault) => Ok(match before(app, job, row.number).await? {
            Some(accepted) => became(app, &accepted),
            None => Became::Invalid(row.line, fault),
        }),
    }
}

async fn before(app: &App, job: &Job, number: u32) -> Result<Option<Accepted>, StoreError> {
    let message = app.road.messages.get(job.id.row(app.road.seal.ids(), number)).await?;
    Ok(message.map(|message| Accepted { messages: vec![message], replayed: true }))
}

fn became(app: &App, accepted: &Accepted) -> Became {
    if accepted.refusal().is_some() {
        return Became::Refused;
    }
    let now = app.road.clock.now();
    let waits = |message| Some((message, waiting(message, now)?));
    Became::Accepted(accepted.messages.iter().find_map(waits).map(|(message, delay)| (message.id, delay)))
}
