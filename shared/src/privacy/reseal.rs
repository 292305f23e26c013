//! Walks: after a key was rotated, one walk over everything that was made with it brings it under the new one, so that the old
//! one can go. There are two [kinds](WalkKind): sealing anew, and carrying fingerprints of addresses forward. They are
//! maintenance, and the only thing here that scans.
//!
//! A walk goes in segments side by side, each through all [`Place`]s, page by page. A row is written on the condition that
//! it still holds what was read: who changed it meanwhile sealed it anew themselves, or took it away, and is not overwritten.

mod steps;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoEnumIterator};

pub use steps::{Progress, Resealer, Reseals};

use crate::queue::PrivacyWork;
use crate::seal::Seal;

/// In how many segments a walk goes.
pub const SEGMENTS: u32 = 4;

/// What a walk is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalkKind {
    /// What another key sealed is sealed with the active one.
    Reseal,
    /// What is stored under an earlier generation's fingerprint of an address is stored under the active one's.
    Reindex,
}

impl WalkKind {
    /// Its name in keys of the table and in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reseal => "reseal",
            Self::Reindex => "reindex",
        }
    }

    /// What a walk of this kind leads to now.
    pub fn present(self, seal: &Seal) -> String {
        match self {
            Self::Reseal => seal.active(),
            Self::Reindex => seal.lookup_generation().to_string(),
        }
    }

    /// What takes a segment of it further.
    pub fn work(self, segment: u32) -> PrivacyWork {
        match self {
            Self::Reseal => PrivacyWork::Reseal { segment },
            Self::Reindex => PrivacyWork::Reindex { segment },
        }
    }

    /// Whether it goes through a place. Subjects of the ledger, the catalog and the bucket have no fingerprints.
    fn goes_through(self, place: Place) -> bool {
        match self {
            Self::Reseal => true,
            Self::Reindex => matches!(place, Place::Messages | Place::People | Place::Ephemera),
        }
    }
}

/// Where something is sealed or found by a fingerprint, in the order of the walk.
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

    /// The place after it in walks of a kind.
    pub fn next(self, kind: WalkKind) -> Option<Self> {
        Self::iter().skip_while(|place| *place != self).skip(1).find(|place| kind.goes_through(*place))
    }
}

/// A walk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    pub id: String,
    /// The key everything is to be sealed with, or the generation it is to be stored under.
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

impl Walk {
    /// `running` or `completed`, as answers say it.
    pub fn status(&self) -> &'static str {
        if self.left == 0 { "completed" } else { "running" }
    }

    /// When its last segment ended, if it has.
    pub fn completed(&self) -> Option<Timestamp> {
        self.ended.filter(|_| self.left == 0)
    }
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
    /// Of another key, and brought under the present one.
    pub resealed: u64,
    /// Of another key, and changed by somebody else at that moment.
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
    pub fn after_page(&self, kind: WalkKind, counts: ResealCounts, last: Option<String>) -> Self {
        let place = if last.is_some() { self.place } else { self.place.and_then(|place| place.next(kind)) };
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
                segment = segment.after_page(WalkKind::Reseal, ResealCounts::default(), None);
            }
            seen
        };
        assert_eq!(places(0), Place::iter().collect::<Vec<_>>());
        assert_eq!(places(1), Place::iter().filter(|place| *place != Place::Content).collect::<Vec<_>>());
    }

    #[test]
    fn fingerprints_are_carried_forward_where_there_are_some() {
        let mut seen = Vec::new();
        let mut place = Some(Place::FIRST);
        while let Some(present) = place {
            seen.push(present);
            place = present.next(WalkKind::Reindex);
        }
        assert_eq!(seen, [Place::Messages, Place::People, Place::Ephemera]);
    }

    #[test]
    fn a_page_that_is_not_the_last_stays_in_its_place_and_is_counted() {
        let page = ResealCounts { resealed: 2, overtaken: 1, unopened: 0 };
        let segment = Segment::new("w", 0).after_page(WalkKind::Reindex, page, Some("k".to_owned()));
        let segment = segment.after_page(WalkKind::Reindex, page, Some("l".to_owned()));
        assert_eq!((segment.place, segment.after.as_deref(), segment.version), (Some(Place::Messages), Some("l"), 3));
        assert_eq!(segment.counts, ResealCounts { resealed: 4, overtaken: 2, unopened: 0 });
    }
}
