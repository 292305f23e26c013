//! A job's chunks: where each begins in the file, and how many of its rows are done. Rows get done step by step; a step's
//! checkpoint, the job's counts and what was wrong with the step's rows are one transaction, so that every row is counted
//! once, however often its chunk is worked on. Chunks belong to one version of the file: whoever plans another one writes others.

use std::time::Duration;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::row::expires;
use super::{JOB, Jobs, key, partition, unreadable};
use crate::job::{Counts, Fault, Job, Plan};
use crate::message::JobId;
use crate::store::update::Update;
use crate::store::write_token::named;
use crate::store::{Item, StoreError, number, text, unavailable};

/// A part of a job's file: whole rows, one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    pub number: u32,
    /// Its place in the file, in bytes; the end is not part of it.
    pub start: u64,
    pub end: u64,
    /// The number of its first row in the job; rows count from 0.
    pub first_row: u32,
    /// The line its first row begins on; lines count from 1.
    pub first_line: u32,
    pub rows: u32,
    /// How many of its rows are done.
    pub done: u32,
}

impl Chunk {
    pub fn is_done(&self) -> bool {
        self.done >= self.rows
    }
}

/// What a step of work brought.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// How many rows it worked on, blank ones left out.
    pub rows: u32,
    pub accepted: u32,
    pub refused: u32,
    /// The rows that could not become messages: line, and what is wrong.
    pub invalid: Vec<(u32, Fault)>,
}

/// Whether a step's rows were counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    Yes,
    /// Somebody else worked on the chunk at the same time, and their step was counted.
    Overtaken,
}

/// How many chunks are written at a time.
const WRITES_AT_A_TIME: usize = 8;
/// How often a transaction is tried against others on the same job.
const TRIES: u32 = 10;
/// How many rows hold a job's counts. As many chunks of a job are worked on at a time, each of another remainder.
const COUNTS: u32 = 8;
/// How long chunks and what was wrong with rows are kept after the job's deadline, in days: until it was cleared up after.
const KEPT_DAYS: i64 = 8;

#[derive(Serialize, Deserialize)]
struct ErrorItem {
    faults: Vec<(u32, Fault)>,
}

fn chunk_key(etag: &str, number: u32) -> String {
    format!("chunk#{}#{number:06}", etag.trim_matches('"'))
}

fn counts_key(chunk: u32) -> String {
    format!("{JOB}#counts#{}", chunk % COUNTS)
}

fn kept_until(job: &Job) -> i64 {
    job.deadline().as_second() + KEPT_DAYS * 86_400
}

impl Jobs {
    /// Writes a plan's chunks. A chunk of the same version of the file keeps what is done of it.
    pub async fn put_chunks(&self, job: &Job, etag: &str, chunks: &[Chunk]) -> Result<(), StoreError> {
        let writes = chunks.iter().map(|chunk| self.put_chunk(job, etag, chunk));
        stream::iter(writes).buffer_unordered(WRITES_AT_A_TIME).try_collect().await
    }

    async fn put_chunk(&self, job: &Job, etag: &str, chunk: &Chunk) -> Result<(), StoreError> {
        let mut item: Item = serde_dynamo::to_item(chunk).map_err(unreadable)?;
        item.extend(key(partition(job.id), chunk_key(etag, chunk.number)));
        item.insert("expires".to_owned(), number(kept_until(job)));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        let put = put.condition_expression("attribute_not_exists(pk)").customize();
        match put.mutate_request(named("jobs.put_chunk")).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => Ok(()),
            Err(error) => Err(unavailable("jobs.put_chunk")(error)),
        }
    }

    /// A chunk, as of now.
    pub async fn chunk(&self, id: JobId, plan: &Plan, number: u32) -> Result<Option<Chunk>, StoreError> {
        let key = key(partition(id), chunk_key(&plan.etag, number));
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key));
        let answer = get.consistent_read(true).send().await.map_err(unavailable("jobs.chunk"))?;
        answer.item.map(serde_dynamo::from_item).transpose().map_err(unreadable)
    }

    /// Counts a step: the chunk is done up to `chunk.done + step.rows`, if it is still where `chunk` says.
    pub async fn count(
        &self,
        job: &Job,
        plan: &Plan,
        chunk: &Chunk,
        step: &Step,
        now: Timestamp,
    ) -> Result<Counted, StoreError> {
        let writes = self.writes(job, plan, chunk, step, now)?;
        for attempt in 1..=TRIES {
            match self.client.transact_write_items().set_transact_items(Some(writes.clone())).send().await {
                Ok(_) => return Ok(Counted::Yes),
                Err(error) => match error.as_service_error() {
                    Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                        let codes = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code());
                        if codes.clone().any(|code| code == "ConditionalCheckFailed") {
                            return Ok(Counted::Overtaken);
                        }
                        if !codes.clone().any(|code| code == "TransactionConflict") {
                            return Err(unavailable("jobs.count")(error));
                        }
                        // Another worker has this chunk, or one whose counts are in the same row, at this moment.
                        tokio::time::sleep(Duration::from_millis(u64::from(5 * attempt * (1 + chunk.number % 4))))
                            .await;
                    }
                    _ => return Err(unavailable("jobs.count")(error)),
                },
            }
        }
        Err(StoreError::Contended { operation: "jobs.count" })
    }

    fn writes(
        &self,
        job: &Job,
        plan: &Plan,
        chunk: &Chunk,
        step: &Step,
        now: Timestamp,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let done = chunk.done + step.rows;
        let counts = Counts {
            accepted: step.accepted,
            refused: step.refused,
            invalid: u32::try_from(step.invalid.len()).unwrap_or(u32::MAX),
            chunks_done: u32::from(done >= chunk.rows),
        };
        let checkpoint = Update::default().only_if_equal("done", number(chunk.done)).set("done", number(done));
        let sums = Update::default()
            .add("accepted", counts.accepted.into())
            .add("refused", counts.refused.into())
            .add("invalid", counts.invalid.into())
            .add("chunks_done", counts.chunks_done.into())
            .set("moved_at", number(now.as_millisecond()))
            .set("expires", number(expires(job)));
        let place = |sk: String| key(partition(job.id), sk);
        let mut writes = vec![
            checkpoint.in_transaction(&self.table, place(chunk_key(&plan.etag, chunk.number))).map_err(unreadable)?,
            sums.in_transaction(&self.table, place(counts_key(chunk.number))).map_err(unreadable)?,
        ];
        if !step.invalid.is_empty() {
            let errors = ErrorItem { faults: step.invalid.clone() };
            let mut item: Item = serde_dynamo::to_item(errors).map_err(unreadable)?;
            item.extend(place(format!("errors#{:06}", chunk.first_row + chunk.done)));
            item.insert("expires".to_owned(), number(kept_until(job)));
            let put = Put::builder().table_name(&self.table).set_item(Some(item)).build().map_err(unreadable)?;
            writes.push(TransactWriteItem::builder().put(put).build());
        }
        Ok(writes)
    }

    /// What was wrong with a job's rows, a page at a time, in the order of the file: line, and what is wrong. Answers also
    /// where to go on.
    pub async fn faults(
        &self,
        id: JobId,
        after: Option<String>,
    ) -> Result<(Vec<(u32, Fault)>, Option<String>), StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :p AND begins_with(sk, :s)")
            .expression_attribute_values(":p", text(partition(id)))
            .expression_attribute_values(":s", text("errors#"))
            .consistent_read(true)
            .set_exclusive_start_key(after.map(|after| key(partition(id), after)));
        let answer = query.send().await.map_err(unavailable("jobs.faults"))?;
        let next = answer.last_evaluated_key().and_then(|key| key.get("sk")?.as_s().ok()).cloned();
        let mut faults = Vec::new();
        for item in answer.items.unwrap_or_default() {
            let item: ErrorItem = serde_dynamo::from_item(item).map_err(unreadable)?;
            faults.extend(item.faults);
        }
        Ok((faults, next))
    }
}
