//! Filling a page.

use serde_json::json;

use super::told::{exported, told, value, whole};
use super::{Cursor, ExportedAddress, ExportedFactor, ExportedMessage, Page, Profile};
use crate::ledger::{Event, Witness};
use crate::message::content::Email;
use crate::message::{Address, Content, Message};
use crate::person::PersonId;
use crate::road::Road;
use crate::store::messages::{Listed, Mention, Place};
use crate::store::{StoreError, TwoFactorStore, people, twofactor};

/// A page ends with the message that makes it larger than this, in bytes. A message's content is at most 4.5 MB (what a request can
/// carry), and an answer 6 MB.
const MOST_BYTES: usize = 1_000_000;
/// How many messages and entries a page has at most.
const MOST_ITEMS: usize = 100;
/// How many are looked up at a time.
const LIST: i32 = 25;
const ENTRIES: u8 = 50;

/// What fills pages.
#[derive(Clone, Debug)]
pub struct Exporter {
    pub road: Road,
    pub twofactor: TwoFactorStore,
}

/// Somebody's addresses and what the ledger keeps of them: in the same order on every page.
struct Known {
    addresses: Vec<Address>,
    fingerprints: Vec<String>,
    subjects: Vec<(&'static str, String)>,
}

impl Exporter {
    /// Writes down that somebody took a person's data out.
    pub async fn note(&self, person: &PersonId, witness: &Witness) -> Result<(), StoreError> {
        self.road.people.note(person, witness, Event::new("exported")).await
    }

    /// The first page.
    pub async fn first(&self, person: &PersonId) -> Result<Page, StoreError> {
        let (profile, addresses) = self.profile(person).await?;
        self.fill(Page { profile: Some(profile), ..empty(person) }, addresses, Cursor::Messages(None)).await
    }

    /// The page that begins there.
    pub async fn onward(&self, person: &PersonId, from: Cursor) -> Result<Page, StoreError> {
        let (_, addresses) = self.profile(person).await?;
        self.fill(empty(person), addresses, from).await
    }

    async fn fill(&self, page: Page, addresses: Vec<Address>, from: Cursor) -> Result<Page, StoreError> {
        let known = self.known(&page.user_id, addresses);
        let (mut page, mut bytes, mut at) = (page, 0, from);
        loop {
            let next = match at {
                Cursor::Messages(after) => self.own(&mut page, &mut bytes, &known, after).await?,
                Cursor::Address(number, after) => self.to_address(&mut page, &mut bytes, &known, number, after).await?,
                Cursor::Ledger(number, before) => self.ledger(&mut page, &mut bytes, &known, number, before).await?,
            };
            let Some(next) = next else { return Ok(page) };
            if bytes >= MOST_BYTES || page.messages.len() + page.ledger.len() >= MOST_ITEMS {
                page.next = Some(next);
                return Ok(page);
            }
            at = next;
        }
    }

    fn known(&self, person: &PersonId, addresses: Vec<Address>) -> Known {
        let mut fingerprints: Vec<String> = Vec::new();
        let mut own: Vec<Address> = Vec::new();
        for address in addresses {
            let fingerprint = self.road.seal.fingerprint(&address);
            if !fingerprints.contains(&fingerprint) {
                fingerprints.push(fingerprint);
                own.push(address);
            }
        }
        let mut subjects = vec![("person", people::subject(person)), ("two_factor", twofactor::subject(person))];
        subjects.extend(fingerprints.iter().map(|address| ("address", people::address_subject(address))));
        Known { addresses: own, fingerprints, subjects }
    }

    async fn profile(&self, person: &PersonId) -> Result<(Profile, Vec<Address>), StoreError> {
        let now = self.road.clock.now();
        let (found, habits, factor, pending) = futures::try_join!(
            self.road.people.get(person),
            self.road.people.engagement(person),
            self.twofactor.factor(person),
            self.twofactor.pending(person, now),
        )?;
        let mut profile = Profile { unknown: found.is_none(), reading_hours: value(&habits), ..Profile::default() };
        let mut addresses = Vec::new();
        if let Some(found) = found {
            if let Some(point) = found.phone {
                let address = Address::Phone(point.address);
                profile.phone_number = Some(self.address(&address, point.verified).await?);
                addresses.push(address);
            }
            if let Some(point) = found.email {
                let address = Address::Email(point.address);
                profile.email = Some(self.address(&address, point.verified).await?);
                addresses.push(address);
            }
            profile.locale = found.locale.map(|locale| locale.to_string());
            profile.consents = value(&found.consents);
            profile.preferences = value(&found.preferences);
            profile.created_at = Some(found.created);
            profile.updated_at = Some(found.updated);
            profile.erasing_since = found.erasing;
        }
        if let Some(factor) = factor {
            let device = |device: &crate::twofactor::device::TrustedDevice| {
                json!({"device_id": device.id.to_string(), "trusted_at": device.proved.to_string(),
                       "expires_at": device.expires.to_string()})
            };
            profile.two_factor = Some(ExportedFactor {
                phone_number: factor.phone.as_str().to_owned(),
                confirmed_at: factor.confirmed,
                recovery_codes_left: factor.recovery_left,
                trusted_devices: factor.devices.iter().map(device).collect(),
            });
            addresses.push(Address::Phone(factor.phone));
        }
        if let Some(pending) = pending {
            profile.two_factor_pending = Some(pending.phone.as_str().to_owned());
            addresses.push(Address::Phone(pending.phone));
        }
        Ok((profile, addresses))
    }

    async fn address(&self, address: &Address, verified: bool) -> Result<ExportedAddress, StoreError> {
        let facts = self.road.people.address(address).await?;
        let suppressions = facts.suppressions.iter().map(value).collect();
        Ok(ExportedAddress { address: address.as_str().to_owned(), verified, suppressions })
    }

    async fn own(
        &self,
        page: &mut Page,
        bytes: &mut usize,
        known: &Known,
        after: Option<Place>,
    ) -> Result<Option<Cursor>, StoreError> {
        let (listed, next) = self.road.messages.of_person(&page.user_id, after.as_ref(), LIST).await?;
        let took = self.take(page, bytes, known, listed, List::Own).await?;
        Ok(Some(match took.or(next) {
            Some(next) => Cursor::Messages(Some(next)),
            None => Cursor::Address(0, None),
        }))
    }

    async fn to_address(
        &self,
        page: &mut Page,
        bytes: &mut usize,
        known: &Known,
        number: usize,
        after: Option<Place>,
    ) -> Result<Option<Cursor>, StoreError> {
        let Some(fingerprint) = known.fingerprints.get(number) else { return Ok(Some(Cursor::Ledger(0, None))) };
        let owners = self.road.people.owners(fingerprint).await?;
        if owners.iter().any(|owner| *owner != page.user_id) {
            let address = known.addresses.get(number).map(Address::as_str).unwrap_or_default();
            page.left_out.push(format!(
                "Messages to {address} that name nobody: the address is somebody else's too, and they may be for them"
            ));
            return Ok(Some(Cursor::Address(number + 1, None)));
        }
        let (listed, next) = self.road.messages.to_address(fingerprint, after.as_ref(), LIST).await?;
        let took = self.take(page, bytes, known, listed, List::Address).await?;
        Ok(Some(match took.or(next) {
            Some(next) => Cursor::Address(number, Some(next)),
            None => Cursor::Address(number + 1, None),
        }))
    }

    /// Puts messages into the page, one after the other: each may be large. If the page is full before the last of them, where it
    /// has to go on.
    async fn take(
        &self,
        page: &mut Page,
        bytes: &mut usize,
        known: &Known,
        listed: Vec<Listed>,
        list: List,
    ) -> Result<Option<Place>, StoreError> {
        let last = listed.len().saturating_sub(1);
        for (number, listed) in listed.into_iter().enumerate() {
            let Some((message, place)) = self.one(&page.user_id, known, listed, list).await? else { continue };
            *bytes += serde_json::to_vec(&message).map_or(0, |text| text.len());
            page.messages.push(message);
            if *bytes >= MOST_BYTES && number < last {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    /// A message, if it is of this list: those to the person by their id stand in their own, and not again under an address.
    async fn one(
        &self,
        person: &PersonId,
        known: &Known,
        listed: Listed,
        list: List,
    ) -> Result<Option<(ExportedMessage, Place)>, StoreError> {
        let id = match listed {
            Listed::Message(id) => id,
            Listed::Mention(mention) => mention.message,
        };
        let now = self.road.clock.now();
        let Some(stored) = self.road.messages.find(id).await?.filter(|stored| !stored.has_expired(now)) else {
            return Ok(None);
        };
        let message = self.road.messages.open_whole(stored).await?;
        let exported = match (listed, list) {
            (Listed::Message(_), List::Own) if message.person.as_ref() == Some(person) => whole(&message),
            (Listed::Message(_), List::Address) if message.person.is_none() => whole(&message),
            (Listed::Message(_), List::Own | List::Address) => return Ok(None),
            (Listed::Mention(mention), List::Own | List::Address) => match self.got(&message, mention, known) {
                Some(exported) => exported,
                None => return Ok(None),
            },
        };
        Ok(Some((exported, Place::new(message.times.created, &listed))))
    }

    /// An e-mail to somebody else, as one of its further recipients got it: without the others.
    fn got(&self, message: &Message, mention: Mention, known: &Known) -> Option<ExportedMessage> {
        let Content::Email(email) = &message.content else { return None };
        let other = email.others.get(mention.place())?;
        let fingerprint = self.road.seal.fingerprint(&Address::Email(other.address.clone()));
        let (field, _) = email.further().nth(mention.place()).filter(|_| known.fingerprints.contains(&fingerprint))?;
        let content = Content::Email(Email { others: vec![other.clone()], ..email.clone() });
        Some(exported(message, &field, &content, &[]))
    }

    async fn ledger(
        &self,
        page: &mut Page,
        bytes: &mut usize,
        known: &Known,
        number: usize,
        before: Option<u64>,
    ) -> Result<Option<Cursor>, StoreError> {
        let Some((about, subject)) = known.subjects.get(number) else { return Ok(None) };
        let entries = self.road.people.ledger()?.page(subject, before, ENTRIES).await?;
        for entry in entries.entries {
            let entry = told(about, &entry);
            *bytes += serde_json::to_vec(&entry).map_or(0, |text| text.len());
            page.ledger.push(entry);
        }
        Ok(Some(match entries.next {
            Some(before) => Cursor::Ledger(number, Some(before)),
            None => Cursor::Ledger(number + 1, None),
        }))
    }
}

/// Which list a message is looked up in.
#[derive(Clone, Copy, Debug)]
enum List {
    Own,
    Address,
}

fn empty(person: &PersonId) -> Page {
    Page {
        user_id: person.clone(),
        profile: None,
        messages: Vec::new(),
        ledger: Vec::new(),
        left_out: Vec::new(),
        next: None,
    }
}
