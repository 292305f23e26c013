//! Filling a page.

use serde_json::json;

use super::told::{exported, told, value, whole};
use super::{Cursor, ExportedAddress, ExportedFactor, ExportedMessage, Page, Profile};
use crate::ledger::{Event, Witness};
use crate::message::content::Email;
use crate::message::{Address, Channel, Content, Message};
use crate::person::{Holders, Person, PersonId, ProvenAddress};
use crate::road::Road;
use crate::store::messages::{Found, Listed, Mention, Place};
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

/// What is not in an export, told to everybody alike: it says nothing about anybody else.
const LEFT_OUT: &str = "Messages and entries of an address that name nobody are included for the time in which the address was proven \
                        to be this person's alone";

/// Somebody's proven addresses, in the same order on every page.
struct Known {
    person: PersonId,
    addresses: Vec<Proven>,
}

/// An address, and whose it was when.
struct Proven {
    fingerprint: String,
    holders: Holders,
}

/// A subject of the ledger. Entries about an address are told for the time in which it was theirs alone.
struct Subject<'a> {
    about: &'static str,
    /// `None`: there are no entries.
    name: Option<String>,
    address: Option<&'a Proven>,
}

impl Exporter {
    /// Writes down that somebody took a person's data out.
    pub async fn note(&self, person: &PersonId, witness: &Witness) -> Result<(), StoreError> {
        self.road.people.note(person, witness, Event::new("exported")).await
    }

    /// The first page.
    pub async fn first(&self, person: &PersonId) -> Result<Page, StoreError> {
        let (profile, addresses) = self.profile(person).await?;
        let first = Page { profile: Some(profile), left_out: vec![LEFT_OUT.to_owned()], ..empty(person) };
        self.fill(first, addresses, Cursor::Messages(None)).await
    }

    /// The page that begins there.
    pub async fn onward(&self, person: &PersonId, from: Cursor) -> Result<Page, StoreError> {
        let (_, addresses) = self.profile(person).await?;
        self.fill(empty(person), addresses, from).await
    }

    async fn fill(&self, page: Page, addresses: Vec<ProvenAddress>, from: Cursor) -> Result<Page, StoreError> {
        let known = self.known(&page.user_id, addresses).await?;
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

    async fn known(&self, person: &PersonId, proven: Vec<ProvenAddress>) -> Result<Known, StoreError> {
        let mut addresses: Vec<Proven> = Vec::new();
        for proven in proven {
            let fingerprint = self.road.seal.fingerprint(proven.address());
            if !addresses.iter().any(|known| known.fingerprint == fingerprint) {
                let holders = self.road.people.holders(&fingerprint).await?.and(&proven);
                addresses.push(Proven { fingerprint, holders });
            }
        }
        Ok(Known { person: person.clone(), addresses })
    }

    async fn profile(&self, person: &PersonId) -> Result<(Profile, Vec<ProvenAddress>), StoreError> {
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
            addresses = ProvenAddress::all(&found);
            profile.phone_number = self.address(&found, Channel::Sms).await?;
            profile.email = self.address(&found, Channel::Email).await?;
            profile.claimed_phone_number = found.claims.phone.map(|phone| phone.as_str().to_owned());
            profile.claimed_email = found.claims.email.map(|email| email.as_str().to_owned());
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
            addresses.push(ProvenAddress::of_factor(person, &factor));
        }
        if let Some(pending) = pending {
            profile.two_factor_pending = Some(pending.phone.as_str().to_owned());
        }
        Ok((profile, addresses))
    }

    /// The address they are reached at on a channel. Why it must not be used is told of one that is proven to be theirs.
    async fn address(&self, person: &Person, channel: Channel) -> Result<Option<ExportedAddress>, StoreError> {
        let Some(address) = person.address(channel) else { return Ok(None) };
        let proven = ProvenAddress::of(person, channel);
        let suppressions = match &proven {
            Some(proven) => self.road.people.address(proven.address()).await?.suppressions,
            None => Vec::new(),
        };
        Ok(Some(ExportedAddress {
            address: address.as_str().to_owned(),
            verified: proven.is_some(),
            verified_at: proven.map(|proven| proven.span().since),
            suppressions: suppressions.iter().map(value).collect(),
        }))
    }

    async fn own(
        &self,
        page: &mut Page,
        bytes: &mut usize,
        known: &Known,
        after: Option<Place>,
    ) -> Result<Option<Cursor>, StoreError> {
        let (listed, next) = self.road.messages.of_person(&page.user_id, after.as_ref(), LIST).await?;
        let took = self.take(page, bytes, known, listed, None).await?;
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
        let Some(proven) = known.addresses.get(number) else { return Ok(Some(Cursor::Ledger(0, None))) };
        let (listed, next) = self.road.messages.to_address(&proven.fingerprint, after.as_ref(), LIST).await?;
        let took = self.take(page, bytes, known, listed, Some(proven)).await?;
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
        found: Vec<Found>,
        address: Option<&Proven>,
    ) -> Result<Option<Place>, StoreError> {
        let last = found.len().saturating_sub(1);
        for (number, found) in found.into_iter().enumerate() {
            let Some((message, place)) = self.one(known, found, address).await? else { continue };
            *bytes += serde_json::to_vec(&message).map_or(0, |text| text.len());
            page.messages.push(message);
            if *bytes >= MOST_BYTES && number < last {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    /// A message, if it is theirs and of this list: those that name them stand in their own, those that name nobody under the
    /// address.
    async fn one(
        &self,
        known: &Known,
        found: Found,
        address: Option<&Proven>,
    ) -> Result<Option<(ExportedMessage, Place)>, StoreError> {
        let listed = found.listed;
        let id = match listed {
            Listed::Message(id) => id,
            Listed::Mention(mention) => mention.message,
        };
        let now = self.road.clock.now();
        let Some(stored) = self.road.messages.find(id).await?.filter(|stored| !stored.has_expired(now)) else {
            return Ok(None);
        };
        let message = self.road.messages.open_whole(stored).await?;
        let created = message.times.created;
        let exported = match (listed, address) {
            (Listed::Message(_), None) if message.person.as_ref() == Some(&known.person) => Some(whole(&message)),
            (Listed::Message(_), Some(proven)) if message.person.is_none() => {
                proven.holders.makes_party(&known.person, None, created).then(|| whole(&message))
            }
            // Whoever it names, it names somebody else than whom it was copied to.
            (Listed::Mention(mention), Some(proven)) if proven.holders.makes_party(&known.person, None, created) => {
                self.got(&message, mention, proven)
            }
            (Listed::Message(_) | Listed::Mention(_), _) => None,
        };
        Ok(exported.map(|exported| (exported, Place::new(created, &found))))
    }

    /// An e-mail to somebody else, as one of its further recipients got it: without the others.
    fn got(&self, message: &Message, mention: Mention, proven: &Proven) -> Option<ExportedMessage> {
        let Content::Email(email) = &message.content else { return None };
        let other = email.others.get(mention.place())?;
        let address = Address::Email(other.address.clone());
        let is_theirs = self.road.seal.is_fingerprint_of(&proven.fingerprint, &address);
        let (field, _) = email.further().nth(mention.place()).filter(|_| is_theirs)?;
        let content = Content::Email(Email { others: vec![other.clone()], ..email.clone() });
        Some(exported(message, &field, &content, &[]))
    }

    /// The subject of this number: they themselves, their second factor, then their addresses.
    async fn subject<'a>(&self, known: &'a Known, number: usize) -> Result<Option<Subject<'a>>, StoreError> {
        let own = |about, name| Some(Subject { about, name: Some(name), address: None });
        Ok(match number {
            0 => own("person", people::subject(&known.person)),
            1 => own("two_factor", twofactor::subject(&known.person)),
            number => match known.addresses.get(number - 2) {
                Some(proven) => {
                    let name = self.road.people.address_subject(&proven.fingerprint).await?;
                    Some(Subject { about: "address", name, address: Some(proven) })
                }
                None => None,
            },
        })
    }

    async fn ledger(
        &self,
        page: &mut Page,
        bytes: &mut usize,
        known: &Known,
        number: usize,
        before: Option<u64>,
    ) -> Result<Option<Cursor>, StoreError> {
        let Some(subject) = self.subject(known, number).await? else { return Ok(None) };
        let Some(name) = &subject.name else { return Ok(Some(Cursor::Ledger(number + 1, None))) };
        let entries = self.road.people.ledger()?.page(name, before, ENTRIES).await?;
        let theirs = |at| subject.address.is_none_or(|proven| proven.holders.makes_party(&known.person, None, at));
        for entry in entries.entries.into_iter().filter(|entry| theirs(entry.at)) {
            let entry = told(subject.about, &entry);
            *bytes += serde_json::to_vec(&entry).map_or(0, |text| text.len());
            page.ledger.push(entry);
        }
        Ok(Some(match entries.next {
            Some(before) => Cursor::Ledger(number, Some(before)),
            None => Cursor::Ledger(number + 1, None),
        }))
    }
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
