//! The first stage of a walk: which addresses were theirs when, and then their profile and second factor.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::steps::Found;
use super::{Eraser, Erasure};
use crate::ledger::{Event, Record, Witness};
use crate::message::record::ERASED;
use crate::message::{Address, EmailAddress, PhoneNumber};
use crate::person::events::ADDRESS_VERIFIED;
use crate::person::ownership::Span;
use crate::person::{PersonId, ProvenAddress};
use crate::store::twofactor::{Applied, Change};
use crate::store::{StoreError, people};

/// How often a second factor is removed anew because somebody changed it meanwhile.
const TRIES: usize = 8;

impl Eraser {
    /// Writes their addresses down as fingerprints, those they had before too, and takes profile and second factor away.
    pub(super) async fn profile(&self, erasure: &Erasure, now: Timestamp) -> Result<Found, StoreError> {
        let person = &erasure.person;
        if erasure.walk.before == 0 && erasure.walk.after.is_none() {
            // What was registered while the erasure was asked for stands in the ledger.
            let addresses = self.addresses(person).await?;
            return Ok(Found { addresses, after: Some("gathered".to_owned()), ..Found::default() });
        }
        let by = Witness { caller: erasure.by.clone(), ..self.witness(now) };
        self.begin(erasure, &by).await?;
        self.remove_factor(person, &erasure.by, now).await?;
        self.road.people.forget_habits(person).await?;
        Ok(Found::default())
    }

    /// Every address they ever proved, and when it was theirs. What they only claimed is not among them.
    pub(super) async fn addresses(&self, person: &PersonId) -> Result<BTreeMap<String, Vec<Span>>, StoreError> {
        let (profile, factor) = futures::try_join!(self.road.people.get(person), self.twofactor.factor(person))?;
        let of_factor = factor.map(|factor| ProvenAddress::of_factor(person, &factor));
        let of_profile = profile.as_ref().map(ProvenAddress::all).unwrap_or_default();
        let present = of_profile.iter().chain(&of_factor).map(|proven| proven.address().clone());
        let verified = self.road.people.ledger()?.personal_facts(&people::subject(person), ADDRESS_VERIFIED).await?;
        let former = verified.iter().filter_map(|facts| address(facts.get("address")?.as_str()?));
        let fingerprints: BTreeSet<String> =
            present.chain(former).map(|address| self.road.seal.fingerprint(&address)).collect();
        let factor = of_factor.map(|proven| (self.road.seal.fingerprint(proven.address()), proven));
        let mut addresses = BTreeMap::new();
        for fingerprint in fingerprints {
            let holders = self.road.people.holders(&fingerprint).await?;
            let holders = match &factor {
                Some((of_factor, proven)) if *of_factor == fingerprint => holders.and(proven),
                Some(_) | None => holders,
            };
            let spans = holders.spans_of(person);
            if !spans.is_empty() {
                addresses.insert(fingerprint, spans);
            }
        }
        Ok(addresses)
    }

    async fn remove_factor(&self, person: &PersonId, by: &str, now: Timestamp) -> Result<(), StoreError> {
        let events = [Event::new(ERASED)];
        for _ in 0..TRIES {
            let factor = self.twofactor.factor(person).await?.map(|factor| factor.enrolment);
            let pending = self.twofactor.pending(person, now).await?.map(|pending| pending.enrolment);
            if factor.is_none() && pending.is_none() {
                return Ok(());
            }
            let record = Record { caller: by, at: now, events: &events };
            if self.twofactor.apply(person, Change::Remove(factor, pending), &record).await? == Applied::Done {
                return Ok(());
            }
        }
        Err(StoreError::Contended { operation: "erasure.remove_factor" })
    }
}

/// An address as it was written down; E.164 needs no region.
fn address(text: &str) -> Option<Address> {
    let email = || EmailAddress::parse(text).ok().map(Address::Email);
    if text.starts_with('+') { PhoneNumber::parse(text, "US").ok().map(Address::Phone) } else { email() }
}
