//! The Ledger table: entries of a subject, by number. They are added, in one transaction with what they tell of, and
//! never changed, but for their personal part: the attribute `personal`, sealed for [`row`], may be sealed anew or removed.
//!
//! How far a subject's entries go is a row of People (`SUBJECT / ledger`), written in the same transaction: whoever can only
//! reach the one table cannot cut off the end of the other unseen. New entries go on from there, so what was cut off stays
//! a gap.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};

use super::{Item, StoreError, again, number, text, unavailable};
use crate::clock::from_millis;
use crate::ledger::{Chain, Entry, Head, Personal, Record};
use crate::seal::purpose::LedgerKeys;
use crate::seal::{Seal, SealError};

mod erase;
mod verify;

pub use verify::Verified;

/// The table, and the one its heads are in.
#[derive(Clone, Debug)]
pub struct Ledger {
    client: Client,
    table: String,
    people: String,
    chain: Chain,
    seal: Arc<Seal>,
}

/// What became of writes with their entries: all of them together, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    Done,
    /// The condition of a write did not hold.
    Refused,
}

/// Some entries of a subject, the newest first.
#[derive(Clone, Debug)]
pub struct Page {
    pub entries: Vec<Entry>,
    /// Whether they follow one another as they were written.
    pub intact: bool,
    /// Entries before this number come next, if there are any.
    pub next: Option<u64>,
}

/// How often entries are numbered anew because others were added meanwhile.
const TRIES: u32 = 16;
/// The sort key of heads.
const HEAD: &str = "ledger";

fn unreadable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unreadable { table: "ledger", cause: error.to_string() }
}

/// What the personal part of an entry is sealed for.
pub fn row(subject: &str, sequence: u64) -> String {
    format!("ledger/{subject}/{sequence}")
}

impl Ledger {
    pub fn new(client: Client, table: String, people: String, keys: LedgerKeys, seal: Arc<Seal>) -> Self {
        Self { client, table, people, chain: Chain::new(keys), seal }
    }

    /// Does the writes and adds the entries, in one transaction.
    pub(in crate::store) async fn commit(
        &self,
        subject: &str,
        record: &Record<'_>,
        writes: &[TransactWriteItem],
    ) -> Result<Committed, StoreError> {
        for attempt in 0..TRIES {
            again(attempt).await;
            let mut items = writes.to_vec();
            if !record.events.is_empty() {
                // On the heap: it is a large future within those that change something, which are large themselves.
                items.extend(Box::pin(self.additions(subject, record, attempt)).await?);
            }
            // The SDK gives each transaction a token of its own: when it asks again, it is not done again.
            let error = match self.client.transact_write_items().set_transact_items(Some(items)).send().await {
                Ok(_) => return Ok(Committed::Done),
                Err(error) => error,
            };
            let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
            else {
                return Err(unavailable("ledger.commit")(error));
            };
            // One reason a write, in their order.
            let reasons = cancelled.cancellation_reasons().iter();
            let codes: Vec<&str> = reasons.map(|reason| reason.code().unwrap_or_default()).collect();
            if codes.iter().take(writes.len()).any(|code| *code == "ConditionalCheckFailed") {
                return Ok(Committed::Refused);
            }
            if !codes.iter().any(|code| matches!(*code, "ConditionalCheckFailed" | "TransactionConflict")) {
                return Err(unavailable("ledger.commit")(error));
            }
        }
        Err(StoreError::Contended { operation: "ledger.commit" })
    }

    /// The entries, and the head they move.
    async fn additions(
        &self,
        subject: &str,
        record: &Record<'_>,
        attempt: u32,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let seen = self.head(subject).await?;
        let start = match &seen {
            // Usually it is where the entries end. If not (somebody put it back), their end counts.
            Some(head) if attempt == 0 => head.clone(),
            Some(head) => self.end(subject).await?.filter(|end| end.sequence > head.sequence).unwrap_or(head.clone()),
            None => self.end(subject).await?.unwrap_or_default(),
        };
        let entries = self.chain.after(subject, &start, record);
        let mut items = entries.iter().map(|entry| self.put(subject, entry)).collect::<Result<Vec<_>, _>>()?;
        if let Some(last) = entries.last() {
            items.push(self.put_head(subject, seen.as_ref(), &self.chain.head(subject, last))?);
        }
        Ok(items)
    }

    /// Where the entries themselves end.
    async fn end(&self, subject: &str) -> Result<Option<Head>, StoreError> {
        let last = self.entries(subject, None, 1).await?.pop();
        Ok(last.map(|last| self.chain.head(subject, &last)))
    }

    /// How far the entries went when one was last added.
    async fn head(&self, subject: &str) -> Result<Option<Head>, StoreError> {
        Ok(self.kept_head(subject).await?.map(|(head, _)| head))
    }

    /// The same, with its proof.
    async fn kept_head(&self, subject: &str) -> Result<Option<(Head, String)>, StoreError> {
        let get = self.client.get_item().table_name(&self.people).key("pk", text(subject)).key("sk", text(HEAD));
        let answer = get.consistent_read(true).send().await.map_err(unavailable("ledger.head"))?;
        // A head that somebody took a part out of is none of ours; it must not keep anybody from saying no.
        Ok(answer.item.map(|item| {
            let sequence = count(&item, "sequence").and_then(|sequence| sequence.try_into().ok()).unwrap_or_default();
            let head = Head { sequence, mark: word(&item, "mark").unwrap_or_default() };
            (head, word(&item, "proof").unwrap_or_default())
        }))
    }

    /// A page of a subject's entries: those before a number, or the newest.
    pub async fn page(&self, subject: &str, before: Option<u64>, limit: u8) -> Result<Page, StoreError> {
        // One more than asked for tells whether there are more, and what the last one stands on.
        let asked = i32::from(limit) + 1;
        let mut entries = self.entries(subject, before, asked).await?;
        let mut intact = self.chain.holds(subject, &entries);
        if !intact {
            // Perhaps only by a key that was not read yet.
            self.chain.reread_keys().await;
            intact = self.chain.holds(subject, &entries);
        }
        let more = entries.len() > usize::from(limit);
        entries.truncate(usize::from(limit));
        let next = entries.last().filter(|_| more).map(|entry| entry.sequence);
        Ok(Page { entries, intact, next })
    }

    async fn entries(&self, subject: &str, before: Option<u64>, limit: i32) -> Result<Vec<Entry>, StoreError> {
        let mut query = self.client.query().table_name(&self.table).scan_index_forward(false).limit(limit);
        query = query.consistent_read(true).expression_attribute_names("#s", "subject");
        query = query.expression_attribute_values(":s", text(subject));
        query = match before {
            Some(before) => query
                .key_condition_expression("#s = :s AND #n < :n")
                .expression_attribute_names("#n", "sequence")
                .expression_attribute_values(":n", number(before)),
            None => query.key_condition_expression("#s = :s"),
        };
        let answer = query.send().await.map_err(unavailable("ledger.entries"))?;
        answer.items.unwrap_or_default().iter().map(|item| self.read(subject, item)).collect()
    }

    fn put(&self, subject: &str, entry: &Entry) -> Result<TransactWriteItem, StoreError> {
        let mut put = Put::builder()
            .table_name(&self.table)
            .item("subject", text(subject))
            .item("sequence", number(entry.sequence))
            .item("at", number(entry.at.as_millisecond()))
            .item("caller", text(&entry.caller))
            .item("event", text(&entry.event))
            .item("facts", text(&entry.facts))
            .item("previous", text(&entry.previous))
            .condition_expression("attribute_not_exists(#s)")
            .expression_attribute_names("#s", "subject");
        if let Personal::Kept { mark, plain } = &entry.personal {
            let sealed = self.seal.seal(&row(subject, entry.sequence), plain.as_bytes())?;
            put = put.item("personal_mark", text(mark)).item("personal", text(sealed));
        }
        Ok(TransactWriteItem::builder().put(put.build().map_err(unreadable)?).build())
    }

    fn put_head(&self, subject: &str, seen: Option<&Head>, head: &Head) -> Result<TransactWriteItem, StoreError> {
        let seen = seen.map_or(0, |seen| seen.sequence);
        let unmoved = if seen == 0 { "attribute_not_exists(#n) OR #n = :n" } else { "#n = :n" };
        let put = Put::builder()
            .table_name(&self.people)
            .item("pk", text(subject))
            .item("sk", text(HEAD))
            .item("sequence", number(head.sequence))
            .item("mark", text(&head.mark))
            .item("proof", text(self.chain.proof(subject, head)))
            .condition_expression(unmoved)
            .expression_attribute_names("#n", "sequence")
            .expression_attribute_values(":n", number(seen));
        Ok(TransactWriteItem::builder().put(put.build().map_err(unreadable)?).build())
    }

    fn read(&self, subject: &str, item: &Item) -> Result<Entry, StoreError> {
        let sequence = count(item, "sequence").and_then(|n| u64::try_from(n).ok());
        let sequence = sequence.ok_or_else(|| unreadable("an entry has no number"))?;
        let personal = self.read_personal(&row(subject, sequence), item)?;
        // A part that somebody took out reads as empty: then the entry is not what the next one says it was.
        let part = |name| word(item, name).unwrap_or_default();
        Ok(Entry {
            sequence,
            at: from_millis(count(item, "at").unwrap_or_default()),
            caller: part("caller"),
            event: part("event"),
            facts: part("facts"),
            previous: part("previous"),
            personal,
        })
    }

    fn read_personal(&self, row: &str, item: &Item) -> Result<Personal, StoreError> {
        Ok(match (word(item, "personal_mark"), word(item, "personal")) {
            (None, None) => Personal::Absent,
            (Some(mark), None) => Personal::Erased { mark },
            (mark, Some(sealed)) => {
                let mark = mark.unwrap_or_default();
                match self.seal.open(row, &sealed).map(String::from_utf8) {
                    Ok(Ok(plain)) => Personal::Kept { mark, plain },
                    Ok(Err(_)) | Err(SealError::Broken) => Personal::Broken { mark },
                    // That is a secret without the key: nothing is wrong with the entry.
                    Err(error @ (SealError::UnknownKey(_) | SealError::BadKey(_))) => return Err(error.into()),
                }
            }
        })
    }
}

fn word(item: &Item, name: &str) -> Option<String> {
    item.get(name).and_then(|value| value.as_s().ok()).cloned()
}

fn count(item: &Item, name: &str) -> Option<i64> {
    item.get(name).and_then(|value| value.as_n().ok()).and_then(|n| n.parse().ok())
}
