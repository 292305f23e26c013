//! What is due: messages whose time has come, and messages that should have moved on by now.

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;

use super::Update;
use crate::message::{Lane, MessageId, Status};
use crate::store::due::{When, due};
use crate::store::update::Applied;
use crate::store::{Item, StoreError, number, text};

/// Over how many partitions what is due is spread. 16 take 16,000 writes a second.
pub const SHARDS: u32 = 64;

/// A message that wants a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    pub id: MessageId,
    pub lane: Lane,
    pub status: Status,
    pub at: Timestamp,
    /// How often it was looked at in its present state.
    pub looks: u32,
    /// It must not be sent before.
    pub not_before: Option<Timestamp>,
}

impl Due {
    fn from_item(item: &Item) -> Option<Self> {
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
        let When { at, looks, not_before } = When::of(item)?;
        Some(Self {
            id: text("id")?.parse().ok()?,
            lane: text("lane")?.parse().ok()?,
            status: text("status")?.parse().ok()?,
            at,
            looks,
            not_before,
        })
    }
}

/// What is due in the Messages table. It sees ids, lanes and times and opens nothing, so it needs no keys.
#[derive(Clone, Debug)]
pub struct Agenda {
    client: Client,
    table: String,
}

impl Agenda {
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Up to `most` messages of a shard that are due by `until`, the longest overdue first.
    pub async fn due(&self, shard: u32, until: Timestamp, most: i32) -> Result<Vec<Due>, StoreError> {
        let items = due(&self.client, &self.table, &shard.to_string(), until, most, "messages.due").await?;
        Ok(items.iter().filter_map(Due::from_item).collect())
    }

    /// Moves a message's next look to `next`. `false`: it moved on meanwhile, or another sweep has it.
    pub async fn postpone(&self, due: &Due, next: Timestamp) -> Result<bool, StoreError> {
        let update = Update::default()
            .only_if_equal("due_at", number(due.at.as_millisecond()))
            .only_if_equal("status", text(due.status.as_str()))
            .set("due_at", number(next.as_millisecond()))
            .increment("looks");
        let applied = update.apply(&self.client, &self.table, ("id", &due.id.to_string()), "messages.postpone").await?;
        Ok(matches!(applied, Applied::Done(_)))
    }

    /// Takes a message out of the index: nothing more will be asked about it. `false`: it moved on meanwhile.
    pub async fn forget(&self, due: &Due) -> Result<bool, StoreError> {
        let update = Update::default()
            .only_if_equal("due_at", number(due.at.as_millisecond()))
            .only_if_equal("status", text(due.status.as_str()))
            .nothing_due();
        let applied = update.apply(&self.client, &self.table, ("id", &due.id.to_string()), "messages.forget").await?;
        Ok(matches!(applied, Applied::Done(_)))
    }
}
