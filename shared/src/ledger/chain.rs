//! What ties entries together, and finds where they were torn apart. Nobody without the key can make a mark, so what is
//! changed, taken out or put in between shows at the next entry. Of the last entry there is no next: that is what a
//! subject's [`Head`] is for, kept in another table and written along with the entry.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Entry, Event, Personal, Record};
use crate::seal::purpose::LedgerKeys;

const ENTRIES: &str = "ledger v1";
const PERSONAL: &str = "ledger personal v1";
const HEADS: &str = "ledger head v1";

/// Marks entries, their personal parts, and heads: each by a key of its own. A mark is `key id . base64`: the active key makes
/// new ones, and every key that the secret lists checks.
#[derive(Clone, Debug)]
pub struct Chain {
    keys: LedgerKeys,
}

/// How far entries were followed: the number of the last one, and that entry. Number 0: there was none yet.
#[derive(Clone, Debug, Default)]
pub struct Reached {
    pub sequence: u64,
    last: Option<Entry>,
}

impl Reached {
    /// Up to this entry.
    pub fn at(last: Entry) -> Self {
        Self { sequence: last.sequence, last: Some(last) }
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
    /// It was marked with a key that the secret does not list.
    UnknownKey,
}

impl Fault {
    /// Its name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::PersonalChanged => "personal_changed",
            Self::Head => "head",
            Self::UnknownKey => "unknown_key",
        }
    }
}

impl Chain {
    pub fn new(keys: LedgerKeys) -> Self {
        Self { keys }
    }

    /// Reads the keys again, if one was met that is not known.
    pub async fn reread_keys(&self) {
        self.keys.keep_current().await;
    }

    /// A new mark over these parts.
    fn sign<'a>(&self, label: &str, parts: impl IntoIterator<Item = &'a str>) -> String {
        let (id, key) = self.keys.active(label);
        format!("{id}.{}", signed(&key, parts))
    }

    /// Whether a mark is over these parts; if it is not: why.
    fn check<'a>(&self, mark: &str, label: &str, parts: impl IntoIterator<Item = &'a str>) -> Result<(), Fault> {
        let (id, tag) = mark.split_once('.').ok_or(Fault::Changed)?;
        let key = self.keys.named(id, label).ok_or(Fault::UnknownKey)?;
        if signed(&key, parts) == tag { Ok(()) } else { Err(Fault::Changed) }
    }

    /// What the next entry holds of this one.
    pub fn mark(&self, subject: &str, entry: &Entry) -> String {
        let (sequence, at) = (entry.sequence.to_string(), entry.at.as_millisecond().to_string());
        self.sign(ENTRIES, parts(subject, entry, &sequence, &at))
    }

    /// Whether this is a mark of the entry; no entry is marked by the empty text.
    fn check_entry(&self, mark: &str, subject: &str, entry: Option<&Entry>) -> Result<(), Fault> {
        let Some(entry) = entry else { return if mark.is_empty() { Ok(()) } else { Err(Fault::Changed) } };
        let (sequence, at) = (entry.sequence.to_string(), entry.at.as_millisecond().to_string());
        self.check(mark, ENTRIES, parts(subject, entry, &sequence, &at))
    }

    /// The mark of a personal part. With the salt in it nobody can try addresses until one fits, once it is erased.
    fn personal_mark(&self, plain: &str) -> String {
        self.sign(PERSONAL, [plain])
    }

    /// Proof that a head is one of ours.
    pub fn proof(&self, subject: &str, head: &Head) -> String {
        self.sign(HEADS, [subject, &head.sequence.to_string(), &head.mark])
    }

    /// Whether a proof is of this head.
    pub fn proves(&self, proof: &str, subject: &str, head: &Head) -> bool {
        self.check(proof, HEADS, [subject, &head.sequence.to_string(), &head.mark]).is_ok()
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

    /// Follows entries, the oldest first, that should come right after those that were reached; how far they go.
    pub fn follow(&self, subject: &str, reached: Reached, entries: &[Entry]) -> Result<Reached, Break> {
        entries.iter().try_fold(reached, |reached, entry| {
            if entry.sequence != reached.sequence + 1 {
                return Err(Break { sequence: reached.sequence + 1, fault: Fault::Missing });
            }
            self.check_entry(&entry.previous, subject, reached.last.as_ref())
                .map_err(|fault| Break { sequence: reached.sequence.max(1), fault })?;
            self.check_personal(entry).map_err(|fault| Break { sequence: entry.sequence, fault })?;
            Ok(Reached::at(entry.clone()))
        })
    }

    /// Whether entries that go as far as `reached` go as far as they should.
    pub fn ends(&self, subject: &str, reached: &Reached, kept: &Head) -> Result<(), Break> {
        match reached.sequence.cmp(&kept.sequence) {
            std::cmp::Ordering::Less => Err(Break { sequence: reached.sequence + 1, fault: Fault::Missing }),
            std::cmp::Ordering::Greater => Err(Break { sequence: kept.sequence + 1, fault: Fault::Head }),
            std::cmp::Ordering::Equal => self
                .check_entry(&kept.mark, subject, reached.last.as_ref())
                .map_err(|fault| Break { sequence: reached.sequence, fault }),
        }
    }

    fn check_personal(&self, entry: &Entry) -> Result<(), Fault> {
        match &entry.personal {
            Personal::Absent | Personal::Erased { .. } => Ok(()),
            Personal::Kept { mark, plain } => {
                self.check(mark, PERSONAL, [plain.as_str()]).map_err(|fault| match fault {
                    Fault::UnknownKey => Fault::UnknownKey,
                    Fault::Changed | Fault::Missing | Fault::PersonalChanged | Fault::Head => Fault::PersonalChanged,
                })
            }
            Personal::Broken { .. } => Err(Fault::PersonalChanged),
        }
    }

    /// Whether entries, the newest first, follow one another as they were written.
    pub fn holds(&self, subject: &str, newest_first: &[Entry]) -> bool {
        newest_first.windows(2).all(|pair| match pair {
            [newer, older] => {
                newer.sequence == older.sequence + 1 && self.check_entry(&newer.previous, subject, Some(older)).is_ok()
            }
            _ => true,
        }) && newest_first
            .iter()
            .all(|entry| (entry.sequence == 1) == entry.previous.is_empty() && self.check_personal(entry).is_ok())
    }
}

/// What an entry's mark is over.
fn parts<'a>(subject: &'a str, entry: &'a Entry, sequence: &'a str, at: &'a str) -> impl Iterator<Item = &'a str> {
    let parts = [subject, sequence, at, &entry.caller, &entry.event, &entry.facts, &entry.previous];
    parts.into_iter().chain(entry.personal.mark())
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
