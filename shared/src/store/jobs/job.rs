//! Making, reading and moving jobs. Every move names the states it may be made from, so that of two only one is made.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use futures::future::try_join_all;
use jiff::Timestamp;

use super::row::expires;
use super::{JOB, Jobs, OPEN, key, listing, partition, unreadable};
use crate::clock::plus_seconds;
use crate::job::{Failure, Job, JobState, Plan};
use crate::message::JobId;
use crate::store::update::{Applied, Update};
use crate::store::{Item, StoreError, number, text, unavailable};

/// Whether a job was made, or was there before.
#[derive(Debug)]
pub enum Made {
    New,
    /// A job of this id exists: the same request was accepted before.
    Exists(Box<Job>),
}

/// How many jobs of a page are read at a time.
const READS_AT_A_TIME: usize = 8;
/// When the sweep first looks after a new job.
const FIRST_LOOK_SECONDS: i64 = 120;

impl Jobs {
    /// Makes a job, with its places among its caller's and among the open ones; or finds the one that has its id.
    pub async fn create(&self, job: &Job) -> Result<Made, StoreError> {
        let created = job.times.created.as_millisecond();
        let mut listed = key(listing(&job.caller), format!("{created:015}#{}", job.id));
        listed.insert("id".to_owned(), text(job.id.to_string()));
        listed.insert("expires".to_owned(), number(expires(job)));
        let mut open = key(OPEN, job.id.to_string());
        open.insert("look_at".to_owned(), number(plus_seconds(job.times.created, FIRST_LOOK_SECONDS).as_millisecond()));
        let row = Put::builder().table_name(&self.table).set_item(Some(self.to_item(job)?));
        let mut writes = vec![row.condition_expression("attribute_not_exists(pk)").build().map_err(unreadable)?];
        for item in [listed, open] {
            writes.push(Put::builder().table_name(&self.table).set_item(Some(item)).build().map_err(unreadable)?);
        }
        let writes = writes.into_iter().map(|put| TransactWriteItem::builder().put(put).build()).collect();
        match self.client.transact_write_items().set_transact_items(Some(writes)).send().await {
            Ok(_) => Ok(Made::New),
            Err(error) => match error.as_service_error() {
                // A conflict is the same request at the same moment; the row tells, once it is there.
                Some(TransactWriteItemsError::TransactionCanceledException(_)) => {
                    let job = self.get(job.id).await?;
                    job.map(|job| Made::Exists(Box::new(job))).ok_or(StoreError::Contended { operation: "jobs.create" })
                }
                _ => Err(unavailable("jobs.create")(error)),
            },
        }
    }

    /// A job, as of now.
    pub async fn get(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :p AND begins_with(sk, :s)")
            .expression_attribute_values(":p", text(partition(id)))
            .expression_attribute_values(":s", text(JOB))
            .consistent_read(true);
        // A page is a megabyte; the job is less than half of one, and comes first.
        let mut items = query.send().await.map_err(unavailable("jobs.get"))?.items.unwrap_or_default();
        let is_job = |item: &Item| item.get("sk").and_then(|sk| sk.as_s().ok()).is_some_and(|sk| sk == JOB);
        let Some(place) = items.iter().position(is_job) else { return Ok(None) };
        let job = items.remove(place);
        self.read(job, items).map(Some)
    }

    /// A job's state alone, as of a moment ago.
    pub async fn state(&self, id: JobId) -> Result<Option<JobState>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key(partition(id), JOB)));
        let get = get.projection_expression("#s").expression_attribute_names("#s", "state");
        let answer = get.send().await.map_err(unavailable("jobs.state"))?;
        let state = answer.item().and_then(|item| item.get("state")).and_then(|state| state.as_s().ok());
        Ok(state.and_then(|state| state.parse().ok()))
    }

    /// A caller's jobs, newest first: at most `most`, after the place `after` names. Answers also where to go on.
    pub async fn of_caller(
        &self,
        caller: &str,
        after: Option<&str>,
        most: i32,
    ) -> Result<(Vec<Job>, Option<String>), StoreError> {
        let start = after.map(|after| key(listing(caller), after));
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :p")
            .expression_attribute_values(":p", text(listing(caller)))
            .scan_index_forward(false)
            .set_exclusive_start_key(start)
            .limit(most);
        let answer = query.send().await.map_err(unavailable("jobs.of_caller"))?;
        let sk = |item: &Item| item.get("sk").and_then(|sk| sk.as_s().ok()).cloned();
        let ids: Vec<JobId> =
            answer.items().iter().filter_map(|item| item.get("id")?.as_s().ok()?.parse().ok()).collect();
        let next = answer.last_evaluated_key().and_then(sk);
        Ok((self.get_all(&ids).await?, next))
    }

    /// Several jobs, in this order; those that are gone are left out.
    async fn get_all(&self, ids: &[JobId]) -> Result<Vec<Job>, StoreError> {
        let mut found = Vec::with_capacity(ids.len());
        for some in ids.chunks(READS_AT_A_TIME) {
            found.extend(try_join_all(some.iter().map(|id| self.get(*id))).await?.into_iter().flatten());
        }
        Ok(found)
    }

    /// The rows are there, in this version of the file, and are looked at. `false`: it is past that.
    pub async fn begin_planning(&self, id: JobId, etag: &str) -> Result<bool, StoreError> {
        let update = Update::default()
            .only_if_one_of("state", states(&[JobState::AwaitingUpload, JobState::Planning]))
            .set("state", text(JobState::Planning.as_str()))
            .set("planning", text(etag))
            .increment("plannings");
        self.step(id, update, "jobs.begin_planning").await
    }

    /// Its rows are counted. It runs from now on, or waits for its time. `false`: somebody counts another version of the file, or it
    /// is past that.
    pub async fn planned(&self, job: &Job, plan: &Plan, now: Timestamp) -> Result<bool, StoreError> {
        let later = job.spec.scheduled.filter(|at| *at > now);
        let to = if later.is_some() { JobState::Scheduled } else { JobState::Running };
        let update = being_planned(&plan.etag)
            .set("state", text(to.as_str()))
            .set("plan", serde_dynamo::to_attribute_value(plan).map_err(unreadable)?);
        let update = if later.is_none() { update.set("started_at", number(now.as_millisecond())) } else { update };
        let done = self.step(job.id, update, "jobs.planned").await?;
        if let (true, Some(at)) = (done, later) {
            self.look_at(job.id, at).await?;
        }
        Ok(done)
    }

    /// This version of its file cannot be worked through. `false`: it is no matter any more; another one is counted, or works.
    pub async fn fail_planning(
        &self,
        id: JobId,
        etag: &str,
        failure: &Failure,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.step(id, failed(being_planned(etag), failure, now)?, "jobs.fail_planning").await
    }

    /// Its time has come.
    pub async fn start(&self, id: JobId, now: Timestamp) -> Result<bool, StoreError> {
        let update = Update::default()
            .only_if_equal("state", text(JobState::Scheduled.as_str()))
            .set("state", text(JobState::Running.as_str()))
            .set("started_at", number(now.as_millisecond()));
        self.step(id, update, "jobs.start").await
    }

    /// Stops it for now. `None`: it was not running; what it is, is in its row.
    pub async fn pause(&self, id: JobId, now: Timestamp) -> Result<Option<Job>, StoreError> {
        let update = Update::default()
            .only_if_one_of("state", states(&JobState::Paused.allowed_from()))
            .set("state", text(JobState::Paused.as_str()))
            .set("paused_at", number(now.as_millisecond()));
        self.moved(id, update, "jobs.pause").await
    }

    /// Lets a paused one go on. `None`: it was not paused.
    pub async fn resume(&self, job: &Job, now: Timestamp) -> Result<Option<Job>, StoreError> {
        let Some(since) = job.times.paused else { return Ok(None) };
        let to = after_pause(job, now);
        let lasted = now.as_millisecond().saturating_sub(since.as_millisecond()).max(0);
        let worked = job.times.started.is_some() && job.times.ended.is_none();
        let update = Update::default()
            .only_if_equal("state", text(JobState::Paused.as_str()))
            .only_if_equal("paused_at", number(since.as_millisecond()))
            .set("state", text(to.as_str()))
            .set("paused_ms", number(job.times.paused_ms + if worked { lasted } else { 0 }))
            .set("nudges", number(0))
            .remove("paused_at");
        let runs = to == JobState::Running;
        let update = if runs { update.set_if_absent("started_at", number(now.as_millisecond())) } else { update };
        self.moved(job.id, update, "jobs.resume").await
    }

    /// Ends it before its end. `None`: it was cancelled before.
    pub async fn cancel(&self, id: JobId, now: Timestamp) -> Result<Option<Job>, StoreError> {
        let update = Update::default()
            .only_if_one_of("state", states(&JobState::Cancelled.allowed_from()))
            .set("state", text(JobState::Cancelled.as_str()))
            .set_if_absent("ended_at", number(now.as_millisecond()));
        self.moved(id, update, "jobs.cancel").await
    }

    /// It cannot be worked through.
    pub async fn fail(&self, id: JobId, failure: &Failure, now: Timestamp) -> Result<bool, StoreError> {
        let update = Update::default()
            .only_if_one_of("state", states(&JobState::Failed.allowed_from()))
            .only_if_absent(&["ended_at"]);
        self.step(id, failed(update, failure, now)?, "jobs.fail").await
    }

    /// Its error file is written.
    pub async fn reported(&self, id: JobId, now: Timestamp) -> Result<(), StoreError> {
        let update = Update::default().only_if_present("pk").set("reported_at", number(now.as_millisecond()));
        self.step(id, update, "jobs.reported").await?;
        Ok(())
    }

    /// Every row is done.
    pub async fn complete(&self, job: &Job, now: Timestamp) -> Result<bool, StoreError> {
        if job.plan.as_ref().is_none_or(|plan| job.counts.chunks_done != plan.chunks) {
            return Ok(false);
        }
        let update = Update::default()
            .only_if_equal("state", text(JobState::Running.as_str()))
            .set("state", text(JobState::Completed.as_str()))
            .set("ended_at", number(now.as_millisecond()));
        self.step(job.id, update, "jobs.complete").await
    }

    /// Its chunks are queued again, because nothing moved. `false`: something did, or somebody else does it.
    pub async fn nudge(&self, job: &Job, now: Timestamp) -> Result<bool, StoreError> {
        let update = Update::default()
            .only_if_equal("state", text(JobState::Running.as_str()))
            .only_if_equal("nudges", number(job.times.nudges))
            .set("nudged_at", number(now.as_millisecond()))
            .increment("nudges");
        self.step(job.id, update, "jobs.nudge").await
    }

    /// Nobody need look after it any more.
    pub async fn close(&self, id: JobId) -> Result<(), StoreError> {
        let delete = self.client.delete_item().table_name(&self.table).set_key(Some(key(OPEN, id.to_string())));
        delete.send().await.map_err(unavailable("jobs.close"))?;
        Ok(())
    }

    /// When the sweep looks after it next.
    async fn look_at(&self, id: JobId, at: Timestamp) -> Result<(), StoreError> {
        let update = Update::default().only_if_present("pk").set("look_at", number(at.as_millisecond()));
        update.apply_at(&self.client, &self.table, key(OPEN, id.to_string()), "jobs.look_at").await?;
        Ok(())
    }

    async fn step(&self, id: JobId, update: Update, operation: &'static str) -> Result<bool, StoreError> {
        let applied = update.apply_at(&self.client, &self.table, key(partition(id), JOB), operation).await?;
        Ok(matches!(applied, Applied::Done(_)))
    }

    async fn moved(&self, id: JobId, update: Update, operation: &'static str) -> Result<Option<Job>, StoreError> {
        if self.step(id, update, operation).await? { self.get(id).await } else { Ok(None) }
    }
}

/// What a job whose pause ends is again.
fn after_pause(job: &Job, now: Timestamp) -> JobState {
    if job.times.ended.is_some() {
        return if job.failure.is_some() { JobState::Failed } else { JobState::Completed };
    }
    // One that was paused while it waited for its time goes on waiting, if that has not come.
    let waits = job.times.started.is_none() && job.spec.scheduled.is_some_and(|at| at > now);
    if waits { JobState::Scheduled } else { JobState::Running }
}

/// A step that is taken only while this version of the file is counted.
fn being_planned(etag: &str) -> Update {
    Update::default().only_if_equal("state", text(JobState::Planning.as_str())).only_if_equal("planning", text(etag))
}

fn failed(update: Update, failure: &Failure, now: Timestamp) -> Result<Update, StoreError> {
    let update = update
        .set("state", text(JobState::Failed.as_str()))
        .set("failure", serde_dynamo::to_attribute_value(failure).map_err(unreadable)?);
    Ok(update.set("ended_at", number(now.as_millisecond())))
}

fn states(states: &[JobState]) -> impl Iterator<Item = aws_sdk_dynamodb::types::AttributeValue> {
    states.iter().map(|state| text(state.as_str()))
}
