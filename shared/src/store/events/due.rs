//! The deliveries that wait, as the sweep sees them: ids and times, nothing of what they tell.

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;

use super::delivery_key;
use crate::event::{DeliveryId, SubscriberId};
use crate::store::due::{When, due};
use crate::store::update::{Applied, Update};
use crate::store::{Item, StoreError, number};

/// Over how many partitions of the index what is due is spread, of all subscribers together.
pub const SHARDS: u32 = 160;

pub(super) fn shard(id: DeliveryId) -> String {
    id.spread(SHARDS).to_string()
}

/// A delivery that wants a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueDelivery {
    pub subscriber: SubscriberId,
    pub id: DeliveryId,
    pub at: Timestamp,
    /// How often the sweep queued it since its last try.
    pub looks: u32,
    /// It is not to be tried before.
    pub not_before: Option<Timestamp>,
}

impl DueDelivery {
    fn from_item(item: &Item) -> Option<Self> {
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
        let When { at, looks, not_before } = When::of(item)?;
        Some(Self {
            subscriber: text("pk")?.split('#').next()?.parse().ok()?,
            id: text("id")?.parse().ok()?,
            at,
            looks,
            not_before,
        })
    }
}

/// What is due in the Deliveries table.
#[derive(Clone, Debug)]
pub struct DueDeliveries {
    client: Client,
    table: String,
}

impl DueDeliveries {
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Up to `most` deliveries of a shard that are due by `until`, the longest overdue first.
    pub async fn due(&self, shard: u32, until: Timestamp, most: i32) -> Result<Vec<DueDelivery>, StoreError> {
        let items = due(&self.client, &self.table, &shard.to_string(), until, most, "deliveries.due").await?;
        Ok(items.iter().filter_map(DueDelivery::from_item).collect())
    }

    /// Moves a delivery's next look to `next`. `false`: it moved on meanwhile, or another sweep has it.
    pub async fn postpone(&self, due: &DueDelivery, next: Timestamp) -> Result<bool, StoreError> {
        let update = Update::default()
            .only_if_equal("due_at", number(due.at.as_millisecond()))
            .set("due_at", number(next.as_millisecond()))
            .increment("looks");
        let key = delivery_key(due.subscriber, due.id);
        let applied = update.apply_at(&self.client, &self.table, key, "deliveries.postpone").await?;
        Ok(matches!(applied, Applied::Done(_)))
    }
}
