//! What is due: messages whose time has come, and messages that should have moved on by now.
//!
//! The index is sparse (only rows that wait for something are in it) and keyed by shard, then time: asking for what is
//! due is one query a shard, costs what it finds, and needs no memory of the last run.

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;

use super::Update;
use crate::clock::from_millis;
use crate::message::{Lane, MessageId, Status};
use crate::store::update::Applied;
use crate::store::{Item, StoreError, number, text, unavailable};

/// Over how many partitions what is due is spread. 16 take 16,000 writes a second.
pub const SHARDS: u32 = 16;

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
        let number = |name: &str| item.get(name).and_then(|value| value.as_n().ok());
        Some(Self {
            id: text("id")?.parse().ok()?,
            lane: text("lane")?.parse().ok()?,
            status: text("status")?.parse().ok()?,
            at: from_millis(number("due_at")?.parse().ok()?),
            looks: number("looks").and_then(|looks| looks.parse().ok()).unwrap_or(0),
            not_before: number("not_before").and_then(|at| at.parse().ok()).map(from_millis),
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
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by_due")
            .key_condition_expression("due_shard = :s AND due_at <= :t")
            .expression_attribute_values(":s", text(shard.to_string()))
            .expression_attribute_values(":t", number(until.as_millisecond()))
            .limit(most);
        let answer = query.send().await.map_err(unavailable("messages.due"))?;
        Ok(answer.items().iter().filter_map(Due::from_item).collect())
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
