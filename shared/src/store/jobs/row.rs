//! A job's stored form. Its wording is content and sealed, bound to the job's id.

use serde::{Deserialize, Serialize};

use super::{JOB, Jobs, partition, unreadable};
use crate::job::{Counts, Failure, Job, JobState, JobTimes, Plan, Source};
use crate::message::JobId;
use crate::store::{Item, StoreError};

/// How long a job is kept, in days: as long as its messages.
pub(super) const KEPT_DAYS: i64 = 395;

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
    counts: Counts,
    #[serde(flatten)]
    times: JobTimes,
    /// Epoch seconds, for the table's time to live.
    expires: i64,
}

fn seal_name(id: JobId) -> String {
    format!("jobs/{id}")
}

impl Jobs {
    pub(super) fn to_item(&self, job: &Job) -> Result<Item, StoreError> {
        let plain = serde_json::to_vec(&job.spec).map_err(unreadable)?;
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
            counts: job.counts,
            expires: job.times.created.as_second() + KEPT_DAYS * 86_400,
            times: job.times,
        };
        serde_dynamo::to_item(row).map_err(unreadable)
    }

    pub(super) fn read(&self, item: Item) -> Result<Job, StoreError> {
        let row: Row = serde_dynamo::from_item(item).map_err(unreadable)?;
        let plain = self.seal.open(&seal_name(row.id), &row.sealed)?;
        // The parser's text is not kept: it may quote the content.
        let spec = serde_json::from_slice(&plain).map_err(|_| unreadable("unknown wording"))?;
        Ok(Job {
            id: row.id,
            caller: row.caller,
            request_hash: row.request_hash,
            source: row.source,
            spec,
            state: row.state,
            failure: row.failure,
            plan: row.plan,
            counts: row.counts,
            times: row.times,
        })
    }
}
