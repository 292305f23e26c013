//! The Ephemera table: small facts that expire by themselves.

mod lines;
mod loads;
mod places;

use std::collections::BTreeSet;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{DeleteRequest, WriteRequest};
use jiff::Timestamp;

use super::update::{Applied, Update};
use super::write_token::{named, put_once};
use super::{StoreError, number, text, unavailable};
use crate::clock::{from_millis, plus_seconds};

pub use loads::LOAD_SHARDS;

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

/// One of so many, by chance.
fn any_of(shards: u32) -> u32 {
    u32::from(uuid::Uuid::new_v4().as_bytes()[0]) % shards.max(1)
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
            let running = Update::default()
                .add("count", i64::from(by))
                .only_if_after("resets", number(now.as_millisecond()))
                .whole();
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
        match put.customize().mutate_request(named("ephemera.claim")).send().await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(false)
            }
            Err(error) => Err(unavailable("ephemera.claim")(error)),
        }
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
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::Clock;
    use crate::provider::stub::{Stub, reply};
    use crate::testing::road_on;

    pub(super) const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    /// The keys of the rows that something writes.
    pub(super) async fn written(most: usize, write: impl AsyncFn(&Ephemera)) -> BTreeSet<String> {
        let table = Stub::new((0..most).map(|_| reply(200, json!({})))).await;
        let ephemera = road_on(&table.base_url, Clock::fixed(NOW)).unwrap().ephemera;
        write(&ephemera).await;
        table.requests().iter().map(|seen| seen.json()["Key"]["key"]["S"].as_str().unwrap().to_owned()).collect()
    }
}
