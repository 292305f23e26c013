//! The ledger: who did what, and when. Entries are only ever added (the functions' roles can do nothing else), numbered
//! by subject without a gap, and each holds a keyed mark of the one before: what is changed or taken out later shows.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::seal::Seal;

const LABEL: &str = "ledger v1";

/// Something that happened, to be written down. Neither its name nor its facts hold an address, a code or a token.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub name: &'static str,
    pub facts: Map<String, Value>,
}

impl Event {
    pub fn new(name: &'static str) -> Self {
        Self { name, facts: Map::new() }
    }

    #[must_use]
    pub fn with(mut self, fact: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(fact.to_owned(), value.into());
        self
    }
}

/// One entry, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// 1, 2, 3 … by subject.
    pub sequence: u64,
    pub at: Timestamp,
    /// The subject of the token it was done with.
    pub caller: String,
    pub event: String,
    /// A JSON object, as it was written.
    pub facts: String,
    /// The mark of the entry before; empty in the first.
    pub previous: String,
}

/// Marks entries.
#[derive(Clone)]
pub struct Chain(hmac::Key);

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Chain[…]")
    }
}

impl Chain {
    pub fn new(seal: &Seal) -> Self {
        Self(seal.derived_key(LABEL))
    }

    /// What the next entry holds of this one.
    pub fn mark(&self, subject: &str, entry: &Entry) -> String {
        let mut mac = hmac::Context::with_key(&self.0);
        let (sequence, at) = (entry.sequence.to_string(), entry.at.as_millisecond().to_string());
        let parts = [subject, &sequence, &at, &entry.caller, &entry.event, &entry.facts, &entry.previous];
        for part in parts {
            // Length first: no two different entries give the same bytes.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        URL_SAFE_NO_PAD.encode(mac.sign())
    }

    /// The entries of these events, after `last`.
    pub fn after(&self, subject: &str, last: Option<&Entry>, record: &Record<'_>) -> Vec<Entry> {
        let mut last = last.cloned();
        let mut entries: Vec<Entry> = Vec::with_capacity(record.events.len());
        for event in record.events {
            let entry = Entry {
                sequence: last.as_ref().map_or(1, |last| last.sequence + 1),
                at: record.at,
                caller: record.caller.to_owned(),
                event: event.name.to_owned(),
                facts: Value::Object(event.facts.clone()).to_string(),
                previous: last.as_ref().map(|last| self.mark(subject, last)).unwrap_or_default(),
            };
            last = Some(entry.clone());
            entries.push(entry);
        }
        entries
    }

    /// Whether entries, the newest first, follow one another as they were written.
    pub fn holds(&self, subject: &str, newest_first: &[Entry]) -> bool {
        newest_first.windows(2).all(|pair| match pair {
            [newer, older] => newer.sequence == older.sequence + 1 && newer.previous == self.mark(subject, older),
            _ => true,
        }) && newest_first.iter().all(|entry| (entry.sequence == 1) == entry.previous.is_empty())
    }
}

/// What is to be written down together.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    pub caller: &'a str,
    pub at: Timestamp,
    pub events: &'a [Event],
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;
    use crate::seal::tests::test_seal;

    fn written(chain: &Chain) -> Vec<Entry> {
        let events = [Event::new("one"), Event::new("two").with("left", 9), Event::new("three")];
        let record = Record { caller: "portal", at: from_millis(5), events: &events };
        let mut entries = chain.after("s", None, &record);
        let more = Record { at: from_millis(6), events: &events[..1], ..record };
        entries.extend(chain.after("s", entries.last(), &more));
        entries.reverse();
        entries
    }

    #[test]
    fn entries_are_numbered_without_a_gap_and_hold_the_mark_of_the_one_before() {
        let chain = Chain::new(&test_seal());
        let entries = written(&chain);
        assert_eq!(entries.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), [4, 3, 2, 1]);
        assert_eq!((entries[2].facts.as_str(), entries[3].previous.as_str()), (r#"{"left":9}"#, ""));
        assert!(chain.holds("s", &entries) && chain.holds("s", &entries[1..3]) && chain.holds("s", &[]));
    }

    #[test]
    fn what_is_changed_taken_out_or_moved_to_another_subject_shows() {
        let chain = Chain::new(&test_seal());
        let entries = written(&chain);
        assert!(!chain.holds("another", &entries));
        let mut without = entries.clone();
        without.remove(1);
        assert!(!chain.holds("s", &without));
        let changes: [fn(&mut Entry); 5] = [
            |entry| entry.at = from_millis(7),
            |entry| entry.caller = "thief".to_owned(),
            |entry| entry.event = "none".to_owned(),
            |entry| entry.facts = "{}".to_owned() + " ",
            |entry| entry.previous = "A".to_owned(),
        ];
        for change in changes {
            let mut changed = entries.clone();
            change(&mut changed[1]);
            assert!(!chain.holds("s", &changed), "{:?}", changed[1]);
        }
    }
}
