//! A job's stored form. Its wording is content and sealed, bound to the job's id.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{JOB, Jobs, partition, unreadable};
use crate::job::{Counts, Failure, Job, JobState, JobTimes, Plan, Source};
use crate::message::JobId;
use crate::store::{Item, StoreError};

/// How long a job is kept after its deadline, in days: as long as its messages.
const KEPT_DAYS: i64 = 395;

/// When a job and its counts go, in epoch seconds.
pub(super) fn expires(job: &Job) -> i64 {
    job.deadline().as_second() + KEPT_DAYS * 86_400
}

#[derive(Serialize, Deserialize)]
struct Row {
    pk: String,
    sk: String,
    id: JobId,
    caller: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_hash: Option<String>,
    source: Source,
    sealed: String,
    state: JobState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    plan: Option<Plan>,
    #[serde(flatten)]
    times: JobTimes,
    #[serde(default)]
    plannings: u32,
    /// Epoch seconds, for the table's time to live.
    expires: i64,
}

/// A part of what became of a job's rows, or all of it.
#[derive(Default, Deserialize)]
pub(super) struct Counted {
    #[serde(flatten)]
    counts: Counts,
    #[serde(default, with = "crate::clock::millis::option", rename = "moved_at")]
    moved: Option<Timestamp>,
}

impl Counted {
    fn plus(self, item: Item) -> Result<Self, StoreError> {
        let part: Self = serde_dynamo::from_item(item).map_err(unreadable)?;
        Ok(Self { counts: self.counts + part.counts, moved: self.moved.max(part.moved) })
    }
}

fn seal_name(id: JobId) -> String {
    format!("jobs/{id}")
}

impl Jobs {
    pub(super) fn to_item(&self, job: &Job) -> Result<Item, StoreError> {
        let plain = serde_json::to_vec(&job.spec).map_err(unreadable)?;
        let expires = expires(job);
        let job = job.clone();
        let row = Row {
            pk: partition(job.id),
            sk: JOB.to_owned(),
            id: job.id,
            caller: job.caller,
            request_hash: job.request_hash,
            source: job.source,
            sealed: self.seal.seal(&seal_name(job.id), &plain)?,
            state: job.state,
            failure: job.failure,
            plan: job.plan,
            times: job.times,
            plannings: job.plannings,
            expires,
        };
        serde_dynamo::to_item(row).map_err(unreadable)
    }

    /// Reads a job from its own row and those of its counts.
    pub(super) fn read(&self, item: Item, counted: Vec<Item>) -> Result<Job, StoreError> {
        let row: Row = serde_dynamo::from_item(item).map_err(unreadable)?;
        let plain = self.seal.open(&seal_name(row.id), &row.sealed)?;
        // The parser's text is not kept: it may quote the content.
        let spec = serde_json::from_slice(&plain).map_err(|_| unreadable("unknown wording"))?;
        let counted = counted.into_iter().try_fold(Counted::default(), Counted::plus)?;
        Ok(Job {
            id: row.id,
            caller: row.caller,
            request_hash: row.request_hash,
            source: row.source,
            spec,
            state: row.state,
            failure: row.failure,
            plan: row.plan,
            counts: counted.counts,
            times: JobTimes { moved: counted.moved, ..row.times },
            plannings: row.plannings,
        })
    }
}
