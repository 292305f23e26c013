//! Who an address belonged to, and when. An address is somebody's from the moment they prove it (a [`Proof`]) until they
//! give it up or somebody else's proof ends theirs. A claim never gets here.
//!
//! Two people may have proven one address. A shared phone and a recycled number look the same at that moment: somebody
//! else reads what is sent there. They are told apart by time. No carrier gives a number to somebody else earlier than 45 days after it
//! was given up (47 CFR 52.15(f)(1)(ii)), so a proof that is younger than [`AGING_DAYS`] when the other comes shows that both
//! have the address, and an older one has ended.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{Display, IntoStaticStr};

use super::{Person, PersonId};
use crate::clock::plus_seconds;
use crate::message::{Address, Channel};
use crate::twofactor::factor::Factor;

/// How old a proof has to be, in days, for somebody else's proof of the same address to end it.
pub const AGING_DAYS: i64 = 45;

/// How an address was proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ProofSource {
    /// The person entered the code that was sent there.
    Code,
    /// The person followed the link that was sent there.
    Link,
    /// An administrator attested it: it was proven elsewhere.
    Attested,
}

/// The proof that an address is a person's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    #[serde(with = "crate::clock::millis")]
    pub at: Timestamp,
    pub source: ProofSource,
    /// When it was last given again.
    #[serde(with = "crate::clock::millis")]
    pub renewed: Timestamp,
}

impl Proof {
    pub fn new(source: ProofSource, at: Timestamp) -> Self {
        Self { at, source, renewed: at }
    }

    /// The same proof, given again.
    #[must_use]
    pub fn renewed(self, at: Timestamp) -> Self {
        Self { renewed: self.renewed.max(at), ..self }
    }
}

/// An address of a person who proved that it is theirs. Rights over what was sent to an address are asked for with this type
/// alone; it comes from a person's profile, or from their confirmed second factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenAddress {
    address: Address,
    person: PersonId,
    span: Span,
}

impl ProvenAddress {
    /// The address on which a person is reached on a channel, if it is proven.
    pub fn of(person: &Person, channel: Channel) -> Option<Self> {
        let proof = person.proof(channel)?;
        let (address, person) = (person.address(channel)?, person.id.clone());
        Some(Self { address, person, span: Span::open(proof) })
    }

    /// All of a person's.
    pub fn all(person: &Person) -> Vec<Self> {
        [Channel::Sms, Channel::Email].into_iter().filter_map(|channel| Self::of(person, channel)).collect()
    }

    /// The phone of a person's confirmed second factor.
    pub fn of_factor(person: &PersonId, factor: &Factor) -> Self {
        let proof = Proof::new(ProofSource::Code, factor.confirmed);
        Self { address: Address::Phone(factor.phone.clone()), person: person.clone(), span: Span::open(proof) }
    }

    pub fn address(&self) -> &Address {
        &self.address
    }

    pub fn person(&self) -> &PersonId {
        &self.person
    }

    pub fn span(&self) -> Span {
        self.span
    }
}

/// A time in which an address was somebody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    #[serde(with = "crate::clock::millis")]
    pub since: Timestamp,
    #[serde(with = "crate::clock::millis")]
    pub renewed: Timestamp,
    /// When they gave it up, or lost it; not in it.
    #[serde(default, with = "crate::clock::millis::option", skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Span {
    fn open(proof: Proof) -> Self {
        Self { since: proof.at, renewed: proof.renewed, until: None }
    }

    /// The same, ended then if it had no end.
    #[must_use]
    pub fn ended(self, at: Timestamp) -> Self {
        Self { until: self.until.or(Some(at)), ..self }
    }

    /// Whether somebody else's proof ends this one.
    fn is_superseded_by(&self, since: Timestamp) -> bool {
        since > self.since && since >= plus_seconds(self.renewed, AGING_DAYS * 86_400)
    }
}

/// Somebody who proved an address, and when it was theirs. Who was erased is nobody by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    pub person: Option<PersonId>,
    pub span: Span,
}

/// Everybody who ever proved an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holders(Vec<Holding>);

impl Holders {
    pub fn new(holdings: Vec<Holding>) -> Self {
        Self(holdings)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same, where this person had the address in these times and no others.
    #[must_use]
    pub fn with(mut self, person: &PersonId, spans: &[Span]) -> Self {
        self.0.retain(|holding| holding.person.as_ref() != Some(person));
        self.0.extend(spans.iter().map(|span| Holding { person: Some(person.clone()), span: *span }));
        self
    }

    /// The same, and an address that was proven apart from the profile: the phone of a second factor.
    #[must_use]
    pub fn and(mut self, proven: &ProvenAddress) -> Self {
        if !self.0.iter().any(|holding| holding.person.as_ref() == Some(&proven.person) && holding.span.until.is_none())
        {
            self.0.push(Holding { person: Some(proven.person.clone()), span: proven.span });
        }
        self
    }

    /// The times in which it was this person's.
    pub fn spans_of(&self, person: &PersonId) -> Vec<Span> {
        self.0.iter().filter(|holding| holding.person.as_ref() == Some(person)).map(|holding| holding.span).collect()
    }

    /// Whose it was at that moment: each once, the earliest proof first.
    fn active_at(&self, at: Timestamp) -> Vec<Option<&PersonId>> {
        let mut active: Vec<&Holding> = self.0.iter().filter(|holding| self.is_active(holding, at)).collect();
        active.sort_by_key(|holding| holding.span.since);
        let mut people: Vec<Option<&PersonId>> = Vec::new();
        for holding in active {
            if holding.person.is_none() || !people.contains(&holding.person.as_ref()) {
                people.push(holding.person.as_ref());
            }
        }
        people
    }

    fn is_active(&self, holding: &Holding, at: Timestamp) -> bool {
        let span = &holding.span;
        let ended = span.until.is_some_and(|until| until <= at);
        // Somebody else's proof from then on.
        let superseded = self.0.iter().any(|other| {
            let is_another = other.person.is_none() || other.person != holding.person;
            is_another && other.span.since <= at && span.is_superseded_by(other.span.since)
        });
        span.since <= at && !ended && !superseded
    }

    /// The people whose it was at that moment.
    pub fn at(&self, at: Timestamp) -> Vec<&PersonId> {
        self.active_at(at).into_iter().flatten().collect()
    }

    /// The one person whose it was at that moment; nobody, where several shared it.
    pub fn sole_at(&self, at: Timestamp) -> Option<&PersonId> {
        match self.active_at(at).as_slice() {
            [Some(person)] => Some(person),
            _ => None,
        }
    }

    /// The people whose proof ended by somebody else's, and is not written down as ended yet.
    pub fn superseded(&self, at: Timestamp) -> Vec<&PersonId> {
        let lost = |holding: &&Holding| {
            holding.span.since <= at && holding.span.until.is_none() && !self.is_active(holding, at)
        };
        self.0.iter().filter(lost).filter_map(|holding| holding.person.as_ref()).collect()
    }

    /// Whether something is a person's by proof: it names them; or it names nobody, went to or came from this address, and
    /// the address was theirs alone when it was made.
    pub fn makes_party(&self, person: &PersonId, names: Option<&PersonId>, created: Timestamp) -> bool {
        match names {
            Some(named) => named == person,
            None => self.sole_at(created) == Some(person),
        }
    }
}

#[cfg(test)]
mod tests;
