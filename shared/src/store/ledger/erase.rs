//! The personal parts of a subject's entries: read, and taken away. Their marks stay, so the chain still holds.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Ledger, unreadable};
use crate::ledger::Personal;
use crate::privacy::erasure::ErasureCounts;
use crate::store::privacy::Tally;
use crate::store::update::Update;
use crate::store::{Item, StoreError, number, text};

/// How many entries are read at a time.
const PAGE: i32 = 200;

impl Ledger {
    /// What the personal parts of a subject's entries about this event say, the oldest first.
    pub async fn personal_facts(&self, subject: &str, event: &str) -> Result<Vec<Map<String, Value>>, StoreError> {
        let (mut facts, mut after) = (Vec::new(), 0);
        loop {
            let entries = self.onward(subject, after, PAGE).await?;
            let Some(last) = entries.last() else { return Ok(facts) };
            after = last.sequence;
            let of_event = entries.iter().filter(|entry| entry.event == event);
            facts.extend(of_event.map(|entry| entry.personal.facts()).filter(|facts| !facts.is_empty()));
        }
    }

    /// Takes the personal parts of a subject's entries of certain times away, and counts them.
    pub async fn erase_personal(
        &self,
        subject: &str,
        is_theirs: impl Fn(Timestamp) -> bool,
        tally: &Tally,
    ) -> Result<(), StoreError> {
        let mut after = 0;
        loop {
            let entries = self.onward(subject, after, PAGE).await?;
            let Some(last) = entries.last() else { return Ok(()) };
            after = last.sequence;
            for entry in entries.iter().filter(|entry| is_theirs(entry.at)) {
                match entry.personal {
                    Personal::Kept { .. } | Personal::Broken { .. } => {
                        self.erase_one(subject, entry.sequence, tally).await?;
                    }
                    Personal::Absent | Personal::Erased { .. } => {}
                }
            }
        }
    }

    async fn erase_one(&self, subject: &str, sequence: u64, tally: &Tally) -> Result<(), StoreError> {
        let key = Item::from([("subject".to_owned(), text(subject)), ("sequence".to_owned(), number(sequence))]);
        let update = Update::default().only_if_present("personal").remove("personal");
        let counts = ErasureCounts { ledger_entries: 1, ..ErasureCounts::default() };
        // One that has none any more was counted.
        tally.take(update.in_transaction(&self.table, key).map_err(unreadable)?, counts).await?;
        Ok(())
    }
}
