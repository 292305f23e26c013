//! The Ephemera table: small facts that expire by themselves.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, WriteRequest};
use jiff::Timestamp;

use super::batch_get::batch_get;
use super::update::{Applied, Update};
use super::write_token::put_once;
use super::{Item, StoreError, number, text, unavailable};
use crate::clock::{from_micros, from_millis, plus_seconds};
use crate::provider::ProviderName;
use crate::provider::pacing::Queue;
use crate::provider::routing::{Load, MINUTE_SECONDS};

/// The table.
#[derive(Clone, Debug)]
pub struct Ephemera {
    pub(super) client: Client,
    pub(super) table: String,
}

/// A rate window after one more request was counted in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Requests counted, this one included.
    pub count: u32,
    /// When the window ends and the next begins.
    pub resets: Timestamp,
}

/// How long a line is remembered, in seconds: longer than any line is.
const LINE_KEPT_SECONDS: i64 = 7 * 86_400;
fn minute(at: Timestamp) -> i64 {
    at.as_second().div_euclid(MINUTE_SECONDS)
}

/// Over how many rows what a provider was asked is spread: every batch adds to it.
pub const LOAD_SHARDS: u32 = 8;

fn load_key(provider: ProviderName, minute: i64, shard: u32) -> String {
    format!("load#{provider}#{minute}#{shard}")
}

/// One of so many, by chance.
fn any_of(shards: u32) -> u32 {
    u32::from(uuid::Uuid::new_v4().as_bytes()[0]) % shards.max(1)
}

#[expect(clippy::cast_possible_truncation, reason = "a worker's count of one batch")]
fn whole(count: f64) -> i64 {
    count.round() as i64
}

fn load_of(item: &Item) -> Load {
    let field = |name: &str| item.get(name).and_then(|value| value.as_n().ok()).and_then(|n| n.parse().ok());
    Load { requests: field("requests").unwrap_or_default(), accepts: field("accepts").unwrap_or_default() }
}

impl Ephemera {
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Of the fingerprints that a row of an address may be stored under (the oldest first), the first that has it, else the one
    /// to store it under. Nothing is read unless there are several.
    pub(super) async fn standing(
        &self,
        forms: Vec<String>,
        to_store: String,
        row: impl Fn(&str) -> String,
    ) -> Result<String, StoreError> {
        if forms.len() > 1 {
            for form in forms {
                let get = self.client.get_item().table_name(&self.table).key("key", text(row(&form)));
                let answer = get.consistent_read(true).send().await.map_err(unavailable("ephemera.standing"))?;
                if answer.item.is_some() {
                    return Ok(form);
                }
            }
        }
        Ok(to_store)
    }

    /// Counts one request in the window of `key`. A window starts with its first request, so that a burst is always
    /// counted whole, wherever it falls on the clock.
    pub async fn count(&self, key: &str, seconds: i64, now: Timestamp) -> Result<Window, StoreError> {
        self.count_by(key, 1, seconds, now).await
    }

    /// The same for so many at once.
    pub async fn count_by(&self, key: &str, by: u32, seconds: i64, now: Timestamp) -> Result<Window, StoreError> {
        for _ in 0..3 {
            let running =
                Update::default().add("count", i64::from(by)).only_if_after("resets", number(now.as_millisecond()));
            if let Applied::Done(item) =
                running.apply(&self.client, &self.table, ("key", key), "ephemera.count").await?
            {
                let field =
                    |name: &str| item.get(name).and_then(|value| value.as_n().ok()).and_then(|n| n.parse::<i64>().ok());
                let (count, resets) = (field("count").unwrap_or(1), field("resets").unwrap_or(0));
                return Ok(Window { count: u32::try_from(count).unwrap_or(u32::MAX), resets: from_millis(resets) });
            }
            let resets = plus_seconds(now, seconds);
            let put = self
                .client
                .put_item()
                .table_name(&self.table)
                .item("key", text(key))
                .item("count", number(by))
                .item("resets", number(resets.as_millisecond()))
                .item("expires", number(resets.as_second() + 60))
                .condition_expression("attribute_not_exists(#k) OR resets <= :now")
                .expression_attribute_names("#k", "key")
                .expression_attribute_values(":now", number(now.as_millisecond()));
            match put_once(put, "ephemera.count").await? {
                Applied::Done(_) => return Ok(Window { count: by, resets }),
                // Another request began the window between the two calls: count in that one.
                Applied::Refused(_) => {}
            }
        }
        Err(StoreError::Contended { operation: "ephemera.count" })
    }

    /// Gives `key` to `owner`, for a month. `false`: somebody else has it.
    pub async fn claim(&self, key: &str, owner: &str, now: Timestamp) -> Result<bool, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("key", text(key))
            .item("owner", text(owner))
            .item("expires", number(now.as_second() + 30 * 86_400))
            .condition_expression("attribute_not_exists(#k) OR #o = :o")
            .expression_attribute_names("#k", "key")
            .expression_attribute_names("#o", "owner")
            .expression_attribute_values(":o", text(owner));
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(false)
            }
            Err(error) => Err(unavailable("ephemera.claim")(error)),
        }
    }

    /// The next free place of a line: when its holder may send. A line nobody stood in for a while begins again, with its
    /// burst. In a fast line it is the next one of any of its rows.
    pub async fn reserve(&self, queue: &Queue, now: Timestamp) -> Result<Timestamp, StoreError> {
        let key = queue.row(any_of(queue.rows));
        let now_micros = now.as_microsecond();
        let start = now_micros - queue.burst;
        for _ in 0..4 {
            let behind = Update::default()
                .add("next", queue.interval)
                .set("expires", number(now.as_second() + LINE_KEPT_SECONDS))
                .only_if_from("next", number(start));
            if let Applied::Done(item) =
                behind.apply(&self.client, &self.table, ("key", &key), "ephemera.reserve").await?
            {
                let next = item.get("next").and_then(|next| next.as_n().ok()).and_then(|next| next.parse::<i64>().ok());
                return Ok(from_micros(next.map_or(now_micros, |next| next - queue.interval)));
            }
            let first = Update::default()
                .set("next", number(start + queue.interval))
                .set("expires", number(now.as_second() + LINE_KEPT_SECONDS))
                .only_if_absent_or_before("next", number(start));
            if let Applied::Done(_) = first.apply(&self.client, &self.table, ("key", &key), "ephemera.reserve").await? {
                return Ok(from_micros(start));
            }
        }
        Err(StoreError::Contended { operation: "ephemera.reserve" })
    }

    /// Lets a line stand still until `until`: who reserves a place now gets none before.
    pub async fn stand_still(&self, queue: &Queue, until: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        let stopped = (0..queue.rows).map(|row| async move {
            let update = Update::default()
                .set("next", number(until.as_microsecond()))
                .set("expires", number(now.as_second() + LINE_KEPT_SECONDS))
                .only_if_absent_or_before("next", number(until.as_microsecond()));
            update.apply(&self.client, &self.table, ("key", &queue.row(row)), "ephemera.stand_still").await
        });
        futures::future::try_join_all(stopped).await?;
        Ok(())
    }

    /// Notes that a sender is throttled until `until`, unless it is known to be for longer.
    pub async fn throttle(&self, key: &str, until: Timestamp) -> Result<(), StoreError> {
        let update = Update::default()
            .set("until", number(until.as_millisecond()))
            .set("expires", number(until.as_second() + 60))
            .only_if_absent_or_before("until", number(until.as_millisecond()));
        update.apply(&self.client, &self.table, ("key", key), "ephemera.throttle").await?;
        Ok(())
    }

    /// Until when a sender is throttled, if it ever was lately.
    pub async fn throttled_until(&self, key: &str) -> Result<Option<Timestamp>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).key("key", text(key));
        let answer = get.send().await.map_err(unavailable("ephemera.throttled_until"))?;
        let until = answer.item().and_then(|item| item.get("until")).and_then(|until| until.as_n().ok());
        Ok(until.and_then(|until| until.parse().ok()).map(from_millis))
    }

    /// Takes one of `most` places of `key` for `id`, until `ends`. Who has one has it, however often they ask. `false`: all
    /// are taken.
    pub async fn take_place(&self, key: &str, id: &str, most: u32, ends: Timestamp) -> Result<bool, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("key", text(key))
            .update_expression("ADD ids :ids SET expires = :e")
            .condition_expression("attribute_not_exists(ids) OR contains(ids, :id) OR size(ids) < :most")
            .expression_attribute_values(":ids", AttributeValue::Ss(vec![id.to_owned()]))
            .expression_attribute_values(":id", text(id))
            .expression_attribute_values(":most", number(most))
            .expression_attribute_values(":e", number(ends.as_second() + 86_400));
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(false)
            }
            Err(error) => Err(unavailable("ephemera.take_place")(error)),
        }
    }

    /// Gives a place back, if `id` has one.
    pub async fn give_back(&self, key: &str, id: &str) -> Result<(), StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("key", text(key))
            .update_expression("DELETE ids :ids")
            .condition_expression("contains(ids, :id)")
            .expression_attribute_values(":ids", AttributeValue::Ss(vec![id.to_owned()]))
            .expression_attribute_values(":id", text(id));
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => Ok(()),
            Err(error) => Err(unavailable("ephemera.give_back")(error)),
        }
    }

    /// Deletes rows, whether they are there or not.
    pub async fn forget(&self, keys: Vec<String>) -> Result<(), StoreError> {
        let unreadable = |error: BuildError| StoreError::Unreadable { table: "ephemera", cause: error.to_string() };
        let delete = |key: &String| {
            let delete = DeleteRequest::builder().key("key", text(key)).build().map_err(unreadable)?;
            Ok(WriteRequest::builder().delete_request(delete).build())
        };
        // A batch may name a row once.
        let keys: BTreeSet<String> = keys.into_iter().collect();
        let requests = keys.iter().map(delete).collect::<Result<Vec<_>, StoreError>>()?;
        for batch in requests.chunks(25) {
            let mut left = batch.to_vec();
            for _ in 0..5 {
                let answer = self.client.batch_write_item().request_items(&self.table, left).send().await;
                let mut answer = answer.map_err(unavailable("ephemera.forget"))?;
                left = answer.unprocessed_items.as_mut().and_then(|all| all.remove(&self.table)).unwrap_or_default();
                if left.is_empty() {
                    break;
                }
            }
            if !left.is_empty() {
                return Err(StoreError::Contended { operation: "ephemera.forget" });
            }
        }
        Ok(())
    }

    /// Notes that something was alive at `at`, unless it is known to have been later.
    pub async fn beat(&self, key: &str, at: Timestamp) -> Result<(), StoreError> {
        let update = Update::default()
            .set("at", number(at.as_millisecond()))
            .set("expires", number(at.as_second() + 7 * 86_400))
            .only_if_absent_or_before("at", number(at.as_millisecond()));
        update.apply(&self.client, &self.table, ("key", key), "ephemera.beat").await?;
        Ok(())
    }

    /// When something was last alive, if in the last week.
    pub async fn last_beat(&self, key: &str) -> Result<Option<Timestamp>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).key("key", text(key));
        let answer = get.send().await.map_err(unavailable("ephemera.last_beat"))?;
        let at =
            answer.item().and_then(|item| item.get("at")).and_then(|at| at.as_n().ok()).and_then(|at| at.parse().ok());
        Ok(at.map(from_millis))
    }

    /// Adds to what a provider was asked and took in this minute.
    pub async fn add_load(&self, provider: ProviderName, load: Load, now: Timestamp) -> Result<(), StoreError> {
        let key = load_key(provider, minute(now), any_of(LOAD_SHARDS));
        let update = Update::default()
            .add("requests", whole(load.requests))
            .add("accepts", whole(load.accepts))
            .set("expires", number(now.as_second() + 10 * MINUTE_SECONDS));
        update.apply(&self.client, &self.table, ("key", &key), "ephemera.add_load").await?;
        Ok(())
    }

    /// What a provider was asked and took in the last two minutes. A reading may miss the last moments.
    pub async fn load(&self, provider: ProviderName, now: Timestamp) -> Result<Load, StoreError> {
        let keys = [0, 1, 2].map(|back| {
            (0..LOAD_SHARDS).map(|shard| load_key(provider, minute(now) - back, shard)).collect::<Vec<_>>()
        });
        let all = keys.iter().flatten().map(|key| Item::from([("key".to_owned(), text(key))])).collect();
        let rows = batch_get(&self.client, &self.table, all, false, "ephemera.load").await?;
        let of_minute = |keys: &Vec<String>| {
            let is_of =
                |row: &&Item| row.get("key").and_then(|key| key.as_s().ok()).is_some_and(|key| keys.contains(key));
            rows.iter().filter(is_of).map(load_of).fold(Load::default(), |sum, load| sum + load)
        };
        Ok(Load::over(keys.each_ref().map(of_minute), now))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::Clock;
    use crate::message::{Channel, Lane};
    use crate::provider::pacing::Paces;
    use crate::provider::stub::{Stub, reply};
    use crate::testing::road_on;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    async fn written(most: usize, write: impl AsyncFn(&Ephemera)) -> BTreeSet<String> {
        let table = Stub::new((0..most).map(|_| reply(200, json!({})))).await;
        let ephemera = road_on(&table.base_url, Clock::fixed(NOW)).unwrap().ephemera;
        write(&ephemera).await;
        table.requests().iter().map(|seen| seen.json()["Key"]["key"]["S"].as_str().unwrap().to_owned()).collect()
    }

    #[tokio::test]
    async fn load_of_all_batches_is_spread_over_rows_and_read_as_one() {
        let load = Load { requests: 10.0, accepts: 9.0 };
        let keys = written(200, async |ephemera: &Ephemera| {
            for _ in 0..200 {
                ephemera.add_load(ProviderName::Resend, load, NOW).await.unwrap();
            }
        })
        .await;
        let all: BTreeSet<String> =
            (0..LOAD_SHARDS).map(|shard| load_key(ProviderName::Resend, minute(NOW), shard)).collect();
        assert_eq!(keys, all);
        let row = |key: &String| json!({"key": {"S": key}, "requests": {"N": "10"}, "accepts": {"N": "9"}});
        let rows: Vec<_> = keys.iter().map(row).collect();
        let table = Stub::new([reply(200, json!({"Responses": {"ephemera": rows}}))]).await;
        let read = road_on(&table.base_url, Clock::fixed(NOW)).unwrap().ephemera.load(ProviderName::Resend, NOW).await;
        assert_eq!(read.unwrap(), Load { requests: 80.0, accepts: 72.0 });
    }

    #[tokio::test]
    async fn fast_line_is_reserved_in_all_its_rows_and_stands_still_in_each() {
        let paces = Paces { sms: 1_000, ..Paces::default() };
        let queue = paces.queue(ProviderName::Twilio, Channel::Sms, None, Lane::Standard).unwrap();
        let all: BTreeSet<String> = (0..4).map(|row| queue.row(row)).collect();
        let reserved = written(100, async |ephemera: &Ephemera| {
            for _ in 0..100 {
                ephemera.reserve(&queue, NOW).await.unwrap();
            }
        });
        assert_eq!(reserved.await, all);
        let stopped = written(10, async |ephemera: &Ephemera| {
            ephemera.stand_still(&queue, crate::clock::plus_seconds(NOW, 30), NOW).await.unwrap();
        });
        assert_eq!(stopped.await, all);
    }
}
