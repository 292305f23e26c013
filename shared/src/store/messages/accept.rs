//! Making messages, and reading them.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use jiff::Timestamp;

use super::row::unreadable;
use super::{Messages, Update};
use crate::message::{Lane, Message, MessageId, Status, TrailEntry};
use crate::store::update::{Applied, transact};
use crate::store::write_token::put_once;
use crate::store::{Item, StoreError, number, text, unavailable};

/// Whether messages were made, or were there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    New,
    /// A message of this id exists: the same request was accepted before.
    Exists,
}

/// A message as it is stored.
#[derive(Debug)]
pub struct Stored(Item);

impl Stored {
    /// Its content is too large for its row.
    pub fn is_large(&self) -> bool {
        self.0.contains_key("content_key")
    }

    /// Its time has run out: the table deletes it within days.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        let expires = self.0.get("expires").and_then(|at| at.as_n().ok()).and_then(|at| at.parse::<i64>().ok());
        expires.is_some_and(|expires| expires <= now.as_second())
    }

    /// Its lane.
    pub fn lane(&self) -> Option<Lane> {
        self.0.get("lane").and_then(|lane| lane.as_s().ok()).and_then(|lane| lane.parse().ok())
    }
}

const ONLY_NEW: &str = "attribute_not_exists(id)";

impl Messages {
    /// Makes all the messages of a task, or none, each with the rows of its further recipients.
    pub async fn create(&self, messages: &[Message]) -> Result<Created, StoreError> {
        let (mut items, mut counts) = (Vec::with_capacity(messages.len()), Vec::new());
        for message in messages {
            let row = self.to_item(message).await?;
            let mentions = self.mentions(message, &row);
            counts.extend(Self::counted_from_the_start(message));
            items.push(row);
            items.extend(mentions);
        }
        match (items.len(), counts.is_empty()) {
            (0, _) => Ok(Created::New),
            (1, true) => self.create_one(items.remove(0)).await,
            _ => self.create_together(items, counts).await,
        }
    }

    async fn create_one(&self, item: Item) -> Result<Created, StoreError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item)).condition_expression(ONLY_NEW);
        Ok(match put_once(put, "messages.create").await? {
            Applied::Done(_) => Created::New,
            Applied::Refused(_) => Created::Exists,
        })
    }

    async fn create_together(&self, items: Vec<Item>, counts: Vec<(Item, Update)>) -> Result<Created, StoreError> {
        let mut writes = Vec::with_capacity(items.len() + counts.len());
        for item in items {
            let put =
                Put::builder().table_name(&self.table).set_item(Some(item)).condition_expression(ONLY_NEW).build();
            writes.push(TransactWriteItem::builder().put(put.map_err(unreadable)?).build());
        }
        for (key, count) in counts {
            writes.push(count.in_transaction(&self.table, key).map_err(unreadable)?);
        }
        Ok(match transact(&self.client, writes, "messages.create").await? {
            Applied::Done(_) => Created::New,
            Applied::Refused(_) => Created::Exists,
        })
    }

    /// A message, as of now, with all its content.
    pub async fn get(&self, id: MessageId) -> Result<Option<Message>, StoreError> {
        match self.find(id).await? {
            Some(stored) => self.open_whole(stored).await.map(Some),
            None => Ok(None),
        }
    }

    /// A message as it is stored, as of now; for those who have to know how much it will be before they open it.
    pub async fn find(&self, id: MessageId) -> Result<Option<Stored>, StoreError> {
        Ok(self.item(id).await?.map(Stored))
    }

    /// Opens what was found, with all its content.
    pub async fn open_whole(&self, stored: Stored) -> Result<Message, StoreError> {
        self.read_whole(stored.0).await
    }

    /// A message, as of now, for those who do not send it: content that is stored apart is not fetched.
    pub async fn story(&self, id: MessageId) -> Result<Option<Message>, StoreError> {
        self.item(id).await?.map(|item| self.read(item)).transpose()
    }

    pub(super) async fn item(&self, id: MessageId) -> Result<Option<Item>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).key("id", text(id.to_string())).consistent_read(true);
        let answer = get.send().await.map_err(unavailable("messages.get"))?;
        Ok(answer.item)
    }

    /// Cancels a message that no worker has claimed and no provider may have. It costs nothing. Answers the message as it then is, and
    /// whether this call did it.
    pub async fn cancel(&self, id: MessageId, by: &str, now: Timestamp) -> Result<(Option<Message>, bool), StoreError> {
        let entry = TrailEntry::ours(now, Status::Cancelled.as_str(), Some(format!("by {by}")));
        let cancelled = || {
            Update::default()
                .forward_to(Status::Cancelled)
                .only_if_absent(&["unsure_since"])
                .set("reason", text("cancelled"))
                .time("ended_at", now)
                .costs_nothing()
                .trail("cancelled", &entry)
                .whole()
        };
        // One that was never tried, as nearly all are.
        let untried = cancelled().only_if_equal("attempts", number(0)).nothing_due();
        let refused = match self.let_go(id, untried, "messages.cancel", now).await? {
            Applied::Done(item) => return Ok((Some(self.read(item)?), true)),
            Applied::Refused(refused) => refused.map(|item| self.read(item)).transpose()?,
        };
        let was_tried = |message: &&Message| message.attempts > 0 && message.status.may_become(Status::Cancelled);
        let Some(message) = refused.as_ref().filter(was_tried) else { return Ok((refused, false)) };
        // What was counted when it was tried is given back by `deliver`, to which the sweep brings it.
        let tried = cancelled().only_if_equal("attempts", number(message.attempts)).refunded_later().due(id, now);
        match self.let_go(id, tried, "messages.cancel", now).await? {
            Applied::Done(item) => Ok((Some(self.read(item)?), true)),
            Applied::Refused(item) => Ok((item.map(|item| self.read(item)).transpose()?, false)),
        }
    }
}
