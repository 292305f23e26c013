//! When a person reads: one row in their partition, with a number for each channel and hour of the day.

use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{People, person_key, unreadable};
use crate::message::Channel;
use crate::person::{Engagement, PersonId};
use crate::store::update::{Applied, Update};
use crate::store::{Item, StoreError, text, unavailable};

const SORT: &str = "engagement";

fn key(person: &PersonId) -> Item {
    Item::from([("pk".to_owned(), text(person_key(person))), ("sk".to_owned(), text(SORT))])
}

/// The keys of what was counted last, and of what was before those: short hashes.
const RECENT: &str = "recent";
const BEFORE: &str = "before_recent";
/// How many keys are kept in each. A reading that is told again is known by them, unless somebody read as much in between.
const MOST_RECENT: usize = 32;
/// What is kept of a key, in bytes of its hash.
const SHORT: usize = 6;
const TRIES: u32 = 4;

fn short(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(&digest(&SHA256, key.as_bytes()).as_ref()[..SHORT])
}

fn knows(item: &Item, key: &str) -> bool {
    let has =
        |name: &str| item.get(name).and_then(|set| set.as_ss().ok()).is_some_and(|set| set.contains(&key.to_owned()));
    has(RECENT) || has(BEFORE)
}

impl People {
    /// Adds points to an hour of a person's day (0 to 23), once for a key.
    pub async fn count_reading(
        &self,
        person: &PersonId,
        channel: Channel,
        hour: i8,
        points: u64,
        key_of_reading: &str,
    ) -> Result<(), StoreError> {
        let points = i64::try_from(points).map_err(unreadable)?;
        let (name, told) = (format!("{channel}#{hour}"), short(key_of_reading));
        for _ in 0..TRIES {
            let update = Update::default()
                .add(&name, points)
                .only_if_not_in_set(RECENT, &told)
                .only_if_not_in_set(BEFORE, &told)
                .only_if_absent_or_size_under(RECENT, MOST_RECENT)
                .put_into_set(RECENT, &told);
            let Applied::Refused(Some(full)) = self.change_engagement(person, update).await? else { return Ok(()) };
            if knows(&full, &told) {
                return Ok(());
            }
            let Some(recent) = full.get(RECENT) else { continue };
            let update = Update::default()
                .add(&name, points)
                .only_if_not_in_set(BEFORE, &told)
                .only_if_equal(RECENT, recent.clone())
                .copy(BEFORE, RECENT)
                .set(RECENT, AttributeValue::Ss(vec![told.clone()]));
            if let Applied::Done(_) = self.change_engagement(person, update).await? {
                return Ok(());
            }
        }
        Err(StoreError::Contended { operation: "people.count_reading" })
    }

    async fn change_engagement(&self, person: &PersonId, update: Update) -> Result<Applied, StoreError> {
        update.apply_at(&self.client, &self.table, key(person), "people.count_reading").await
    }

    /// When a person reads.
    pub async fn engagement(&self, person: &PersonId) -> Result<Engagement, StoreError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key(person)));
        let answer = get.send().await.map_err(unavailable("people.engagement"))?;
        let mut engagement = Engagement::default();
        for (name, value) in answer.item.unwrap_or_default() {
            let place = name
                .split_once('#')
                .and_then(|(channel, hour)| Some((channel.parse::<Channel>().ok()?, hour.parse::<usize>().ok()?)));
            let points = value.as_n().ok().and_then(|points| points.parse().ok());
            if let (Some((channel, hour)), Some(points)) = (place, points) {
                engagement.add(channel, hour, points);
            }
        }
        Ok(engagement)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::clock::Clock;
    use crate::provider::stub::{Script, Stub, refused, reply};
    use crate::testing::road_on;

    async fn counted(answers: impl IntoIterator<Item = Script>) -> Vec<Value> {
        let table = Stub::new(answers).await;
        let people = road_on(&table.base_url, Clock::fixed(jiff::Timestamp::UNIX_EPOCH)).unwrap().people;
        let person = PersonId::text("ada").unwrap();
        people.count_reading(&person, Channel::Email, 9, 4, "message opened:1").await.unwrap();
        table.requests().iter().map(crate::provider::stub::Seen::json).collect()
    }

    #[tokio::test]
    async fn reading_told_again_is_counted_once() {
        let known = short("message opened:1");
        for name in [RECENT, BEFORE] {
            let asked = counted([refused(&json!({name: {"SS": ["x", known]}}))]).await;
            assert_eq!(asked.len(), 1, "{name}");
            let condition = asked[0]["ConditionExpression"].as_str().unwrap();
            assert_eq!(condition.matches("NOT contains").count(), 2, "{condition}");
        }
    }

    #[tokio::test]
    async fn full_list_of_readings_becomes_the_one_before() {
        let full: Vec<String> = (0..MOST_RECENT).map(|nth| format!("{nth:08}")).collect();
        let asked = counted([refused(&json!({RECENT: {"SS": full}})), reply(200, json!({}))]).await;
        assert_eq!(asked.len(), 2);
        let values = asked[1]["ExpressionAttributeValues"].to_string();
        assert!(values.contains(&short("message opened:1")) && values.contains("00000031"), "{values}");
    }
}
