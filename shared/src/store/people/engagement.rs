//! When a person reads: one row in their partition, with a number for each channel and hour of the day.

use super::{People, person_key, unreadable};
use crate::message::Channel;
use crate::person::{Engagement, PersonId};
use crate::store::update::Update;
use crate::store::{Item, StoreError, text, unavailable};

const SORT: &str = "engagement";

fn key(person: &PersonId) -> Item {
    Item::from([("pk".to_owned(), text(person_key(person))), ("sk".to_owned(), text(SORT))])
}

impl People {
    /// Adds points to an hour of a person's day (0 to 23).
    pub async fn count_reading(
        &self,
        person: &PersonId,
        channel: Channel,
        hour: i8,
        points: u64,
    ) -> Result<(), StoreError> {
        let points = i64::try_from(points).map_err(unreadable)?;
        let update = Update::default().add(&format!("{channel}#{hour}"), points);
        update.apply_at(&self.client, &self.table, key(person), "people.count_reading").await?;
        Ok(())
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
