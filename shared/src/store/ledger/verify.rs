//! A subject's entries, followed from the first to the last.

use super::Ledger;
use crate::ledger::{Break, Chain, Entry, Fault, Head};
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
    /// Follows entries from the first, or from one that was reached before; at most `most` of them, to the next full page.
    pub async fn verify(&self, subject: &str, reached: Option<u64>, most: u64) -> Result<Verified, StoreError> {
        let mut head = match reached {
            None => Head::default(),
            // It was verified, but not remembered: it stands for itself, and what follows must stand on it.
            Some(sequence) => match self.onward(subject, sequence.saturating_sub(1), 1).await?.first() {
                Some(entry) if entry.sequence == sequence => self.chain.head(subject, entry),
                Some(_) | None => return Ok(Verified::Broken(Break { sequence, fault: Fault::Missing })),
            },
        };
        let until = head.sequence + most;
        loop {
            let entries = self.onward(subject, head.sequence, PAGE).await?;
            if entries.is_empty() {
                break;
            }
            head = match self.chain.follow(subject, head, &entries) {
                Ok(head) => head,
                Err(at) => return Ok(Verified::Broken(at)),
            };
            if head.sequence >= until {
                return Ok(Verified::SoFar { sequence: head.sequence });
            }
        }
        self.verify_end(subject, head).await
    }

    /// Whether entries that end here end where the head says.
    async fn verify_end(&self, subject: &str, reached: Head) -> Result<Verified, StoreError> {
        let Some((kept, proof)) = self.kept_head(subject).await? else {
            return Ok(match reached.sequence {
                0 => Verified::Intact { entries: 0 },
                sequence => Verified::Broken(Break { sequence, fault: Fault::Head }),
            });
        };
        if proof != self.chain.proof(subject, &kept) {
            return Ok(Verified::Broken(Break { sequence: reached.sequence.max(1), fault: Fault::Head }));
        }
        // What was added since the last page was read belongs to it.
        let added = match kept.sequence > reached.sequence {
            true => self.onward(subject, reached.sequence, PAGE).await?,
            false => Vec::new(),
        };
        let written = added.partition_point(|entry| entry.sequence <= kept.sequence);
        let ended =
            self.chain.follow(subject, reached, &added[..written]).and_then(|reached| Chain::ends(&reached, &kept));
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
