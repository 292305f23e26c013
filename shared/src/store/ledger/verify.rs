//! A subject's entries, followed from the first to the last.

use super::Ledger;
use crate::ledger::{Break, Entry, Fault, Reached};
use crate::store::{StoreError, number, text, unavailable};

/// What following them found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verified {
    /// Every entry is as it was written, and none is missing; how many there are.
    Intact { entries: u64 },
    /// The first that is not as it was.
    Broken(Break),
    /// So far they are; there are more after this one.
    SoFar { sequence: u64 },
}

/// How many entries are read at a time.
const PAGE: i32 = 200;

impl Ledger {
    /// Follows entries from the first, or from one that was reached before; at most `most` of them, to the next full page. An entry
    /// under a key that is not known here may be of a key that others have read already: the keys are read again before that counts.
    pub async fn verify(&self, subject: &str, reached: Option<u64>, most: u64) -> Result<Verified, StoreError> {
        match self.verify_by_known_keys(subject, reached, most).await? {
            Verified::Broken(Break { fault: Fault::UnknownKey, .. }) => {
                self.chain.reread_keys().await;
                self.verify_by_known_keys(subject, reached, most).await
            }
            verified @ (Verified::Intact { .. } | Verified::Broken(_) | Verified::SoFar { .. }) => Ok(verified),
        }
    }

    async fn verify_by_known_keys(
        &self,
        subject: &str,
        reached: Option<u64>,
        most: u64,
    ) -> Result<Verified, StoreError> {
        let mut at = match reached {
            None => Reached::default(),
            // It was verified, but not remembered: it stands for itself, and what follows must stand on it.
            Some(sequence) => match self.onward(subject, sequence.saturating_sub(1), 1).await?.pop() {
                Some(entry) if entry.sequence == sequence => Reached::at(entry),
                Some(_) | None => return Ok(Verified::Broken(Break { sequence, fault: Fault::Missing })),
            },
        };
        let until = at.sequence + most;
        loop {
            let entries = self.onward(subject, at.sequence, PAGE).await?;
            if entries.is_empty() {
                break;
            }
            at = match self.chain.follow(subject, at, &entries) {
                Ok(further) => further,
                Err(broken) => return Ok(Verified::Broken(broken)),
            };
            if at.sequence >= until {
                return Ok(Verified::SoFar { sequence: at.sequence });
            }
        }
        self.verify_end(subject, at).await
    }

    /// Whether entries that end here end where the head says.
    async fn verify_end(&self, subject: &str, reached: Reached) -> Result<Verified, StoreError> {
        let Some((kept, proof)) = self.kept_head(subject).await? else {
            return Ok(match reached.sequence {
                0 => Verified::Intact { entries: 0 },
                sequence => Verified::Broken(Break { sequence, fault: Fault::Head }),
            });
        };
        if !self.chain.proves(&proof, subject, &kept) {
            return Ok(Verified::Broken(Break { sequence: reached.sequence.max(1), fault: Fault::Head }));
        }
        // What was added since the last page was read belongs to it.
        let added = match kept.sequence > reached.sequence {
            true => self.onward(subject, reached.sequence, PAGE).await?,
            false => Vec::new(),
        };
        let written = added.partition_point(|entry| entry.sequence <= kept.sequence);
        let ended = self.chain.follow(subject, reached, &added[..written]);
        let ended = ended.and_then(|reached| self.chain.ends(subject, &reached, &kept));
        Ok(match ended {
            Ok(()) => Verified::Intact { entries: kept.sequence },
            Err(at) => Verified::Broken(at),
        })
    }

    /// The entries after this number, the oldest first.
    pub(super) async fn onward(&self, subject: &str, after: u64, limit: i32) -> Result<Vec<Entry>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .limit(limit)
            .consistent_read(true)
            .key_condition_expression("#s = :s AND #n > :n")
            .expression_attribute_names("#s", "subject")
            .expression_attribute_names("#n", "sequence")
            .expression_attribute_values(":s", text(subject))
            .expression_attribute_values(":n", number(after));
        let answer = query.send().await.map_err(unavailable("ledger.onward"))?;
        answer.items.unwrap_or_default().iter().map(|item| self.read(subject, item)).collect()
    }
}
