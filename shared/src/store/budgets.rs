//! Budgets, and what was spent of them: the limits in the Catalog table, the sums in Ephemera. A budget is for everything
//! (`all`) or for one caller (the subject of its token).
//!
//! Every message that counts adds to its sums, so each sum is spread over [`SHARDS`] rows by the message's id: what a message
//! adds, and what is given back for it, are in the same row.

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::batch_get::batch_get;
use super::update::{Applied, Update};
use super::write_token::put_once;
use super::{Item, StoreError, number, text, unavailable};
use crate::message::budget::{Budget, Mark, Period, Spent};
use crate::message::{MessageId, Micros};

/// The two tables.
#[derive(Clone, Debug)]
pub struct Budgets {
    client: Client,
    catalog: String,
    ephemera: String,
}

/// The budget of everything.
pub const ALL: &str = "all";

/// Over how many rows a sum is spread. A partition takes a thousand writes a second.
pub const SHARDS: u32 = 16;

/// The longest name of a budget.
pub const LONGEST_SCOPE: usize = 256;

const PARTITION: &str = "budgets";

/// How long sums are kept after their period began, in seconds.
const KEPT_SECONDS: i64 = 400 * 86_400;

#[derive(Serialize, Deserialize)]
struct Row {
    pk: String,
    sk: String,
    #[serde(flatten)]
    budget: Budget,
    updated_by: String,
    #[serde(with = "crate::clock::millis")]
    updated_at: Timestamp,
}

fn sum_key(scope: &str, period: Period, at: Timestamp, shard: u32) -> String {
    format!("spend#{scope}#{}#{shard}", period.name(at))
}

fn alert_key(scope: &str, period: Period, mark: Mark, now: Timestamp) -> String {
    format!("spend-alert#{scope}#{}#{}", period.name(now), mark.as_str())
}

fn unreadable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unreadable { table: "budgets", cause: error.to_string() }
}

impl Budgets {
    pub fn new(client: Client, catalog: String, ephemera: String) -> Self {
        Self { client, catalog, ephemera }
    }

    /// A budget, if there is one.
    pub async fn get(&self, scope: &str) -> Result<Option<Budget>, StoreError> {
        Ok(self.in_force(scope).await?.map(|(budget, _)| budget))
    }

    /// A budget, and since when it stands as it does.
    pub async fn in_force(&self, scope: &str) -> Result<Option<(Budget, Timestamp)>, StoreError> {
        let get = self.client.get_item().table_name(&self.catalog).key("pk", text(PARTITION)).key("sk", text(scope));
        let answer = get.send().await.map_err(unavailable("budgets.get"))?;
        let row: Option<Row> = answer.item.map(serde_dynamo::from_item).transpose().map_err(unreadable)?;
        Ok(row.map(|row| (row.budget, row.updated_at)))
    }

    /// Sets a budget.
    pub async fn put(&self, scope: &str, budget: Budget, by: &str, now: Timestamp) -> Result<(), StoreError> {
        let row =
            Row { pk: PARTITION.to_owned(), sk: scope.to_owned(), budget, updated_by: by.to_owned(), updated_at: now };
        let item: Item = serde_dynamo::to_item(row).map_err(unreadable)?;
        let put = self.client.put_item().table_name(&self.catalog).set_item(Some(item));
        put.send().await.map_err(unavailable("budgets.put"))?;
        Ok(())
    }

    /// What was spent in the present day and month.
    pub async fn spent(&self, scope: &str, now: Timestamp) -> Result<Spent, StoreError> {
        let keys = |period| (0..SHARDS).map(move |shard| sum_key(scope, period, now, shard));
        let all = Period::ALL.into_iter().flat_map(keys).map(|key| Item::from([("key".to_owned(), text(key))]));
        let rows = batch_get(&self.client, &self.ephemera, all.collect(), true, "budgets.spent").await?;
        let sum = |period: Period| {
            let keys: Vec<String> = keys(period).collect();
            let of_period =
                |row: &&Item| row.get("key").and_then(|key| key.as_s().ok()).is_some_and(|key| keys.contains(key));
            // What was given back without having been counted may leave a row below nothing.
            let micros: i64 = rows.iter().filter(of_period).map(micros).sum();
            Micros::new(u64::try_from(micros).unwrap_or(0))
        };
        Ok(Spent { day: sum(Period::Day), month: sum(Period::Month) })
    }

    /// Adds to what was spent for a message in the day and the month of `at`; what is below nothing is given back.
    pub async fn count(&self, scope: &str, message: MessageId, micros: i64, at: Timestamp) -> Result<(), StoreError> {
        let add = |period| async move {
            let update = Update::default().add("micros", micros).set("expires", number(at.as_second() + KEPT_SECONDS));
            let key = sum_key(scope, period, at, message.spread(SHARDS));
            match update.apply(&self.client, &self.ephemera, ("key", &key), "budgets.count").await? {
                Applied::Done(_) => Ok(()),
                Applied::Refused(_) => Err(StoreError::Contended { operation: "budgets.count" }),
            }
        };
        let (day, month) = futures::join!(add(Period::Day), add(Period::Month));
        day.and(month)
    }

    /// Notes that somebody is told of a mark of this limit. `false`: it was noted before in this period, of this limit or a higher one.
    pub async fn raise_alert(
        &self,
        scope: &str,
        period: Period,
        mark: Mark,
        limit: Micros,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.ephemera)
            .item("key", text(alert_key(scope, period, mark, now)))
            .item("limit", number(limit.get()))
            .item("expires", number(now.as_second() + KEPT_SECONDS))
            .condition_expression("attribute_not_exists(#k) OR #l < :l")
            .expression_attribute_names("#k", "key")
            .expression_attribute_names("#l", "limit")
            .expression_attribute_values(":l", number(limit.get()));
        Ok(matches!(put_once(put, "budgets.raise_alert").await?, Applied::Done(_)))
    }
}

fn micros(item: &Item) -> i64 {
    item.get("micros").and_then(|value| value.as_n().ok()).and_then(|n| n.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::clock::from_millis;
    use crate::provider::stub::{Stub, reply};
    use crate::testing::{aws_at, sample_id};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn budgets(table: &Stub) -> Budgets {
        Budgets::new(Client::new(&aws_at(&table.base_url)), "catalog".to_owned(), "ephemera".to_owned())
    }

    #[tokio::test]
    async fn sum_is_spread_by_message_and_given_back_where_it_was_counted() {
        let table = Stub::new((0..400).map(|_| reply(200, json!({})))).await;
        let budgets = budgets(&table);
        for nth in 0..100 {
            let message = sample_id(&nth.to_string());
            budgets.count("ada", message, 7, NOW).await.unwrap();
            budgets.count("ada", message, -7, NOW).await.unwrap();
        }
        let mut sums = std::collections::HashMap::<String, (u32, i64)>::new();
        for seen in table.requests() {
            let body = seen.json();
            let key = body["Key"]["key"]["S"].as_str().unwrap().to_owned();
            let by = body["ExpressionAttributeValues"].as_object().unwrap().values();
            let by: Vec<i64> = by
                .filter_map(|value: &Value| value["N"].as_str()?.parse().ok())
                .filter(|n: &i64| n.abs() == 7)
                .collect();
            let sum = sums.entry(key).or_default();
            *sum = (sum.0 + 1, sum.1 + by[0]);
        }
        assert_eq!(sums.len(), 2 * SHARDS as usize, "every shard of the day and of the month");
        assert!(sums.values().all(|(writes, sum)| *sum == 0 && *writes <= 2 * 20), "{sums:?}");
    }

    #[tokio::test]
    async fn sum_is_read_with_one_request_and_is_never_below_nothing() {
        let row = |key: String, micros: i64| json!({"key": {"S": key}, "micros": {"N": micros.to_string()}});
        let rows = vec![
            row(sum_key("ada", Period::Day, NOW, 0), 5),
            row(sum_key("ada", Period::Day, NOW, 15), 9),
            row(sum_key("ada", Period::Day, NOW, 3), -2),
            row(sum_key("ada", Period::Month, NOW, 3), -20),
        ];
        let table = Stub::new([reply(200, json!({"Responses": {"ephemera": rows}}))]).await;
        let spent = budgets(&table).spent("ada", NOW).await.unwrap();
        assert_eq!(spent, Spent { day: Micros::new(12), month: Micros::default() });
        let keys = table.only_request().json()["RequestItems"]["ephemera"]["Keys"].as_array().unwrap().len();
        assert_eq!(keys, 2 * SHARDS as usize);
        let elsewhere = from_millis(40 * 86_400_000);
        assert_ne!(sum_key("ada", Period::Month, NOW, 3), sum_key("ada", Period::Month, elsewhere, 3));
    }
}
