//! Sealing anew: after a key was rotated, one walk over everything that is sealed brings it under the key that seals now, so
//! that the old one can go. It is maintenance, and the only thing here that scans.
//!
//! The walk goes in segments side by side, each through all [`Place`]s, page by page. A row is written on the condition that
//! it still holds what was read: who changed it meanwhile sealed it anew themselves, or took it away, and is not overwritten.

mod steps;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoEnumIterator};

pub use steps::{Progress, Resealer, Reseals};

/// In how many segments a walk goes.
pub const SEGMENTS: u32 = 4;

/// Where something is sealed, in the order of the walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumIter, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Place {
    Messages,
    People,
    Ledger,
    Ephemera,
    Catalog,
    /// The contents in the Files bucket; a bucket has no segments, so the first one takes them all.
    Content,
}

impl Place {
    /// Where a segment begins.
    pub const FIRST: Self = Self::Messages;

    /// The place after it.
    pub fn next(self) -> Option<Self> {
        Self::iter().skip_while(|place| *place != self).nth(1)
    }
}

/// A walk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    pub id: String,
    /// The key everything is to be sealed with.
    pub key: String,
    /// Who asked for it.
    pub by: String,
    #[serde(with = "crate::clock::millis")]
    pub began: Timestamp,
    /// Segments that have not ended.
    pub left: u32,
    #[serde(default, with = "crate::clock::millis::option", skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
}

/// How far a segment is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    pub walk: String,
    pub number: u32,
    /// Where it is; `None`: it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The last key of that place it has behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    #[serde(flatten)]
    pub counts: ResealCounts,
    /// How often it waited for its worker to know the key.
    #[serde(default)]
    pub waits: u32,
    /// ResealCounts its steps, so that of two workers only one takes each.
    pub version: u64,
}

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ResealCounts {
    /// Sealed with another key, and sealed anew.
    pub resealed: u64,
    /// Sealed with another key, and changed by somebody else at that moment.
    pub overtaken: u64,
    /// Sealed with a key that is not in the secret, or not what it should be. The old key must stay while there is one.
    pub unopened: u64,
}

impl ResealCounts {
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            resealed: self.resealed + other.resealed,
            overtaken: self.overtaken + other.overtaken,
            unopened: self.unopened + other.unopened,
        }
    }
}

impl Segment {
    /// A segment that begins.
    pub fn new(walk: &str, number: u32) -> Self {
        let place = Some(Place::FIRST);
        Self {
            walk: walk.to_owned(),
            number,
            place,
            after: None,
            counts: ResealCounts::default(),
            waits: 0,
            version: 1,
        }
    }

    /// The same after one more page of its place, of which this is the last key (none: that was the last page).
    #[must_use]
    pub fn after_page(&self, counts: ResealCounts, last: Option<String>) -> Self {
        let place = if last.is_some() { self.place } else { self.place.and_then(Place::next) };
        // Only the first segment has a place in the bucket.
        let place = place.filter(|place| *place != Place::Content || self.number == 0);
        Self { place, after: last, counts: self.counts.plus(counts), version: self.version + 1, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_goes_through_every_place_and_only_the_first_through_the_bucket() {
        let places = |number| {
            let mut segment = Segment::new("w", number);
            let mut seen = Vec::new();
            while let Some(place) = segment.place {
                seen.push(place);
                segment = segment.after_page(ResealCounts::default(), None);
            }
            seen
        };
        assert_eq!(places(0), Place::iter().collect::<Vec<_>>());
        assert_eq!(places(1), Place::iter().filter(|place| *place != Place::Content).collect::<Vec<_>>());
    }

    #[test]
    fn a_page_that_is_not_the_last_stays_in_its_place_and_is_counted() {
        let page = ResealCounts { resealed: 2, overtaken: 1, unopened: 0 };
        let segment =
            Segment::new("w", 0).after_page(page, Some("k".to_owned())).after_page(page, Some("l".to_owned()));
        assert_eq!((segment.place, segment.after.as_deref(), segment.version), (Some(Place::Messages), Some("l"), 3));
        assert_eq!(segment.counts, ResealCounts { resealed: 4, overtaken: 2, unopened: 0 });
    }
}
