//! The steps of an erasure. Each does a part of a stage and saves how far it came; whoever dies in between does the part
//! again, which changes nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::cooling::{TRIES, Waited};
use super::{Authority, CoolingOff, Erasable, Erasure, ErasureCounts, Stage, State, Walk};
use crate::clock::{from_millis, plus_seconds};
use crate::ledger::{Event, Record, Witness};
use crate::message::{Message, MessageId};
use crate::otp::Purpose;
use crate::person::ownership::Span;
use crate::person::{Holders, PersonId, frequency};
use crate::privacy::Next;
use crate::provider::twilio::recordings::Recordings;
use crate::queue::PrivacyWork;
use crate::road::Road;
use crate::road::timing::delay;
use crate::store::messages::{Erased, Forgotten, Found as Row, Listed, Place};
use crate::store::privacy::{Begun, Saved, Tally};
use crate::store::{OtpStore, PrivacyStore, StoreError, TwoFactorStore, people, twofactor};

/// How many messages a step takes.
const PAGE: i32 = 50;

/// When a recording is looked at again that its provider did not delete, in seconds.
const AGAIN_SECONDS: i64 = 60;

/// What the steps work with.
#[derive(Clone, Debug)]
pub struct Eraser {
    pub road: Road,
    pub twofactor: TwoFactorStore,
    pub store: PrivacyStore,
    pub cooling: CoolingOff,
}

/// When an erasure that is asked for begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    AtOnce,
    AfterCoolingOff,
}

/// What a step found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) later: Option<Timestamp>,
    /// Where the stage goes on; none: it is over.
    pub(super) after: Option<String>,
    pub(super) addresses: BTreeMap<String, Vec<Span>>,
}

impl Eraser {
    /// Takes a person's erasure further until it is done, has to wait, or `until` has come.
    pub async fn take(&self, person: &PersonId, recordings: &Recordings, until: Timestamp) -> Result<Next, StoreError> {
        loop {
            let Some(erasure) = self.store.erasure(person).await? else { return Ok(Next::Nothing) };
            let now = self.road.clock.now();
            match erasure.state {
                State::Erasing => {}
                State::CoolingOff => match self.wait(&erasure, now).await? {
                    Waited::Begun => continue,
                    Waited::Later => return Ok(Next::Nothing),
                },
                State::Erased | State::Cancelled => {
                    self.store.close_erasure(&erasure).await?;
                    return Ok(Next::Nothing);
                }
            }
            if erasure.walk.began > now {
                return Ok(Next::After(delay(erasure.walk.began, now)));
            }
            if now >= until {
                return Ok(Next::After(Duration::ZERO));
            }
            let found = self.step(&erasure, recordings, now).await?;
            if self.save(&erasure, found).await? == Saved::Overtaken {
                return Ok(Next::Nothing);
            }
        }
    }

    /// Begins the erasure of a person, now or after the cooling-off period, or finds the one that is on its way. From its beginning
    /// on they cannot be written to; the rest is done by and by. Asked again, it does what was left undone the first time. One
    /// that waits begins at once if that is asked for.
    pub async fn ask(
        &self,
        person: &PersonId,
        (authority, start): (Authority, Start),
        reason: Option<String>,
        witness: &Witness,
    ) -> Result<Erasure, StoreError> {
        let by = (witness.caller.clone(), authority);
        let mut erasure = Erasure::new(person.clone(), by, reason, witness.at);
        let waits = start == Start::AfterCoolingOff && self.cooling.seconds > 0;
        if waits {
            erasure = erasure.waiting_until(plus_seconds(witness.at, self.cooling.seconds));
        } else {
            // Before the profile is empty: what is gone cannot be looked up again.
            erasure.add_addresses(self.addresses(person).await?);
        }
        let asked = Event::new("erasure_requested").with("starts_at", erasure.starts.to_string());
        let asked = erasure.reason.iter().fold(asked, |event, reason| event.with("reason", reason.as_str()));
        let events: Vec<Event> = waits.then(|| witness.attest(asked)).into_iter().collect();
        let record = Record { caller: &witness.caller, at: witness.at, events: &events };
        for _ in 0..TRIES {
            let running = match self.store.begin_erasure(&erasure, self.road.people.ledger()?, &record).await? {
                Begun::New => erasure.clone(),
                Begun::Running(running) => *running,
            };
            match running.state {
                State::CoolingOff if waits => return self.announced(running, witness.at).await,
                State::CoolingOff => {
                    if let Some(begun) = self.begin_waiting(&running, Some(&erasure), witness.at).await? {
                        self.enqueue(&begun).await;
                        return Ok(begun);
                    }
                }
                State::Erasing => {
                    self.begin(&running, witness).await?;
                    self.enqueue(&running).await;
                    return Ok(running);
                }
                // It ended between two reads: another one begins.
                State::Erased | State::Cancelled => {}
            }
        }
        Err(StoreError::Contended { operation: "erasure.ask" })
    }

    /// An erasure that waits, with its notice sent if that can be done now; if not, the sweep sends it.
    async fn announced(&self, erasure: Erasure, now: Timestamp) -> Result<Erasure, StoreError> {
        if erasure.is_announced {
            return Ok(erasure);
        }
        if let Err(error) = self.wait(&erasure, now).await {
            tracing::error!(erasure.id = erasure.id, error = %error, "the notice of an erasure waits");
        }
        let saved = self.store.erasure(&erasure.person).await?.filter(|saved| saved.id == erasure.id);
        Ok(saved.unwrap_or(erasure))
    }

    async fn enqueue(&self, erasure: &Erasure) {
        let work = PrivacyWork::Erase { person: erasure.person.clone() };
        if let Err(error) = self.road.queues.enqueue_privacy(&work, Duration::ZERO).await {
            tracing::error!(erasure.id = erasure.id, error = %error, "not queued; the sweep will queue it");
        }
    }

    /// Empties a person's profile, so that they cannot be written to any more, and writes down who asked for that.
    pub(super) async fn begin(&self, erasure: &Erasure, witness: &Witness) -> Result<(), StoreError> {
        self.road.people.begin_erasure(&erasure.person, witness, erasure.reason.as_deref()).await
    }

    async fn step(&self, erasure: &Erasure, recordings: &Recordings, now: Timestamp) -> Result<Found, StoreError> {
        match &erasure.walk.stage {
            Stage::Profile => self.profile(erasure, now).await,
            Stage::OwnMessages => {
                let after = place(erasure);
                let (page, next) = self.road.messages.of_person(&erasure.person, after.as_ref(), PAGE).await?;
                self.messages(erasure, None, (page, next), recordings, now).await
            }
            Stage::MessagesTo(address) => {
                let holders = self.holders(erasure, address).await?;
                let after = place(erasure);
                let (page, next) = self.road.messages.to_address(address, after.as_ref(), PAGE).await?;
                self.messages(erasure, Some(&holders), (page, next), recordings, now).await
            }
            Stage::Rest => self.rest(erasure, now).await,
        }
    }

    /// Saves what a step found. The last step of the last walk ends it all.
    async fn save(&self, erasure: &Erasure, found: Found) -> Result<Saved, StoreError> {
        let now = self.road.clock.now();
        let mut next = erasure.clone();
        next.version += 1;
        next.add_addresses(found.addresses);
        next.walk.later = erasure.walk.later.into_iter().chain(found.later).max();
        next.walk.after = found.after;
        if next.walk.after.is_none() {
            match next.next_stage() {
                Some(stage) => next.walk.stage = stage,
                None => match next.walks_again() {
                    Some(at) => next.walk = Walk::beginning(at, erasure.walk.before + 1),
                    None => {
                        self.road
                            .people
                            .end_erasure(&next.person, &self.witness(now), self.store.counts(erasure).await?.event())
                            .await?;
                        next.state = State::Erased;
                        next.ended = Some(now);
                        next.addresses.clear();
                        next.told.clear();
                    }
                },
            }
        }
        let saved = self.store.save_erasure(&next).await?;
        if saved == Saved::Yes && next.state == State::Erased {
            tracing::info!(erasure.id = next.id, erasure.walks = next.walk.before + 1, "erased");
            self.store.close_erasure(&next).await?;
        }
        Ok(saved)
    }

    pub(super) fn witness(&self, now: Timestamp) -> Witness {
        Witness::new("switchboard", "erasure", now)
    }

    /// Whose an address is and was. The person's own times are those written down at the beginning: their rows go.
    async fn holders(&self, erasure: &Erasure, address: &str) -> Result<Holders, StoreError> {
        let spans = erasure.addresses.get(address).map(Vec::as_slice).unwrap_or_default();
        Ok(self.road.people.holders(address).await?.with(&erasure.person, spans))
    }

    async fn messages(
        &self,
        erasure: &Erasure,
        holders: Option<&Holders>,
        (page, next): (Vec<Row>, Option<Place>),
        recordings: &Recordings,
        now: Timestamp,
    ) -> Result<Found, StoreError> {
        let erasable = Erasable { person: &erasure.person, holders, authority: erasure.authority };
        let tally = self.store.tally(erasure);
        let mut found = Found { after: next.map(|next| next.to_string()), ..Found::default() };
        // One after the other: each is one transaction with the same counts.
        for row in page {
            let later = match row.listed {
                Listed::Mention(mention) => {
                    match self.road.messages.forget_mention(mention, &erasable, &tally, now).await? {
                        Forgotten::Done => None,
                        Forgotten::Later(at) => Some(at),
                    }
                }
                Listed::Message(id) => self.message(id, &erasable, (&tally, recordings), now).await?,
            };
            found.later = found.later.into_iter().chain(later).max();
        }
        Ok(found)
    }

    /// Erases a message; when to look again, if it cannot be erased now. What was recorded in a call is deleted where it is
    /// kept before the row that names it forgets it.
    async fn message(
        &self,
        id: MessageId,
        erasable: &Erasable<'_>,
        (tally, recordings): (&Tally, &Recordings),
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let links = async |message: &Message| self.road.forget_links(message).await;
        let mut deleted = Vec::new();
        let (erased, code) = loop {
            let (erased, code) = self.road.messages.erase(id, erasable, &deleted, tally, now, links).await?;
            let Erased::Recorded(left) = erased else { break (erased, code) };
            for recording in left {
                if let Err(error) = recordings.remove(&recording).await {
                    // The provider's bad hour does not hold up the rest of the walk.
                    tracing::warn!(message.id = %id, error = %error, "a recording was not deleted");
                    return Ok(Some(plus_seconds(now, AGAIN_SECONDS)));
                }
                deleted.push(recording);
            }
        };
        if let Some((address, purpose)) = code {
            let purposes = [purpose];
            let keys = self.road.seal.forms(&address).iter().flat_map(|form| OtpStore::keys(form, &purposes)).collect();
            self.road.ephemera.forget(keys).await?;
        }
        Ok(match erased {
            Erased::Done | Erased::Before | Erased::Others | Erased::Recorded(_) => None,
            Erased::Later(at) => Some(at),
        })
    }

    /// Codes, windows and quotas under their name and under their addresses; and the personal parts of the ledger.
    async fn rest(&self, erasure: &Erasure, now: Timestamp) -> Result<Found, StoreError> {
        let person = &erasure.person;
        let ledger = self.road.people.ledger()?;
        let mut keys = TwoFactorStore::keys(person);
        keys.extend(OtpStore::keys_of_person(person));
        let mut of = vec![format!("person#{person}")];
        let tally = self.store.tally(erasure);
        for subject in [people::subject(person), twofactor::subject(person)] {
            ledger.erase_personal(&subject, |_| true, &tally).await?;
        }
        let consent = Purpose::consent(&self.road.seal, person);
        let usual = [Purpose::two_factor(), Purpose::verification(), consent];
        for address in erasure.addresses.keys() {
            let holders = self.holders(erasure, address).await?;
            let theirs = |at| holders.makes_party(person, None, at);
            if let Some(subject) = self.road.people.address_subject(address).await? {
                ledger.erase_personal(&subject, theirs, &tally).await?;
            }
            // What is of the present is theirs if the address was when they asked, and nobody's since.
            let last = from_millis(erasure.starts.as_millisecond() - 1);
            if holders.sole_at(last) == Some(person) && holders.at(now).is_empty() {
                for form in self.road.seal.forms(address) {
                    keys.extend(OtpStore::keys(&form, &usual));
                    of.push(format!("address#{form}"));
                }
                self.road.people.forget_address(address).await?;
            }
            self.road.people.forget_holder(address, person).await?;
        }
        let quotas = frequency::names(now);
        keys.extend(of.iter().flat_map(|of| quotas.iter().map(move |name| frequency::row(name, of))));
        self.road.ephemera.forget(keys).await?;
        Ok(Found::default())
    }
}

/// Where a stage goes on. What is no place (it was another stage's) is its beginning.
fn place(erasure: &Erasure) -> Option<Place> {
    erasure.walk.after.as_deref().and_then(|after| after.parse().ok())
}

impl ErasureCounts {
    /// The entry that ends it.
    fn event(self) -> Event {
        Event::new("erasure_completed")
            .with("messages", self.messages)
            .with("cancelled", self.cancelled)
            .with("mentions", self.mentions)
            .with("ledger_entries", self.ledger_entries)
    }
}
