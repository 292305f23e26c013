//! What providers were asked and took, by minute.

use jiff::Timestamp;

use super::{Ephemera, any_of};
use crate::provider::ProviderName;
use crate::provider::routing::{Load, MINUTE_SECONDS};
use crate::store::batch_get::batch_get;
use crate::store::update::Update;
use crate::store::{Item, StoreError, number, text};

/// Over how many rows what a provider was asked is spread: every batch adds to it.
pub const LOAD_SHARDS: u32 = 8;

fn load_key(provider: ProviderName, minute: i64, shard: u32) -> String {
    format!("load#{provider}#{minute}#{shard}")
}

fn minute(at: Timestamp) -> i64 {
    at.as_second().div_euclid(MINUTE_SECONDS)
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
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::clock::Clock;
    use crate::provider::stub::{Stub, reply};
    use crate::store::ephemera::tests::{NOW, written};
    use crate::testing::road_on;

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
}
