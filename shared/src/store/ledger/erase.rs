//! The personal parts of a subject's entries: read, and taken away. Their marks stay, so the chain still holds.

use serde_json::{Map, Value};

use super::Ledger;
use crate::ledger::Personal;
use crate::store::update::{Applied, Update};
use crate::store::{Item, StoreError, number, text};

/// How many entries are read at a time.
const PAGE: i32 = 200;

impl Ledger {
    /// What the personal parts of a subject's entries say, the oldest first.
    pub async fn personal_facts(&self, subject: &str) -> Result<Vec<Map<String, Value>>, StoreError> {
        let (mut facts, mut after) = (Vec::new(), 0);
        loop {
            let entries = self.onward(subject, after, PAGE).await?;
            let Some(last) = entries.last() else { return Ok(facts) };
            after = last.sequence;
            facts.extend(entries.iter().map(|entry| entry.personal.facts()).filter(|facts| !facts.is_empty()));
        }
    }

    /// Takes the personal parts of a subject's entries away; how many there were.
    pub async fn erase_personal(&self, subject: &str) -> Result<u64, StoreError> {
        let (mut erased, mut after) = (0, 0);
        loop {
            let entries = self.onward(subject, after, PAGE).await?;
            let Some(last) = entries.last() else { return Ok(erased) };
            after = last.sequence;
            for entry in &entries {
                match entry.personal {
                    Personal::Kept { .. } | Personal::Broken { .. } => {
                        erased += u64::from(self.erase_one(subject, entry.sequence).await?);
                    }
                    Personal::Absent | Personal::Erased { .. } => {}
                }
            }
        }
    }

    async fn erase_one(&self, subject: &str, sequence: u64) -> Result<bool, StoreError> {
        let key = Item::from([("subject".to_owned(), text(subject)), ("sequence".to_owned(), number(sequence))]);
        let update = Update::default().only_if_present("personal").remove("personal");
        let applied = update.apply_at(&self.client, &self.table, key, "ledger.erase").await?;
        Ok(matches!(applied, Applied::Done(_)))
    }
}
