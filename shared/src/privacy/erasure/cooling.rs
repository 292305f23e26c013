//! The cooling-off period of an erasure that was asked for with the person's own token alone. Every proven address is told when
//! the erasure begins and how to cancel it; the period is counted from that notice, and without the notice nothing begins. Until
//! then nothing changes for the person.
//!
//! An address that is proven meanwhile is told when the period ends, and the period begins again. A second factor that is
//! enrolled meanwhile cancels the erasure: it may have been asked for with a stolen token, and from now on it takes the factor.

use jiff::Timestamp;

use super::{CancelLinks, Eraser, Erasure, State};
use crate::clock::plus_seconds;
use crate::config::{Invalid, optional, public_base_url};
use crate::ledger::{Event, Record, Witness};
use crate::message::Address;
use crate::person::{Person, PersonId, ProvenAddress};
use crate::road::AcceptError;
use crate::road::erasure_notice::{ErasureNotice, NoticeError};
use crate::seal::purpose::LinkKeys;
use crate::store::StoreError;
use crate::store::privacy::Saved;

/// The longest period, in hours: a year.
const MAX_HOURS: i64 = 8_760;
/// How often a change is made again because somebody else changed the erasure.
pub(super) const TRIES: usize = 8;
/// Who cancels an erasure because a second factor was enrolled.
const FACTOR_ENROLLED: &str = "second_factor_enrolled";

/// How long an erasure waits, and what cancels it.
#[derive(Clone, Debug)]
pub struct CoolingOff {
    /// In seconds; 0: an erasure begins at once.
    pub seconds: i64,
    pub links: CancelLinks,
}

impl CoolingOff {
    /// `ERASURE_COOLING_OFF_HOURS` and `PUBLIC_BASE_URL`.
    pub fn from_env(keys: LinkKeys) -> Result<Self, Invalid> {
        const NAME: &str = "ERASURE_COOLING_OFF_HOURS";
        let hours = optional(NAME, "72").parse::<i64>().ok().filter(|hours| (0..=MAX_HOURS).contains(hours));
        let seconds = hours.ok_or(Invalid(NAME))? * 3_600;
        Ok(Self { seconds, links: CancelLinks::new(keys, &public_base_url()) })
    }
}

/// What became of a cancellation.
#[derive(Clone, Debug)]
pub enum Cancellation {
    /// The erasure is cancelled, now or by an earlier request.
    Cancelled(Box<Erasure>),
    /// The erasure has begun.
    TooLate,
    /// There is no such erasure.
    NotFound,
}

/// What an erasure that waits does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// The sweep looks after it later.
    Later,
    /// The period is over.
    Begun,
}

impl Eraser {
    /// Takes an erasure that waits further: sends the notice, or begins when the period is over.
    pub(super) async fn wait(&self, erasure: &Erasure, now: Timestamp) -> Result<Waited, StoreError> {
        let person = self.road.people.get(&erasure.person).await?;
        let proven = person.as_ref().map(ProvenAddress::all).unwrap_or_default();
        let untold: Vec<(String, Address)> = proven
            .iter()
            .map(|proven| (self.road.seal.fingerprint(proven.address()), proven.address().clone()))
            .filter(|(_, address)| !erasure.told.iter().any(|told| self.road.seal.is_fingerprint_of(told, address)))
            .collect();
        if !erasure.is_announced || !untold.is_empty() {
            self.announce(erasure, person.as_ref(), untold, now).await?;
            return Ok(Waited::Later);
        }
        if now < erasure.starts {
            self.store.look_again(erasure, erasure.starts).await?;
            return Ok(Waited::Later);
        }
        if self.twofactor.factor(&erasure.person).await?.is_some() {
            self.save_cancelled(erasure, &Witness::new(FACTOR_ENROLLED, "erasure", now)).await?;
            return Ok(Waited::Later);
        }
        self.begin_waiting(erasure, None, now).await?;
        Ok(Waited::Begun)
    }

    /// Tells these addresses, and counts the period from now. If one cannot be told, the sweep tries again; the messages have
    /// the same ids then, so nobody is told twice.
    async fn announce(
        &self,
        erasure: &Erasure,
        person: Option<&Person>,
        untold: Vec<(String, Address)>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut next = erasure.clone();
        next.version += 1;
        next = next.waiting_until(plus_seconds(now, self.cooling.seconds));
        let link = self.cooling.links.url(erasure);
        for (fingerprint, to) in untold {
            let Some(person) = person else { break };
            let key = format!("{}#{fingerprint}", erasure.id);
            let notice = ErasureNotice { person, to: &to, caller: &erasure.by, starts: next.starts, link: &link, key };
            match self.road.announce_erasure(notice).await {
                Ok(()) | Err(NoticeError::Accept(AcceptError::OtherBody)) => {}
                Err(NoticeError::Accept(AcceptError::Store(error))) => return Err(error),
                Err(error) => {
                    tracing::error!(erasure.id = erasure.id, error = %error, "the notice of an erasure waits");
                    return Ok(());
                }
            }
            next.told.insert(fingerprint);
        }
        next.is_announced = true;
        let event = Event::new("erasure_announced")
            .with("starts_at", next.starts.to_string())
            .with("addresses", next.told.len());
        let events = [self.witness(now).attest(event)];
        let record = Record { caller: &erasure.by, at: now, events: &events };
        self.store.save_waiting(&next, next.starts, self.road.people.ledger()?, &record).await?;
        Ok(())
    }

    /// Begins an erasure that waited, now: with somebody's authority, or because its period is over. `None`: somebody changed it
    /// meanwhile.
    pub(super) async fn begin_waiting(
        &self,
        erasure: &Erasure,
        by: Option<&Erasure>,
        now: Timestamp,
    ) -> Result<Option<Erasure>, StoreError> {
        let mut next = Erasure {
            starts: now,
            state: State::Erasing,
            walk: super::Walk::beginning(now, 0),
            version: erasure.version + 1,
            ..erasure.clone()
        };
        next.told.clear();
        if let Some(by) = by {
            next.by.clone_from(&by.by);
            next.authority = by.authority;
            next.reason = by.reason.clone().or(next.reason);
        }
        // Before the profile is empty: what is gone cannot be looked up again.
        next.add_addresses(self.addresses(&next.person).await?);
        if self.store.save_erasure(&next).await? == Saved::Overtaken {
            return Ok(None);
        }
        let witness = Witness { caller: next.by.clone(), ..self.witness(now) };
        self.begin(&next, &witness).await?;
        Ok(Some(next))
    }

    /// Cancels the erasure of a person that has not begun: the present one, or none but the one with this id.
    pub async fn cancel(
        &self,
        person: &PersonId,
        id: Option<&str>,
        witness: &Witness,
    ) -> Result<Cancellation, StoreError> {
        for _ in 0..TRIES {
            let erasure = self.store.erasure(person).await?;
            let Some(erasure) = erasure.filter(|erasure| id.is_none_or(|id| id == erasure.id)) else {
                return Ok(Cancellation::NotFound);
            };
            match erasure.state {
                State::Cancelled => return Ok(Cancellation::Cancelled(Box::new(erasure))),
                State::Erasing | State::Erased => return Ok(Cancellation::TooLate),
                State::CoolingOff => {
                    if let Some(cancelled) = self.save_cancelled(&erasure, witness).await? {
                        return Ok(Cancellation::Cancelled(Box::new(cancelled)));
                    }
                }
            }
        }
        Err(StoreError::Contended { operation: "erasure.cancel" })
    }

    /// `None`: somebody changed it meanwhile.
    async fn save_cancelled(&self, erasure: &Erasure, witness: &Witness) -> Result<Option<Erasure>, StoreError> {
        let mut next = erasure.clone();
        next.version += 1;
        next.state = State::Cancelled;
        next.ended = Some(witness.at);
        next.cancelled_by = Some(witness.caller.clone());
        next.told.clear();
        let events = [witness.attest(Event::new("erasure_cancelled"))];
        let record = Record { caller: &witness.caller, at: witness.at, events: &events };
        // The sweep's next look finds that it is over.
        let saved = self.store.save_waiting(&next, witness.at, self.road.people.ledger()?, &record).await?;
        Ok((saved == Saved::Yes).then_some(next))
    }
}
