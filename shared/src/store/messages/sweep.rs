//! What is due: messages whose time has come, and messages that should have moved on by now.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use jiff::Timestamp;

use super::Update;
use super::row::unreadable;
use crate::clock::from_millis;
use crate::message::{Lane, MessageId, Status};
use crate::store::due::{When, due};
use crate::store::update::Applied;
use crate::store::{Item, StoreError, number, text, unavailable};

/// Over how many partitions what is due is spread. 16 take 16,000 writes a second.
pub const SHARDS: u32 = 64;

/// How many rows one read may name.
const MOST_OF_A_READ: usize = 100;
/// How often the rest of a read is asked for that the table left out for being too much at once, and the first of the doubling pauses.
const MOST_READS: u32 = 5;
const READ_PAUSE: Duration = Duration::from_millis(10);

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
    /// When its provider took it.
    pub sent: Option<Timestamp>,
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
            sent: item.get("sent_at").and_then(|at| at.as_n().ok()?.parse().ok()).map(from_millis),
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

    /// Up to `most` messages of a shard that are due by `until`, the longest overdue first, and whether there may be more.
    pub async fn due(&self, shard: u32, until: Timestamp, most: i32) -> Result<(Vec<Due>, bool), StoreError> {
        let listed = due(&self.client, &self.table, &shard.to_string(), until, most, "messages.due").await?;
        let mut read = Vec::with_capacity(listed.len());
        for page in listed.chunks(MOST_OF_A_READ) {
            read.extend(self.read(page).await?);
        }
        let mut due: Vec<Due> = read.iter().filter_map(Due::from_item).filter(|due| due.at <= until).collect();
        due.sort_by_key(|due| due.at);
        Ok((due, usize::try_from(most).is_ok_and(|most| listed.len() >= most)))
    }

    /// The rows of these entries of the index, as of now. The index holds keys and times alone, so that a step of a message which does
    /// not move its look writes nothing there.
    async fn read(&self, entries: &[Item]) -> Result<Vec<Item>, StoreError> {
        let key = |entry: &Item| Some(HashMap::from([("id".to_owned(), entry.get("id")?.clone())]));
        let mut keys: Vec<_> = entries.iter().filter_map(key).collect();
        let mut rows = Vec::with_capacity(keys.len());
        for tries in 0..MOST_READS {
            if keys.is_empty() {
                return Ok(rows);
            }
            if tries > 0 {
                tokio::time::sleep(READ_PAUSE * 2_u32.pow(tries)).await;
            }
            let asked = KeysAndAttributes::builder()
                .set_keys(Some(keys))
                .projection_expression("id, lane, #s, looks, not_before, due_at, sent_at")
                .expression_attribute_names("#s", "status")
                .consistent_read(true);
            let asked = asked.build().map_err(unreadable)?;
            let answer = self.client.batch_get_item().request_items(&self.table, asked).send().await;
            let answer = answer.map_err(unavailable("messages.due"))?;
            rows.extend(answer.responses.unwrap_or_default().remove(&self.table).unwrap_or_default());
            let left = answer.unprocessed_keys.unwrap_or_default().remove(&self.table);
            keys = left.map(|left| left.keys).unwrap_or_default();
        }
        // What was not read is due again in the next run.
        Ok(rows)
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

    /// The same for a message of which it is too early to ask: this was no look at it.
    pub async fn put_off(&self, due: &Due, next: Timestamp) -> Result<bool, StoreError> {
        let update = Update::default()
            .only_if_equal("due_at", number(due.at.as_millisecond()))
            .only_if_equal("status", text(due.status.as_str()))
            .set("due_at", number(next.as_millisecond()));
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
