//! Conversations, the newest first: what went to an address and came from it, and what went to its owner. Each is a list of
//! an index; a page of several lists is merged here.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::KeysAndAttributes;

use super::Messages;
use crate::message::{Message, MessageId};
use crate::person::PersonId;
use crate::store::{Item, StoreError, number, text, unavailable};

/// One list of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum List {
    OfPerson(PersonId),
    /// By its fingerprint.
    OfAddress(String),
}

/// Where a page ended: the time (epoch milliseconds) and the id of its last message. The next goes on with what is older.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    pub created: i64,
    pub id: MessageId,
}

/// So many more are read of a list than a page holds: of messages of the same millisecond an index does not say which comes
/// first, and an e-mail's further recipients have rows of their own in it.
const MARGIN: i32 = 32;

impl Messages {
    /// A page of messages, newest first, and where the next one begins, if there is one.
    pub async fn page(
        &self,
        lists: &[List],
        before: Option<Mark>,
        most: usize,
    ) -> Result<(Vec<Message>, Option<Mark>), StoreError> {
        let read = lists.iter().map(|list| self.marks(list, before, most));
        let marks: BTreeSet<Mark> = futures::future::try_join_all(read).await?.into_iter().flatten().collect();
        let older = marks.into_iter().rev().filter(|mark| before.is_none_or(|before| *mark < before));
        let mut marks: Vec<Mark> = older.take(most + 1).collect();
        let is_last = marks.len() <= most;
        marks.truncate(most);
        let next = marks.last().copied().filter(|_| !is_last);
        Ok((self.several(&marks).await?, next))
    }

    async fn marks(&self, list: &List, before: Option<Mark>, most: usize) -> Result<Vec<Mark>, StoreError> {
        let (index, name, value) = match list {
            List::OfPerson(person) => ("by_person", "person_key", person.as_str()),
            List::OfAddress(fingerprint) => ("by_recipient", "recipient", fingerprint.as_str()),
        };
        let limit = i32::try_from(most).unwrap_or(i32::MAX).saturating_add(1 + MARGIN);
        let query =
            self.client.query().table_name(&self.table).index_name(index).scan_index_forward(false).limit(limit);
        let query = query.expression_attribute_names("#n", name).expression_attribute_values(":v", text(value));
        let query = match before {
            Some(before) => query
                .key_condition_expression("#n = :v AND created_at <= :t")
                .expression_attribute_values(":t", number(before.created)),
            None => query.key_condition_expression("#n = :v"),
        };
        let answer = query.send().await.map_err(unavailable("messages.page"))?;
        Ok(answer.items().iter().filter_map(mark).collect())
    }

    /// These messages, in this order, without content that is stored apart. One that was deleted meanwhile is left out.
    async fn several(&self, marks: &[Mark]) -> Result<Vec<Message>, StoreError> {
        let mut found: HashMap<MessageId, Message> = HashMap::new();
        // A call takes a hundred.
        for hundred in marks.chunks(100) {
            let mut wanted: Vec<Item> = hundred.iter().map(|mark| key(mark.id)).collect();
            while !wanted.is_empty() {
                let keys = KeysAndAttributes::builder().set_keys(Some(wanted)).build();
                let keys = keys.map_err(|error| super::row::unreadable(error.to_string()))?;
                let answer = self.client.batch_get_item().request_items(&self.table, keys).send().await;
                let mut answer = answer.map_err(unavailable("messages.several"))?;
                let rows = answer.responses.as_mut().and_then(|all| all.remove(&self.table)).unwrap_or_default();
                for row in rows {
                    let message = self.read(row)?;
                    found.insert(message.id, message);
                }
                // A megabyte at a time: what did not fit is asked for again.
                let left = answer.unprocessed_keys.as_mut().and_then(|all| all.remove(&self.table));
                wanted = left.map(|left| left.keys).unwrap_or_default();
            }
        }
        Ok(marks.iter().filter_map(|mark| found.remove(&mark.id)).collect())
    }
}

fn key(id: MessageId) -> Item {
    Item::from([("id".to_owned(), text(id.to_string()))])
}

fn mark(item: &Item) -> Option<Mark> {
    let created = item.get("created_at")?.as_n().ok()?.parse().ok()?;
    Some(Mark { created, id: item.get("id")?.as_s().ok()?.parse().ok()? })
}
