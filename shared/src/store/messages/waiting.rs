//! How many messages of a bulk job are held, by reason. Each is counted in the transaction that holds it, and taken off in the one
//! that lets it go, so the counts are exact; they are read at the same cost however many there are.
//!
//! The message's row says as what it is counted ([`COUNTED`]). A step that moves a message says that it is not counted, or as what; if
//! that turns out to be wrong, the refusal tells, and the step is taken again.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::row::unreadable;
use super::{Messages, Update};
use crate::clock::plus_seconds;
use crate::message::{JobId, Message, MessageId};
use crate::store::batch_get::batch_get;
use crate::store::update::Applied;
use crate::store::{Item, StoreError, number, text};

/// The attribute of a message's row with the reason it is counted under.
pub(super) const COUNTED: &str = "counted_as";
/// Over how many rows a job's counts are spread: the messages of a chunk are held at the same time.
const SHARDS: u32 = 64;
/// What stands before a reason in the name of its count.
const COUNT: &str = "held#";
/// How often a step is taken again because its message was counted otherwise than thought.
const TRIES: u32 = 4;
/// How long counts are kept after a message was held, in seconds: longer than any message is.
const KEPT_SECONDS: i64 = 800 * 86_400;

/// A message's change of place among those that are held.
#[derive(Clone, Copy, Debug)]
struct Change<'a> {
    job: JobId,
    id: MessageId,
    from: Option<&'a str>,
    to: Option<&'a str>,
}

fn key(job: JobId, shard: u32) -> Item {
    Item::from([("id".to_owned(), text(format!("job#{job}#held#{shard}")))])
}

/// As what a row is counted.
fn counted_as(item: &Item) -> Option<&str> {
    Some(item.get(COUNTED)?.as_s().ok()?.as_str())
}

impl Change<'_> {
    /// The update of the job's counts; `None`: they stay as they are.
    fn count(self, now: Timestamp) -> Option<(Item, Update)> {
        if self.from == self.to {
            return None;
        }
        let mut update = Update::default();
        for (reason, by) in [(self.from, -1), (self.to, 1)] {
            if let Some(reason) = reason {
                update = update.add(&format!("{COUNT}{reason}"), by);
            }
        }
        if self.to.is_some() {
            update = update.set("expires", number(plus_seconds(now, KEPT_SECONDS).as_second()));
        }
        Some((key(self.job, self.id.spread(SHARDS)), update))
    }
}

impl Messages {
    /// How many messages of a job are held, by reason.
    pub async fn held(&self, job: JobId) -> Result<BTreeMap<String, u64>, StoreError> {
        let keys = (0..SHARDS).map(|shard| key(job, shard)).collect();
        let rows = batch_get(&self.client, &self.table, keys, true, "messages.held").await?;
        let mut counts = BTreeMap::<String, i64>::new();
        for (name, value) in rows.iter().flatten() {
            if let Some(reason) = name.strip_prefix(COUNT) {
                let count: i64 = value.as_n().ok().and_then(|count| count.parse().ok()).unwrap_or(0);
                *counts.entry(reason.to_owned()).or_default() += count;
            }
        }
        let positive = |(reason, count)| Some((reason, u64::try_from(count).ok().filter(|count| *count > 0)?));
        Ok(counts.into_iter().filter_map(positive).collect())
    }

    /// The row and the update that count a message which is held from the start.
    pub(super) fn counted_from_the_start(message: &Message) -> Option<(Item, Update)> {
        let change = Change { job: message.job?, id: message.id, from: None, to: message.counted_as.as_deref() };
        change.count(message.times.created)
    }

    /// Takes off a message that does not wait any more: what its row must be, and the update of the counts.
    pub(super) fn uncounted(message: &Message, item: &Item, update: Update) -> (Update, Option<(Item, Update)>) {
        let (Some(job), Some(reason)) = (message.job, counted_as(item)) else {
            return (update.only_if_absent(&[COUNTED]), None);
        };
        let change = Change { job, id: message.id, from: Some(reason), to: None };
        let update = update.only_if_equal(COUNTED, text(reason)).remove(COUNTED);
        // Nothing is counted anew, so no time is needed.
        (update, change.count(Timestamp::UNIX_EPOCH))
    }

    /// Moves a message that was read before. `to`: the reason it is held for by this step, if it is.
    pub(super) async fn move_on(
        &self,
        seen: &Message,
        to: Option<&str>,
        update: Update,
        operation: &'static str,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        let from = seen.counted_as.clone();
        let to = to.filter(|_| seen.job.is_some());
        self.step_counted(seen.id, seen.job, (from, to), update, operation, now).await
    }

    /// Moves a message that was not read before to where it is not held.
    pub(super) async fn let_go(
        &self,
        id: MessageId,
        update: Update,
        operation: &'static str,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        self.step_counted(id, None, (None, None), update, operation, now).await
    }

    async fn step_counted(
        &self,
        id: MessageId,
        mut job: Option<JobId>,
        (mut from, to): (Option<String>, Option<&str>),
        update: Update,
        operation: &'static str,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        for _ in 0..TRIES {
            let update = match &from {
                Some(reason) => update.clone().only_if_equal(COUNTED, text(reason)),
                None => update.clone().only_if_absent(&[COUNTED]),
            };
            let count = match job {
                Some(job) => Change { job, id, from: from.as_deref(), to }.count(now),
                None => None,
            };
            let update = match (to, &from) {
                (Some(reason), _) => update.set(COUNTED, text(reason)),
                (None, Some(_)) => update.remove(COUNTED),
                (None, None) => update,
            };
            let applied = self.apply_counted(id, update, count, operation).await?;
            let Applied::Refused(Some(item)) = applied else { return Ok(applied) };
            if counted_as(&item) == from.as_deref() {
                return Ok(Applied::Refused(Some(item)));
            }
            from = counted_as(&item).map(str::to_owned);
            let named = item.get("job").and_then(|job| job.as_s().ok());
            job = named.map(|job| job.parse().map_err(unreadable)).transpose()?;
        }
        Err(StoreError::Contended { operation })
    }

    async fn apply_counted(
        &self,
        id: MessageId,
        update: Update,
        count: Option<(Item, Update)>,
        operation: &'static str,
    ) -> Result<Applied, StoreError> {
        let key = Item::from([("id".to_owned(), text(id.to_string()))]);
        let Some((counter, count)) = count else {
            return update.apply_at(&self.client, &self.table, key, operation).await;
        };
        let count = count.in_transaction(&self.table, counter).map_err(unreadable)?;
        let wants_whole = update.wants_whole();
        match update.apply_together(&self.client, &self.table, key, vec![count], operation).await? {
            // A transaction does not answer with the row. Who does not need it must not fail for it.
            Applied::Done(_) if wants_whole => Ok(Applied::Done(self.item(id).await?.unwrap_or_default())),
            applied @ (Applied::Done(_) | Applied::Refused(_)) => Ok(applied),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::clock::Clock;
    use crate::message::Status;
    use crate::provider::stub::{Stub, refused, reply};
    use crate::store::messages::{Look, Settled};
    use crate::testing::{road_on, sample_message};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    /// A message of a job that is held because the job is paused.
    fn held() -> Message {
        let (job, counted_as) = (Some(JobId::new()), Some("job_paused".to_owned()));
        Message { job, counted_as, status: Status::Held, attempts: 1, ..sample_message(NOW) }
    }

    /// What the counts change by, as the only transaction says.
    fn counted(body: &Value) -> (String, Vec<i64>) {
        let count = &body["TransactItems"][1]["Update"];
        let values = count["ExpressionAttributeValues"].as_object().unwrap().values();
        let by = values.filter_map(|value| value["N"].as_str()?.parse().ok()).filter(|by: &i64| by.abs() == 1);
        (count["ExpressionAttributeNames"].to_string(), by.collect())
    }

    #[tokio::test]
    async fn claim_of_a_held_message_is_one_transaction_and_needs_no_other_answer() {
        let table = Stub::new([reply(200, json!({}))]).await;
        let road = road_on(&table.base_url, Clock::fixed(NOW)).unwrap();
        let message = held();
        assert!(road.messages.claim(&message, &message.decision, NOW, NOW).await.unwrap());
        let (names, by) = counted(&table.only_request().json());
        assert!(names.contains("held#job_paused"), "{names}");
        assert_eq!(by, [-1]);
    }

    #[tokio::test]
    async fn end_of_a_held_message_that_was_not_read_takes_it_off_the_count() {
        let message = held();
        let row = json!({
            "job": {"S": message.job.unwrap().to_string()}, "status": {"S": "held"}, "counted_as": {"S": "job_paused"},
        });
        let table = Stub::new([refused(&row), reply(200, json!({}))]).await;
        let road = road_on(&table.base_url, Clock::fixed(NOW)).unwrap();
        let settled = Settled::Uncertain { due: NOW, provider_code: None, detail: String::new() };
        assert!(road.messages.settle(message.id, 1, &settled, NOW).await.unwrap());
        let requests = table.requests();
        let (names, by) = counted(&requests[1].json());
        assert!(names.contains("held#job_paused"), "{names}");
        assert_eq!((requests.len(), by), (2, vec![-1]));
    }

    #[tokio::test]
    async fn message_refused_for_another_reason_stays_counted() {
        let message = held();
        let row = json!({"status": {"S": "sent"}});
        let table = Stub::new([refused(&row)]).await;
        let road = road_on(&table.base_url, Clock::fixed(NOW)).unwrap();
        let settled = Settled::Sent { provider_id: "SM1".to_owned(), look: Look::AsClaimed };
        assert!(!road.messages.settle(message.id, 1, &settled, NOW).await.unwrap());
        assert_eq!(table.requests().len(), 1);
    }
}
