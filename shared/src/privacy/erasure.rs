//! Erasing a person: everything that says who they are or what was said to them goes; what was counted stays, and so do the
//! entries of the ledger without their personal parts.
//!
//! It begins with their profile, which becomes an empty row that says "being erased": from then on nobody can be written to
//! by their id, and nothing new is kept about them. Then a **walk** goes through everything else in [`Stage`]s. What was
//! accepted before the profile was emptied may be stored a little later, and the indexes follow their table with a delay: so
//! walks are repeated until one that began [`SETTLED_SECONDS`] after the beginning finds nothing it has to leave. Then the
//! empty profile goes too.
//!
//! A suppression (a keyed hash of an address, and why it must not be used) stays on purpose: it is what keeps an address that
//! said no from being written to, should somebody bring it again. It cannot be turned back into the address.

mod cooling;
mod link;
mod profile;
mod steps;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{Display, IntoStaticStr};

use crate::clock::plus_seconds;
use crate::person::ownership::Span;
use crate::person::{Holders, PersonId};

pub use cooling::{Cancellation, CoolingOff};
pub use link::{CancelLink, CancelLinks};
pub use steps::{Eraser, Start};

/// How long after the beginning everything that was accepted before it is stored and in the indexes: more than the longest time
/// a function that accepts messages may take (a minute), and as much again.
pub const SETTLED_SECONDS: i64 = 120;

/// The erasure of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    pub id: String,
    pub person: PersonId,
    /// Who asked for it (the token's subject), and why, in a word.
    pub by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(with = "crate::clock::millis", rename = "asked_at")]
    pub asked: Timestamp,
    /// When it begins, or began.
    #[serde(with = "crate::clock::millis", rename = "starts_at")]
    pub starts: Timestamp,
    pub state: State,
    /// Whether the person was told that it will begin. It does not begin before.
    #[serde(default)]
    pub is_announced: bool,
    /// The fingerprints of the addresses at which they were told; none any more when it has begun.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub told: BTreeSet<String>,
    /// Who cancelled it: the subject of a token, or the part of us that did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_by: Option<String>,
    /// With whose authority.
    pub authority: Authority,
    /// The fingerprints of the addresses they proved, and when those were theirs; none any more when it is done.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub addresses: BTreeMap<String, Vec<Span>>,
    pub walk: Walk,
    #[serde(
        default,
        with = "crate::clock::millis::option",
        rename = "ended_at",
        skip_serializing_if = "Option::is_none"
    )]
    pub ended: Option<Timestamp>,
    /// ErasureCounts its steps, so that of two workers only one takes each.
    pub version: u64,
}

/// With whose authority a person is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authority {
    /// Their own token's. What another caller is about to send to an address of theirs without naming them is left to be sent.
    Person,
    /// A token's with `preferences:manage`.
    Administrator,
}

/// What an erasure may touch: what names the person, and what names nobody and went to or came from an address while it was
/// theirs alone.
#[derive(Clone, Copy, Debug)]
pub struct Erasable<'a> {
    pub person: &'a PersonId,
    /// Whose the address is and was under which things are looked up.
    pub holders: Option<&'a Holders>,
    pub authority: Authority,
}

impl Erasable<'_> {
    /// Whether something is theirs that names this person, or nobody, and is of this time.
    pub fn covers(&self, names: Option<&PersonId>, created: Timestamp) -> bool {
        match (names, self.holders) {
            (Some(named), _) => named == self.person,
            (None, Some(holders)) => holders.makes_party(self.person, None, created),
            (None, None) => false,
        }
    }

    /// Whether a message that is theirs is left to be sent: it names nobody, another caller is about to send it, and no
    /// administrator asked for the erasure.
    pub fn spares(&self, names: Option<&PersonId>, caller: &str, is_waiting: bool) -> bool {
        is_waiting && names.is_none() && self.authority == Authority::Person && caller != self.person.as_str()
    }
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, IntoStaticStr, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[schema(as = ErasureState)]
pub enum State {
    /// It begins later, and can be cancelled until then. Nothing else about the person changes.
    CoolingOff,
    /// It was cancelled before it began.
    Cancelled,
    /// Their profile is empty; the rest is being erased.
    Erasing,
    /// Nothing is left.
    Erased,
}

/// One way through everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    /// When it begins, or began.
    #[serde(with = "crate::clock::millis")]
    pub began: Timestamp,
    pub stage: Stage,
    /// Where the stage goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// When what it had to leave may be looked at again: messages a provider is being called with.
    #[serde(default, with = "crate::clock::millis::option", skip_serializing_if = "Option::is_none")]
    pub later: Option<Timestamp>,
    /// How many walks were ended before it.
    #[serde(default)]
    pub before: u32,
}

/// What a walk goes through, in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "at", content = "of")]
pub enum Stage {
    /// Their addresses are written down as fingerprints, and their profile and second factor go.
    Profile,
    /// Messages to them by their id.
    OwnMessages,
    /// Messages to an address of theirs (its fingerprint) that name nobody, and e-mails to others in which it stands, of the time in
    /// which it was theirs alone.
    MessagesTo(String),
    /// Challenges of one-time codes, quotas, and the personal parts of the ledger.
    Rest,
}

/// What was erased so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct ErasureCounts {
    /// Messages whose address and content are gone.
    pub messages: u64,
    /// Those of them that waited to be sent and will not be.
    pub cancelled: u64,
    /// E-mails to others in which an address of theirs stood.
    pub mentions: u64,
    /// Entries of the ledger whose personal part is gone.
    pub ledger_entries: u64,
}

impl Erasure {
    /// An erasure that begins now.
    pub fn new(person: PersonId, (by, authority): (String, Authority), reason: Option<String>, now: Timestamp) -> Self {
        Self {
            authority,
            id: uuid::Uuid::now_v7().to_string(),
            person,
            by,
            reason,
            asked: now,
            starts: now,
            state: State::Erasing,
            is_announced: false,
            told: BTreeSet::new(),
            cancelled_by: None,
            addresses: BTreeMap::new(),
            walk: Walk::beginning(now, 0),
            ended: None,
            version: 1,
        }
    }

    /// The same, beginning only then.
    fn waiting_until(self, starts: Timestamp) -> Self {
        Self { starts, state: State::CoolingOff, walk: Walk::beginning(starts, 0), ..self }
    }

    /// The stage after the present one; `None`: the walk is over.
    fn next_stage(&self) -> Option<Stage> {
        let first_after = |seen: &str| self.addresses.keys().find(|address| address.as_str() > seen);
        let address = match &self.walk.stage {
            Stage::Profile => return Some(Stage::OwnMessages),
            Stage::OwnMessages => self.addresses.keys().next(),
            Stage::MessagesTo(address) => first_after(address),
            Stage::Rest => return None,
        };
        Some(address.map_or(Stage::Rest, |address| Stage::MessagesTo(address.clone())))
    }

    /// Adds addresses, and times in which they were theirs.
    fn add_addresses(&mut self, found: BTreeMap<String, Vec<Span>>) {
        for (address, spans) in found {
            let known = self.addresses.entry(address).or_default();
            for span in spans {
                if !known.iter().any(|known| known.since == span.since) {
                    known.push(span.ended(self.starts));
                }
            }
        }
    }

    /// When another walk has to begin after the present one is over; `None`: that was the last.
    fn walks_again(&self) -> Option<Timestamp> {
        let settled = plus_seconds(self.starts, SETTLED_SECONDS);
        match self.walk.later {
            Some(later) => Some(later.max(settled)),
            None => (self.walk.began < settled).then_some(settled),
        }
    }
}

impl Walk {
    fn beginning(at: Timestamp, before: u32) -> Self {
        Self { began: at, stage: Stage::Profile, after: None, later: None, before }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;

    fn erasure() -> Erasure {
        let mut erasure =
            Erasure::new(PersonId::text("7").unwrap(), ("7".to_owned(), Authority::Person), None, from_millis(0));
        let span = Span { since: from_millis(-5), renewed: from_millis(-5), until: None };
        erasure.add_addresses(["b", "a"].map(|address| (address.to_owned(), vec![span])).into());
        erasure
    }

    #[test]
    fn a_walk_goes_through_the_profile_the_messages_of_each_address_and_the_rest() {
        let mut erasure = erasure();
        let mut seen = vec![erasure.walk.stage.clone()];
        while let Some(stage) = erasure.next_stage() {
            seen.push(stage.clone());
            erasure.walk.stage = stage;
        }
        let to = |address: &str| Stage::MessagesTo(address.to_owned());
        assert_eq!(seen, [Stage::Profile, Stage::OwnMessages, to("a"), to("b"), Stage::Rest]);
    }

    #[test]
    fn it_is_over_when_a_walk_that_began_late_enough_left_nothing() {
        let mut erasure = erasure();
        let settled = plus_seconds(erasure.starts, SETTLED_SECONDS);
        assert_eq!(erasure.walks_again(), Some(settled));
        erasure.walk = Walk::beginning(settled, 1);
        assert_eq!(erasure.walks_again(), None);
        let later = plus_seconds(settled, 30);
        erasure.walk.later = Some(later);
        assert_eq!(erasure.walks_again(), Some(later));
    }

    #[test]
    fn what_is_stored_of_it_comes_back() {
        let mut erasure = erasure();
        erasure.walk.stage = Stage::MessagesTo("a".to_owned());
        let text = serde_json::to_string(&erasure).unwrap();
        assert_eq!(serde_json::from_str::<Erasure>(&text).unwrap(), erasure);
    }
}
