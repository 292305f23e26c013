//! What happened to a message, step by step. The trail is also where repeated callbacks are recognised: an entry's key
//! is the callback's own dedup key, and a key is written once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrailEntry {
    #[serde(with = "crate::clock::millis")]
    pub at: Timestamp,
    /// What happened: a status, or an event such as `opened`.
    pub event: String,
    /// Who says so: `switchboard` or a provider.
    pub by: String,
    /// The provider's code or our reason, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Who an entry of our own is by.
pub const OURSELVES: &str = "switchboard";

/// A message keeps this many entries at most; later engagement is counted, not listed (a row is at most 400 kB).
pub const MOST_ENTRIES: usize = 100;

/// And at most so many before what people do with it is not listed any more: the rest is for what becomes of it.
pub const MOST_LISTED_DEEDS: usize = MOST_ENTRIES - 40;

impl TrailEntry {
    /// A step of our own.
    pub fn ours(at: Timestamp, event: &str, detail: Option<String>) -> Self {
        Self { at, event: event.to_owned(), by: OURSELVES.to_owned(), detail }
    }
}
