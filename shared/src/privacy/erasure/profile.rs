//! The first stage of a walk: which addresses are theirs, and then their profile and second factor.

use jiff::Timestamp;
use serde_json::Value;

use super::steps::Found;
use super::{Eraser, Erasure};
use crate::ledger::{Event, Record, Witness};
use crate::message::record::ERASED;
use crate::message::{Address, EmailAddress, PhoneNumber};
use crate::person::PersonId;
use crate::store::twofactor::{Applied, Change};
use crate::store::{StoreError, people, twofactor};

/// How often a second factor is removed anew because somebody changed it meanwhile.
const TRIES: usize = 8;

/// The facts of an entry's personal part that are addresses.
const ADDRESS_FACTS: [&str; 3] = ["address", "from", "to"];

impl Eraser {
    /// Writes their addresses down as fingerprints, those they had before too, and takes profile and second factor away.
    pub(super) async fn profile(&self, erasure: &Erasure, now: Timestamp) -> Result<Found, StoreError> {
        let person = &erasure.person;
        if erasure.walk.before == 0 && erasure.walk.after.is_none() {
            // What was registered while the erasure was asked for stands in the ledger.
            let addresses = self.addresses(person, now).await?;
            return Ok(Found { addresses, after: Some("gathered".to_owned()), ..Found::default() });
        }
        let by = Witness { caller: erasure.by.clone(), ..self.witness(now) };
        self.begin(erasure, &by).await?;
        self.remove_factor(person, &erasure.by, now).await?;
        self.road.people.forget_habits(person).await?;
        Ok(Found::default())
    }

    pub(super) async fn addresses(&self, person: &PersonId, now: Timestamp) -> Result<Vec<String>, StoreError> {
        let (profile, factor, pending) = futures::try_join!(
            self.road.people.get(person),
            self.twofactor.factor(person),
            self.twofactor.pending(person, now),
        )?;
        let phone = |phone: PhoneNumber| Address::Phone(phone);
        let mut addresses: Vec<Address> = factor.map(|factor| phone(factor.phone)).into_iter().collect();
        addresses.extend(pending.map(|pending| phone(pending.phone)));
        if let Some(profile) = profile {
            addresses.extend(profile.phone.map(|point| phone(point.address)));
            addresses.extend(profile.email.map(|point| Address::Email(point.address)));
        }
        for subject in [people::subject(person), twofactor::subject(person)] {
            for facts in self.road.people.ledger()?.personal_facts(&subject).await? {
                let known = ADDRESS_FACTS.iter().filter_map(|fact| facts.get(*fact).and_then(Value::as_str));
                addresses.extend(known.filter_map(address));
            }
        }
        Ok(addresses.iter().map(|address| self.road.seal.fingerprint(address)).collect())
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
