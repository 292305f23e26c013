//! A person as sending needs to know them: where they can be reached, and what they agreed to.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{PersonId, Preferences};
use crate::message::{Address, Channel, EmailAddress, Locale, PhoneNumber};

/// A person's addresses, consents and preferences.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: PersonId,
    pub phone: Option<ContactPoint<PhoneNumber>>,
    pub email: Option<ContactPoint<EmailAddress>>,
    pub consents: BTreeMap<Channel, ChannelConsent>,
    pub preferences: Preferences,
    /// The language they are written to in (BCP 47), where they said.
    pub locale: Option<Locale>,
    pub created: Timestamp,
    pub updated: Timestamp,
    /// Counts changes; a write names the version it read, so two concurrent writes never lose one.
    pub version: u64,
}

/// An address and whether its owner proved that it is theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactPoint<A> {
    pub address: A,
    pub verified: bool,
}

/// What a person agreed to on one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelConsent {
    pub state: ConsentState,
    /// The message types it is for; empty: all of them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub message_types: BTreeSet<String>,
    /// Where it came from, as the client said: `web_form`, `api` …
    pub source: String,
    #[serde(with = "crate::clock::millis")]
    pub at: Timestamp,
}

/// Whether they said yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentState {
    Granted,
    Revoked,
}

impl Person {
    /// Somebody nothing is known of yet.
    pub fn new(id: PersonId, now: Timestamp) -> Self {
        Self {
            id,
            phone: None,
            email: None,
            consents: BTreeMap::new(),
            preferences: Preferences::default(),
            locale: None,
            created: now,
            updated: now,
            version: 0,
        }
    }

    /// Where they are reached on a channel.
    pub fn address(&self, channel: Channel) -> Option<Address> {
        match channel {
            Channel::Sms | Channel::Whatsapp | Channel::Voice => {
                self.phone.as_ref().map(|point| Address::Phone(point.address.clone()))
            }
            Channel::Email => self.email.as_ref().map(|point| Address::Email(point.address.clone())),
        }
    }

    /// Whether the address of a channel was proven to be theirs.
    pub fn is_verified(&self, channel: Channel) -> bool {
        match channel {
            Channel::Sms | Channel::Whatsapp | Channel::Voice => {
                self.phone.as_ref().is_some_and(|point| point.verified)
            }
            Channel::Email => self.email.as_ref().is_some_and(|point| point.verified),
        }
    }

    /// Keeps a phone number; another number than before is not verified.
    pub fn set_phone(&mut self, number: PhoneNumber) {
        if self.phone.as_ref().is_none_or(|point| point.address != number) {
            self.phone = Some(ContactPoint { address: number, verified: false });
        }
    }

    /// Notes that a phone number was proven to be theirs, if it is (still) the one they are reached at.
    pub fn verify_phone(&mut self, number: &PhoneNumber) {
        if let Some(point) = self.phone.as_mut().filter(|point| point.address == *number) {
            point.verified = true;
        }
    }

    /// Keeps an e-mail address; another address than before is not verified.
    pub fn set_email(&mut self, address: EmailAddress) {
        if self.email.as_ref().is_none_or(|point| point.address != address) {
            self.email = Some(ContactPoint { address, verified: false });
        }
    }

    /// Records that they agreed to be written to on a channel, for these message types (none: all).
    pub fn grant(&mut self, channel: Channel, message_types: BTreeSet<String>, source: String, now: Timestamp) {
        let consent = ChannelConsent { state: ConsentState::Granted, message_types, source, at: now };
        self.consents.insert(channel, consent);
        self.updated = now;
    }
}
