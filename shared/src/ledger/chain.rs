//! What ties entries together, and finds where they were torn apart. Nobody without the key can make a mark, so what is
//! changed, taken out or put in between shows at the next entry. Of the last entry there is no next: that is what a
//! subject's [`Head`] is for, kept in another table and written along with the entry.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Entry, Event, Personal, Record};
use crate::seal::Seal;

const ENTRIES: &str = "ledger v1";
const PERSONAL: &str = "ledger personal v1";
const HEADS: &str = "ledger head v1";

/// Marks entries, their personal parts, and heads: each by a key of its own.
#[derive(Clone)]
pub struct Chain {
    entries: hmac::Key,
    personal: hmac::Key,
    heads: hmac::Key,
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Chain[…]")
    }
}

/// How far the entries of a subject go: the number of the last one, and its mark. Number 0: there is none yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    pub sequence: u64,
    pub mark: String,
}

/// Where entries are not as they were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Break {
    /// The first entry that is not as it was.
    pub sequence: u64,
    pub fault: Fault,
}

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is another than the one the next entry, or the head, stands on.
    Changed,
    /// It is not there.
    Missing,
    /// Its personal part is another than the one it was written with.
    PersonalChanged,
    /// There are entries beyond the head, the head is not there, or it is none of ours.
    Head,
}

impl Fault {
    /// Its name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::PersonalChanged => "personal_changed",
            Self::Head => "head",
        }
    }
}

impl Chain {
    pub fn new(seal: &Seal) -> Self {
        let key = |label| seal.derived_key(label);
        Self { entries: key(ENTRIES), personal: key(PERSONAL), heads: key(HEADS) }
    }

    /// What the next entry holds of this one.
    pub fn mark(&self, subject: &str, entry: &Entry) -> String {
        let (sequence, at) = (entry.sequence.to_string(), entry.at.as_millisecond().to_string());
        let parts = [subject, &sequence, &at, &entry.caller, &entry.event, &entry.facts, &entry.previous];
        signed(&self.entries, parts.into_iter().chain(entry.personal.mark()))
    }

    /// The mark of a personal part. With the salt in it nobody can try addresses until one fits, once it is erased.
    fn personal_mark(&self, plain: &str) -> String {
        signed(&self.personal, [plain])
    }

    /// Proof that a head is one of ours.
    pub fn proof(&self, subject: &str, head: &Head) -> String {
        signed(&self.heads, [subject, &head.sequence.to_string(), &head.mark])
    }

    /// How far entries go of which this is the last.
    pub fn head(&self, subject: &str, last: &Entry) -> Head {
        Head { sequence: last.sequence, mark: self.mark(subject, last) }
    }

    /// The entries of these events, after `head`.
    pub fn after(&self, subject: &str, head: &Head, record: &Record<'_>) -> Vec<Entry> {
        let mut head = head.clone();
        let mut entries: Vec<Entry> = Vec::with_capacity(record.events.len());
        for event in record.events {
            let entry = Entry {
                sequence: head.sequence + 1,
                at: record.at,
                caller: record.caller.to_owned(),
                event: event.name.to_owned(),
                facts: Value::Object(event.facts.clone()).to_string(),
                previous: std::mem::take(&mut head.mark),
                personal: self.personal(event),
            };
            head = self.head(subject, &entry);
            entries.push(entry);
        }
        entries
    }

    fn personal(&self, event: &Event) -> Personal {
        if event.personal.is_empty() {
            return Personal::Absent;
        }
        // 122 random bits.
        let plain = json!({"salt": Uuid::new_v4(), "personal": event.personal}).to_string();
        Personal::Kept { mark: self.personal_mark(&plain), plain }
    }

    /// Follows entries, the oldest first, that should come right after `head`; how far they go.
    pub fn follow(&self, subject: &str, head: Head, entries: &[Entry]) -> Result<Head, Break> {
        entries.iter().try_fold(head, |head, entry| {
            if entry.sequence != head.sequence + 1 {
                return Err(Break { sequence: head.sequence + 1, fault: Fault::Missing });
            }
            if entry.previous != head.mark {
                return Err(Break { sequence: head.sequence.max(1), fault: Fault::Changed });
            }
            if !self.personal_holds(entry) {
                return Err(Break { sequence: entry.sequence, fault: Fault::PersonalChanged });
            }
            Ok(self.head(subject, entry))
        })
    }

    /// Whether entries that go as far as `reached` go as far as they should.
    pub fn ends(reached: &Head, kept: &Head) -> Result<(), Break> {
        match reached.sequence.cmp(&kept.sequence) {
            std::cmp::Ordering::Less => Err(Break { sequence: reached.sequence + 1, fault: Fault::Missing }),
            std::cmp::Ordering::Greater => Err(Break { sequence: kept.sequence + 1, fault: Fault::Head }),
            std::cmp::Ordering::Equal if reached.mark != kept.mark => {
                Err(Break { sequence: reached.sequence, fault: Fault::Changed })
            }
            std::cmp::Ordering::Equal => Ok(()),
        }
    }

    fn personal_holds(&self, entry: &Entry) -> bool {
        match &entry.personal {
            Personal::Absent | Personal::Erased { .. } => true,
            Personal::Kept { mark, plain } => *mark == self.personal_mark(plain),
            Personal::Broken { .. } => false,
        }
    }

    /// Whether entries, the newest first, follow one another as they were written.
    pub fn holds(&self, subject: &str, newest_first: &[Entry]) -> bool {
        newest_first.windows(2).all(|pair| match pair {
            [newer, older] => newer.sequence == older.sequence + 1 && newer.previous == self.mark(subject, older),
            _ => true,
        }) && newest_first
            .iter()
            .all(|entry| (entry.sequence == 1) == entry.previous.is_empty() && self.personal_holds(entry))
    }
}

/// The length goes first: no two different lists of parts give the same bytes.
fn signed<'a>(key: &hmac::Key, parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut mac = hmac::Context::with_key(key);
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(mac.sign())
}

#[cfg(test)]
mod tests;
