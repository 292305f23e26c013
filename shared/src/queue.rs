//! The lanes, the queue of callbacks (reports that came before their message could be found, and what follows from callbacks and from
//! what people write), the queue of bulk jobs, that of erasing and sealing anew, and that of outgoing events.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::config::{Missing, required};
use crate::event::{DeliveryId, SubscriberId};
use crate::message::{JobId, Lane, Message, MessageId};
use crate::person::PersonId;
use crate::provider::Report;
use crate::road::Heard;

/// The longest delay SQS knows. What is due later waits in the table.
pub const LONGEST_DELAY: Duration = Duration::from_secs(900);

/// What a queue record asks for. Ids and codes only: no address, no content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Work {
    /// Look at this message and take its next step.
    Message { id: MessageId },
    /// Apply this report, now that its message may be there.
    Report { report: Report },
    /// Do what follows from this report.
    FollowUp { id: MessageId, report: Report },
    /// Heed this text of somebody's, which could not be heeded when it came.
    Heard { heard: Heard },
    /// Delete these recordings at the provider: the message they belong to has expired.
    Unrecord { recordings: Vec<String> },
}

/// What a record of the jobs queue asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum JobWork {
    /// Take this job a step further: its rows are there, or its client changed its state.
    Job { id: JobId },
    /// Look whether this job moves, and take it a step further if it does not.
    Look { id: JobId },
    /// Work on this chunk of it.
    Chunk { id: JobId, number: u32 },
}

/// What a record of the privacy queue asks for. A person's id is the client's word for them, no address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PrivacyWork {
    /// Take the erasure of this person further.
    Erase { person: PersonId },
    /// Take this segment of sealing anew further.
    Reseal { segment: u32 },
    /// Take this segment of carrying fingerprints forward further.
    Reindex { segment: u32 },
}

/// What a record of the events queue asks for: try this delivery, if its time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventWork {
    pub subscriber: SubscriberId,
    pub delivery: DeliveryId,
    /// In the queue of subscribers that answer slowly.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub apart: bool,
}

/// A queue did not take something.
#[derive(Debug, thiserror::Error)]
#[error("the queue {queue} did not take it: {cause}")]
pub struct QueueError {
    queue: &'static str,
    cause: String,
}

/// The queues.
#[derive(Clone, Debug)]
pub struct Queues {
    client: Client,
    urgent: String,
    standard: String,
    bulk: String,
    callbacks: String,
    jobs: String,
    privacy: String,
    events: String,
    slow_events: String,
}

impl Queues {
    pub fn from_env(client: Client) -> Result<Self, Missing> {
        Ok(Self {
            client,
            urgent: required("URGENT_QUEUE_URL")?,
            standard: required("STANDARD_QUEUE_URL")?,
            bulk: required("BULK_QUEUE_URL")?,
            callbacks: required("CALLBACKS_QUEUE_URL")?,
            jobs: required("JOBS_QUEUE_URL")?,
            privacy: required("PRIVACY_QUEUE_URL")?,
            events: required("EVENTS_QUEUE_URL")?,
            slow_events: required("SLOW_EVENTS_QUEUE_URL")?,
        })
    }

    /// All queues at one address. For tests.
    #[cfg(any(test, feature = "testing"))]
    pub fn at(client: Client, url: &str) -> Self {
        let url = || url.to_owned();
        Self {
            client,
            urgent: url(),
            standard: url(),
            bulk: url(),
            callbacks: url(),
            jobs: url(),
            privacy: url(),
            events: url(),
            slow_events: url(),
        }
    }

    /// Opens the connection, so that the first message does not wait for it.
    pub async fn prime(&self) {
        let _ = self.client.get_queue_url().queue_name("prime").send().await;
    }

    fn url(&self, lane: Lane) -> &str {
        match lane {
            Lane::Urgent => &self.urgent,
            Lane::Standard => &self.standard,
            Lane::Bulk => &self.bulk,
        }
    }

    /// Puts a message in its lane, to be looked at after `delay` (rounded up to seconds, at most 15 minutes).
    pub async fn enqueue(&self, lane: Lane, id: MessageId, delay: Duration) -> Result<(), QueueError> {
        self.put(lane.as_str(), self.url(lane), &Work::Message { id }, None, delay).await
    }

    /// The same as one of its job's or its caller's.
    pub async fn enqueue_message(&self, message: &Message, delay: Duration) -> Result<(), QueueError> {
        let (lane, work) = (message.lane, Work::Message { id: message.id });
        self.put(lane.as_str(), self.url(lane), &work, Some(group(message)), delay).await
    }

    /// Lets a report wait for its message.
    pub async fn park(&self, report: &Report, delay: Duration) -> Result<(), QueueError> {
        self.put("callbacks", &self.callbacks, &Work::Report { report: report.clone() }, None, delay).await
    }

    /// Asks for all of these in the queue of callbacks, ten with one call. If it does not take one of them, some may be asked for
    /// all the same: each may be done twice.
    pub async fn park_all(&self, all: &[Work]) -> Result<(), QueueError> {
        let failed = |cause: String| QueueError { queue: "callbacks", cause };
        for ten in all.chunks(10) {
            let mut entries = Vec::with_capacity(ten.len());
            for (number, work) in ten.iter().enumerate() {
                let body = serde_json::to_string(work).map_err(|error| failed(error.to_string()))?;
                let entry = SendMessageBatchRequestEntry::builder().id(number.to_string()).message_body(body).build();
                entries.push(entry.map_err(|error| failed(error.to_string()))?);
            }
            let asked = self.client.send_message_batch().queue_url(&self.callbacks).set_entries(Some(entries));
            let answer = asked.send().await.map_err(|error| failed(error.into_service_error().to_string()))?;
            if let Some(first) = answer.failed().first() {
                return Err(failed(first.code().to_owned()));
            }
        }
        Ok(())
    }

    /// Lets a text wait that could not be heeded.
    pub async fn park_heard(&self, heard: &Heard, delay: Duration) -> Result<(), QueueError> {
        self.put("callbacks", &self.callbacks, &Work::Heard { heard: heard.clone() }, None, delay).await
    }

    /// Asks `bulk` for something, after `delay`.
    pub async fn enqueue_job(&self, work: JobWork, delay: Duration) -> Result<(), QueueError> {
        let (JobWork::Job { id } | JobWork::Look { id } | JobWork::Chunk { id, .. }) = work;
        self.put("jobs", &self.jobs, &work, Some(id.to_string()), delay).await
    }

    /// Asks `privacy` for something, after `delay`.
    pub async fn enqueue_privacy(&self, work: &PrivacyWork, delay: Duration) -> Result<(), QueueError> {
        self.put("privacy", &self.privacy, work, None, delay).await
    }

    /// Has `events` try a delivery, after `delay`.
    pub async fn enqueue_event(&self, work: EventWork, delay: Duration) -> Result<(), QueueError> {
        let (queue, url) = if work.apart { ("slow_events", &self.slow_events) } else { ("events", &self.events) };
        self.put(queue, url, &work, Some(work.subscriber.to_string()), delay).await
    }

    /// The same for many, ten with one call; answers how many the queue did not take. The sweep finds those.
    pub async fn enqueue_events(&self, all: &[(EventWork, Duration)]) -> usize {
        let mut refused = 0;
        for ten in all.chunks(10) {
            let entries = ten.iter().filter_map(|(work, delay)| {
                let body = serde_json::to_string(work).ok()?;
                let entry = SendMessageBatchRequestEntry::builder().id(work.delivery.to_string()).message_body(body);
                let entry = entry.message_group_id(work.subscriber.to_string());
                entry.delay_seconds(whole_seconds(*delay)).build().ok()
            });
            let entries: Vec<_> = entries.collect();
            let asked = self.client.send_message_batch().queue_url(&self.events).set_entries(Some(entries));
            match asked.send().await {
                Ok(answer) => refused += answer.failed().len(),
                Err(error) => {
                    tracing::error!(queue.name = "events", error = %error.into_service_error(), "a batch was not queued");
                    refused += ten.len();
                }
            }
        }
        refused
    }

    /// About how many records of a lane wait or are being worked on. SQS counts approximately.
    pub async fn depth(&self, lane: Lane) -> Result<u32, QueueError> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let asked = self.client.get_queue_attributes().queue_url(self.url(lane));
        let answer = asked.set_attribute_names(Some(names.to_vec())).send().await;
        let failed = |cause: String| QueueError { queue: lane.as_str(), cause };
        let answer = answer.map_err(|error| failed(error.into_service_error().to_string()))?;
        let number = |name| answer.attributes().and_then(|all| all.get(name)?.parse::<u32>().ok()).unwrap_or(0);
        Ok(names.iter().map(number).sum())
    }

    async fn put(
        &self,
        queue: &'static str,
        url: &str,
        work: &impl Serialize,
        group: Option<String>,
        delay: Duration,
    ) -> Result<(), QueueError> {
        let failed = |cause: String| QueueError { queue, cause };
        let body = serde_json::to_string(work).map_err(|error| failed(error.to_string()))?;
        let request = self.client.send_message().queue_url(url).message_body(body).set_message_group_id(group);
        let request = request.delay_seconds(whole_seconds(delay));
        request.send().await.map_err(|error| failed(error.into_service_error().to_string()))?;
        Ok(())
    }

    /// Puts messages in a lane, ten with one call, as those of a job where they are of one; answers those the queue did not take.
    pub async fn enqueue_all(
        &self,
        lane: Lane,
        messages: &[(MessageId, Duration)],
        job: Option<JobId>,
    ) -> Vec<MessageId> {
        let mut refused = Vec::new();
        for ten in messages.chunks(10) {
            let entries = ten.iter().filter_map(|(id, delay)| entry(*id, *delay, job)).collect();
            let answer =
                self.client.send_message_batch().queue_url(self.url(lane)).set_entries(Some(entries)).send().await;
            match answer {
                Ok(answer) => {
                    refused.extend(answer.failed().iter().filter_map(|failed| failed.id().parse::<MessageId>().ok()))
                }
                Err(error) => {
                    tracing::error!(queue.name = lane.as_str(), error = %error.into_service_error(), "a batch was not queued");
                    refused.extend(ten.iter().map(|(id, _)| *id));
                }
            }
        }
        refused
    }
}

/// Whose a message is. SQS keeps nobody waiting for long behind the many records of another group ("fair queues"). A caller's name is
/// no business of the queue's, and may have characters it takes none of.
fn group(message: &Message) -> String {
    match message.job {
        Some(job) => job.to_string(),
        None => URL_SAFE_NO_PAD.encode(digest(&SHA256, message.caller.as_bytes())),
    }
}

fn entry(id: MessageId, delay: Duration, job: Option<JobId>) -> Option<SendMessageBatchRequestEntry> {
    let body = serde_json::to_string(&Work::Message { id }).ok()?;
    let entry = SendMessageBatchRequestEntry::builder().id(id.to_string()).message_body(body);
    let entry = entry.set_message_group_id(job.map(|job| job.to_string()));
    entry.delay_seconds(whole_seconds(delay)).build().ok()
}

/// Up to the next whole second, because a message must not come before its time.
fn whole_seconds(delay: Duration) -> i32 {
    let delay = delay.min(LONGEST_DELAY);
    let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
    i32::try_from(seconds.min(LONGEST_DELAY.as_secs())).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
