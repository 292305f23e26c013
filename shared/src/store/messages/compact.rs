//! The stored form of a decision, a trail, a template and what is sealed: lists without names, and bytes, because DynamoDB bills every write of a row by the whole
//! row, names included, and a row of more than 1,024 bytes costs twice.
//!
//! A decision is `[outcome, reason, decided_at, until, [check …]]`; a check is a text: `+` (`-` where it did not pass), its rule, its
//! reason and its detail, with tabs between them. An entry of the trail is `[at, event, by, detail]` without what is empty at its end; `by` is
//! empty for ourselves.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::message::TrailEntry;
use crate::message::record::TemplateUse;
use crate::message::trail::OURSELVES;
use crate::person::{Check, Decision, Outcome};
use crate::seal;
use crate::store::StoreError;

#[derive(Serialize, Deserialize)]
struct StoredDecision(
    Outcome,
    String,
    #[serde(with = "crate::clock::millis")] Timestamp,
    #[serde(with = "crate::clock::millis::option")] Option<Timestamp>,
    Vec<String>,
);

impl From<&Decision> for StoredDecision {
    fn from(decision: &Decision) -> Self {
        let checks = decision.checks.iter().map(write_check).collect();
        Self(decision.outcome, decision.reason.clone(), decision.decided_at, decision.until, checks)
    }
}

impl TryFrom<StoredDecision> for Decision {
    type Error = &'static str;

    fn try_from(stored: StoredDecision) -> Result<Self, Self::Error> {
        let StoredDecision(outcome, reason, decided_at, until, checks) = stored;
        let checks = checks.iter().map(|text| read_check(text)).collect::<Option<_>>().ok_or("unknown check")?;
        Ok(Self { outcome, until, reason, checks, decided_at })
    }
}

fn write_check(check: &Check) -> String {
    let Check { rule, passed, reason, detail } = check;
    let sign = if *passed { '+' } else { '-' };
    match detail {
        Some(detail) => format!("{sign}{rule}\t{reason}\t{detail}"),
        None => format!("{sign}{rule}\t{reason}"),
    }
}

fn read_check(text: &str) -> Option<Check> {
    let (passed, rest) = match text.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('-')?),
    };
    let (rule, rest) = rest.split_once('\t')?;
    let (reason, detail) = match rest.split_once('\t') {
        Some((reason, detail)) => (reason, Some(detail.to_owned())),
        None => (rest, None),
    };
    Some(Check { detail, ..Check::new(rule, passed, reason) })
}

/// A decision as an attribute.
pub(super) fn decision_attribute(decision: &Decision) -> AttributeValue {
    super::row::attribute(&StoredDecision::from(decision))
}

/// A step of the trail as an attribute.
pub(super) fn entry_attribute(entry: &TrailEntry) -> AttributeValue {
    super::row::attribute(&WrittenEntry(entry))
}

/// `#[serde(with)]` of a row's decision.
pub(super) mod decision {
    use super::{Decision, Deserialize, Deserializer, Serialize, Serializer, StoredDecision};
    use serde::de::Error;

    pub(in super::super) fn serialize<S: Serializer>(decision: &Decision, serializer: S) -> Result<S::Ok, S::Error> {
        StoredDecision::from(decision).serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decision, D::Error> {
        StoredDecision::deserialize(deserializer)?.try_into().map_err(D::Error::custom)
    }
}

struct WrittenEntry<'a>(&'a TrailEntry);

impl Serialize for WrittenEntry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let TrailEntry { at, event, by, detail } = self.0;
        let at = at.as_millisecond();
        let by = if by == OURSELVES { "" } else { by };
        match detail {
            Some(detail) => (at, event, by, detail).serialize(serializer),
            None if by.is_empty() => (at, event).serialize(serializer),
            None => (at, event, by).serialize(serializer),
        }
    }
}

#[derive(Deserialize)]
struct ReadEntry(
    #[serde(with = "crate::clock::millis")] Timestamp,
    String,
    #[serde(default)] String,
    #[serde(default)] Option<String>,
);

impl From<ReadEntry> for TrailEntry {
    fn from(ReadEntry(at, event, by, detail): ReadEntry) -> Self {
        let by = if by.is_empty() { OURSELVES.to_owned() } else { by };
        Self { at, event, by, detail }
    }
}

/// `#[serde(with)]` of a row's trail.
pub(super) mod trail {
    use super::{BTreeMap, Deserialize, Deserializer, ReadEntry, SerializeMap, Serializer, TrailEntry, WrittenEntry};

    pub(in super::super) fn serialize<S: Serializer>(
        trail: &BTreeMap<String, TrailEntry>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(trail.len()))?;
        for (key, entry) in trail {
            map.serialize_entry(key, &WrittenEntry(entry))?;
        }
        map.end()
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<String, TrailEntry>, D::Error> {
        let stored = BTreeMap::<String, ReadEntry>::deserialize(deserializer)?;
        Ok(stored.into_iter().map(|(key, entry)| (key, entry.into())).collect())
    }
}

/// `#[serde(with)]` of a row's template: `[name, version, locale, variant]`, the last only where there is one.
pub(super) mod template {
    use super::{Deserialize, Deserializer, Serialize, Serializer, TemplateUse};

    #[derive(Deserialize)]
    struct Read(String, u32, String, #[serde(default)] Option<String>);

    pub(in super::super) fn serialize<S: Serializer>(
        template: &Option<TemplateUse>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match template {
            None => serializer.serialize_none(),
            Some(TemplateUse { name, version, locale, variant: None }) => (name, version, locale).serialize(serializer),
            Some(TemplateUse { name, version, locale, variant: Some(variant) }) => {
                (name, version, locale, variant).serialize(serializer)
            }
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<TemplateUse>, D::Error> {
        let stored = Option::<Read>::deserialize(deserializer)?;
        Ok(stored.map(|Read(name, version, locale, variant)| TemplateUse { name, version, locale, variant }))
    }
}

/// What is sealed in a row, as an attribute: the text of [`crate::seal`] as bytes, a quarter shorter.
pub(super) fn sealed_attribute(text: &str) -> Result<AttributeValue, StoreError> {
    Ok(AttributeValue::B(Blob::new(seal::to_bytes(text)?)))
}

/// `#[serde(with)]` of it.
pub(super) mod sealed {
    use serde::de::{Error, Visitor};
    use serde::ser::Error as _;
    use serde::{Deserializer, Serializer};

    use super::seal;

    pub(in super::super) fn serialize<S: Serializer>(text: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
        match text {
            None => serializer.serialize_none(),
            Some(text) => serializer.serialize_bytes(&seal::to_bytes(text).map_err(S::Error::custom)?),
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<String>, D::Error> {
        struct Bytes;

        impl Visitor<'_> for Bytes {
            type Value = String;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("sealed bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<String, E> {
                seal::from_bytes(bytes).map_err(E::custom)
            }
        }

        deserializer.deserialize_bytes(Bytes).map(Some)
    }
}

#[cfg(test)]
mod tests;
