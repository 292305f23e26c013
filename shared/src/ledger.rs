//! The ledger: who did what, and when. Entries are only ever added, numbered by subject without a gap, and each holds a
//! keyed mark of the one before: what is changed or taken out later shows ([`chain`]).
//!
//! An entry may have a personal part (the address at the time, from where it was done, the text that was shown). It is
//! sealed beside the entry, and the chain covers a keyed hash of what was sealed, with a random salt in it: so it can be
//! sealed under a new key, and erased, and the chain still holds.

pub mod anchor;
pub mod chain;

use std::fmt;
use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::{Map, Value};

pub use chain::{Break, Chain, Fault, Head, Reached};

/// Something that happened, to be written down. Neither its name nor its facts hold an address, a code or a token.
#[derive(Clone, PartialEq)]
pub struct Event {
    pub name: &'static str,
    pub facts: Map<String, Value>,
    /// What is about a person, and goes when they do: an address, from where, which text.
    pub personal: Map<String, Value>,
}

/// Its personal part is nobody's to read in a log.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("name", &self.name).field("facts", &self.facts).finish_non_exhaustive()
    }
}

impl Event {
    pub fn new(name: &'static str) -> Self {
        Self { name, facts: Map::new(), personal: Map::new() }
    }

    #[must_use]
    pub fn with(mut self, fact: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(fact.to_owned(), value.into());
        self
    }

    /// Adds to its personal part.
    #[must_use]
    pub fn with_personal(mut self, fact: &str, value: impl Into<Value>) -> Self {
        self.personal.insert(fact.to_owned(), value.into());
        self
    }
}

/// Who did something, and from where.
#[derive(Clone, PartialEq, Eq)]
pub struct Witness {
    /// The subject of the token it was done with, or the part of us that did it.
    pub caller: String,
    pub at: Timestamp,
    /// The network address we saw the request come from, and what its user agent called itself.
    pub ip: Option<IpAddr>,
    pub agent: Option<String>,
    /// What the client says of the device somebody used. It is the client's word, and nothing we saw.
    pub stated: Stated,
    /// Where it came from, in the client's word or ours: `web_form`, `sms_keyword` …
    pub source: String,
}

/// A client's word for the device somebody used.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Stated {
    pub ip: Option<IpAddr>,
    pub agent: Option<String>,
}

impl fmt::Debug for Stated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stated[…]")
    }
}

/// From where it was done stays out of logs too.
impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witness").field("caller", &self.caller).field("source", &self.source).finish_non_exhaustive()
    }
}

/// How many characters of a user agent are kept. Browsers' are far shorter.
const LONGEST_AGENT: usize = 512;

impl Witness {
    /// One that was not there as somebody else was: a job, a callback.
    pub fn new(caller: &str, source: &str, at: Timestamp) -> Self {
        Self {
            caller: caller.to_owned(),
            at,
            ip: None,
            agent: None,
            stated: Stated::default(),
            source: source.to_owned(),
        }
    }

    /// An event, with what the witness adds to it.
    #[must_use]
    pub fn attest(&self, event: Event) -> Event {
        let mut event = if self.source.is_empty() { event } else { event.with("source", self.source.as_str()) };
        let short = |agent: &String| agent.chars().take(LONGEST_AGENT).collect::<String>();
        let facts = [
            ("observed_ip", self.ip.map(|ip| ip.to_string())),
            ("observed_agent", self.agent.as_ref().map(short)),
            ("stated_ip", self.stated.ip.map(|ip| ip.to_string())),
            ("stated_agent", self.stated.agent.as_ref().map(short)),
        ];
        for (fact, value) in facts {
            if let Some(value) = value {
                event = event.with_personal(fact, value);
            }
        }
        event
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
    pub personal: Personal,
}

/// The personal part of an entry.
#[derive(Clone, PartialEq, Eq)]
pub enum Personal {
    /// It never had one.
    Absent,
    /// A JSON object, as it was written: `{"salt", "personal"}`. `mark` is what the chain covers of it.
    Kept { mark: String, plain: String },
    /// It was erased; its mark is left.
    Erased { mark: String },
    /// Something is there that is not what was written.
    Broken { mark: String },
}

impl fmt::Debug for Personal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "Absent",
            Self::Kept { .. } => "Kept[…]",
            Self::Erased { .. } => "Erased",
            Self::Broken { .. } => "Broken",
        })
    }
}

impl Personal {
    /// Its mark, where there is or was one.
    pub fn mark(&self) -> Option<&str> {
        match self {
            Self::Absent => None,
            Self::Kept { mark, .. } | Self::Erased { mark } | Self::Broken { mark } => Some(mark),
        }
    }

    /// What was written, where it is there.
    pub fn facts(&self) -> Map<String, Value> {
        let Self::Kept { plain, .. } = self else { return Map::new() };
        match serde_json::from_str::<Value>(plain)
            .ok()
            .and_then(|mut written| written.get_mut("personal").map(Value::take))
        {
            Some(Value::Object(facts)) => facts,
            Some(_) | None => Map::new(),
        }
    }
}

/// What is to be written down together.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    pub caller: &'a str,
    pub at: Timestamp,
    pub events: &'a [Event],
}
