//! The Ledger table: entries of a subject, by number. They are added, in one transaction with what they tell of, and
//! never changed.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};

use super::{Item, StoreError, number, text, unavailable};
use crate::clock::from_millis;
use crate::ledger::{Chain, Entry, Record};
use crate::seal::Seal;

/// The table.
#[derive(Clone, Debug)]
pub struct Ledger {
    client: Client,
    table: String,
    chain: Chain,
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
const TRIES: usize = 16;

fn unreadable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unreadable { table: "ledger", cause: error.to_string() }
}

impl Ledger {
    pub fn new(client: Client, table: String, seal: &Seal) -> Self {
        Self { client, table, chain: Chain::new(seal) }
    }

    /// Does the writes and adds the entries, in one transaction.
    pub(super) async fn commit(
        &self,
        subject: &str,
        record: &Record<'_>,
        writes: &[TransactWriteItem],
    ) -> Result<Committed, StoreError> {
        for _ in 0..TRIES {
            let last = self.entries(subject, None, 1).await?.pop();
            let mut items = writes.to_vec();
            for entry in self.chain.after(subject, last.as_ref(), record) {
                items.push(self.put(subject, &entry)?);
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

    /// A page of a subject's entries: those before a number, or the newest.
    pub async fn page(&self, subject: &str, before: Option<u64>, limit: u8) -> Result<Page, StoreError> {
        // One more than asked for tells whether there are more, and what the last one stands on.
        let asked = i32::from(limit) + 1;
        let mut entries = self.entries(subject, before, asked).await?;
        let intact = self.chain.holds(subject, &entries);
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
        answer.items.unwrap_or_default().iter().map(read).collect()
    }

    fn put(&self, subject: &str, entry: &Entry) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
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
        Ok(TransactWriteItem::builder().put(put.build().map_err(unreadable)?).build())
    }
}

fn read(item: &Item) -> Result<Entry, StoreError> {
    let word = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
    let count = |name: &str| item.get(name).and_then(|value| value.as_n().ok()).and_then(|n| n.parse::<i64>().ok());
    let entry = || {
        Some(Entry {
            sequence: u64::try_from(count("sequence")?).ok()?,
            at: from_millis(count("at")?),
            caller: word("caller")?,
            event: word("event")?,
            facts: word("facts")?,
            previous: word("previous")?,
        })
    };
    entry().ok_or_else(|| unreadable("an entry lacks a part"))
}
