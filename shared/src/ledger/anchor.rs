//! What is known of an entry outside its writers' reach: a digest of everything but its personal part, which may be erased or
//! sealed anew. It needs no key: the anchor is proof because nobody can change it where it is kept.

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// An entry as it stood in the table when it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchored {
    pub subject: String,
    pub sequence: u64,
    digest: String,
}

/// An entry that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    pub subject: String,
    pub sequence: u64,
    pub how: How,
}

impl Broken {
    pub fn of(entry: Anchored, how: How) -> Self {
        Self { subject: entry.subject, sequence: entry.sequence, how }
    }
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Changed,
    Missing,
}

impl How {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Missing => "missing",
        }
    }
}

/// An entry's row, as the table's stream shows it: attributes by name, each with its type.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Image(BTreeMap<String, BTreeMap<String, serde_json::Value>>);

/// A row that is no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a row of the ledger has no subject or no number")]
pub struct NoEntry;

/// What may change after an entry was written.
const CHANGES: &str = "personal";

impl Image {
    /// Builds one of attributes, each a name, a type and a value.
    pub fn of(attributes: impl IntoIterator<Item = (String, &'static str, String)>) -> Self {
        let attribute = |(name, kind, value): (String, &str, String)| {
            (name, BTreeMap::from([(kind.to_owned(), serde_json::Value::String(value))]))
        };
        Self(attributes.into_iter().map(attribute).collect())
    }

    pub fn anchored(&self) -> Result<Anchored, NoEntry> {
        let part = |name: &str, kind: &str| self.0.get(name)?.get(kind)?.as_str();
        let subject = part("subject", "S").ok_or(NoEntry)?.to_owned();
        let sequence = part("sequence", "N").and_then(|number| number.parse().ok()).ok_or(NoEntry)?;
        let mut hash = digest::Context::new(&digest::SHA256);
        for (name, value) in self.0.iter().filter(|(name, _)| *name != CHANGES) {
            for (kind, value) in value {
                // The length goes first: no two different rows give the same bytes.
                for part in [name.as_str(), kind, &value.to_string()] {
                    hash.update(&(part.len() as u64).to_be_bytes());
                    hash.update(part.as_bytes());
                }
            }
        }
        Ok(Anchored { subject, sequence, digest: URL_SAFE_NO_PAD.encode(hash.finish()) })
    }
}
