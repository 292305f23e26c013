//! Budgets, and what was spent of them: the limits in the Catalog table, the sums in Ephemera. A budget is for everything
//! (`all`) or for one caller (the subject of its token).

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::update::{Applied, Update};
use super::{Item, StoreError, number, text, unavailable};
use crate::message::Micros;
use crate::message::budget::{Budget, Period, Spent};

/// The two tables.
#[derive(Clone, Debug)]
pub struct Budgets {
    client: Client,
    catalog: String,
    ephemera: String,
}

/// The budget of everything.
pub const ALL: &str = "all";

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

fn sum_key(scope: &str, period: Period, now: Timestamp) -> String {
    format!("spend#{scope}#{}", period.name(now))
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
        let get = self.client.get_item().table_name(&self.catalog).key("pk", text(PARTITION)).key("sk", text(scope));
        let answer = get.send().await.map_err(unavailable("budgets.get"))?;
        let row: Option<Row> = answer.item.map(serde_dynamo::from_item).transpose().map_err(unreadable)?;
        Ok(row.map(|row| row.budget))
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
        let (day, month) = futures::try_join!(self.sum(scope, Period::Day, now), self.sum(scope, Period::Month, now))?;
        Ok(Spent { day, month })
    }

    async fn sum(&self, scope: &str, period: Period, now: Timestamp) -> Result<Micros, StoreError> {
        let key = sum_key(scope, period, now);
        let get = self.client.get_item().table_name(&self.ephemera).key("key", text(key)).consistent_read(true);
        let answer = get.send().await.map_err(unavailable("budgets.spent"))?;
        Ok(answer.item().map(total).unwrap_or_default())
    }

    /// Counts an amount; the sum of the period with it.
    pub async fn spend(
        &self,
        scope: &str,
        period: Period,
        amount: Micros,
        now: Timestamp,
    ) -> Result<Micros, StoreError> {
        let amount = i64::try_from(amount.get()).unwrap_or(i64::MAX);
        self.count(scope, period, amount, now).await
    }

    /// Takes an amount back that was counted and not spent after all.
    pub async fn give_back(
        &self,
        scope: &str,
        period: Period,
        amount: Micros,
        now: Timestamp,
    ) -> Result<Micros, StoreError> {
        let amount = i64::try_from(amount.get()).unwrap_or(i64::MAX);
        self.count(scope, period, -amount, now).await
    }

    async fn count(&self, scope: &str, period: Period, by: i64, now: Timestamp) -> Result<Micros, StoreError> {
        let update = Update::default().add("micros", by).set("expires", number(now.as_second() + KEPT_SECONDS));
        let key = sum_key(scope, period, now);
        match update.apply(&self.client, &self.ephemera, ("key", &key), "budgets.spend").await? {
            Applied::Done(item) => Ok(total(&item)),
            Applied::Refused(_) => Err(StoreError::Contended { operation: "budgets.spend" }),
        }
    }
}

/// A sum below nothing (something was given back that was counted in the period before) is nothing.
fn total(item: &Item) -> Micros {
    let micros = item.get("micros").and_then(|value| value.as_n().ok()).and_then(|n| n.parse::<i64>().ok());
    Micros::new(micros.and_then(|micros| u64::try_from(micros).ok()).unwrap_or(0))
}
