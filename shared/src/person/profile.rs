//! A person as sending needs to know them: where they can be reached, and what they agreed to.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ChannelConsent, PersonId, Preferences, Standing};
use crate::message::{Address, Channel, EmailAddress, Locale, PhoneNumber, Trigger};

/// A person's addresses, consents and preferences.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Since when they are being erased: nothing is known of them any more, and nothing new may be kept until that is done.
    pub erasing: Option<Timestamp>,
}

/// An address and whether its owner proved that it is theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactPoint<A> {
    pub address: A,
    pub verified: bool,
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
            erasing: None,
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

    /// Keeps a phone number. Another number than before is not verified, and nobody agreed to anything for it yet; a no
    /// holds for every number.
    pub fn set_phone(&mut self, number: PhoneNumber) {
        let is_another = self.phone.as_ref().is_none_or(|point| point.address != number);
        if is_another && self.phone.replace(ContactPoint { address: number, verified: false }).is_some() {
            self.lapse(&[Channel::Sms, Channel::Whatsapp, Channel::Voice]);
        }
    }

    /// Notes that a phone number was proven to be theirs, if it is (still) the one they are reached at.
    pub fn verify_phone(&mut self, number: &PhoneNumber) {
        if let Some(point) = self.phone.as_mut().filter(|point| point.address == *number) {
            point.verified = true;
        }
    }

    /// The same of an e-mail address.
    pub fn set_email(&mut self, address: EmailAddress) {
        let is_another = self.email.as_ref().is_none_or(|point| point.address != address);
        if is_another && self.email.replace(ContactPoint { address, verified: false }).is_some() {
            self.lapse(&[Channel::Email]);
        }
    }

    fn lapse(&mut self, channels: &[Channel]) {
        for channel in channels {
            if let Some(consent) = self.consents.get_mut(channel) {
                consent.lapse();
            }
        }
    }

    /// Records that they agreed to be written to on a channel, for these message types (none: all).
    pub fn grant(&mut self, channel: Channel, message_types: BTreeSet<String>, source: String, now: Timestamp) {
        self.consents.entry(channel).or_default().grant(&message_types, &source, now);
    }

    /// Records that they agreed, as somebody says; it counts when the address is proven to be theirs ([`Self::confirm`]).
    pub fn grant_pending(&mut self, channel: Channel, message_types: BTreeSet<String>, source: String, now: Timestamp) {
        self.consents.entry(channel).or_default().wait(&message_types, &source, now);
    }

    /// They proved that the address of a channel is theirs: what waited for that counts.
    pub fn confirm(&mut self, channel: Channel, now: Timestamp) {
        match channel {
            Channel::Sms | Channel::Whatsapp | Channel::Voice => {
                if let Some(point) = &mut self.phone {
                    point.verified = true;
                }
            }
            Channel::Email => {
                if let Some(point) = &mut self.email {
                    point.verified = true;
                }
            }
        }
        if let Some(consent) = self.consents.get_mut(&channel) {
            consent.confirm(now);
        }
    }

    /// Records that they do not want to be written to on a channel, about these message types (none: all).
    pub fn revoke(&mut self, channel: Channel, message_types: BTreeSet<String>, source: String, now: Timestamp) {
        self.consents.entry(channel).or_default().revoke(&message_types, &source, now);
    }

    /// Records that they wrote STOP on a channel, in whichever way.
    pub fn stop(&mut self, channel: Channel, source: &str, now: Timestamp) {
        self.consents.entry(channel).or_default().stop(source, now);
    }

    /// Records that they want nothing more on a channel, said otherwise than by STOP.
    pub fn refuse(&mut self, channel: Channel, source: &str, now: Timestamp) {
        self.consents.entry(channel).or_default().refuse(source, now);
    }

    /// Records that they wrote START on a channel.
    pub fn unstop(&mut self, channel: Channel) {
        if let Some(consent) = self.consents.get_mut(&channel) {
            consent.unstop();
        }
    }

    /// Records that they left our marketing on a channel.
    pub fn leave_marketing(&mut self, channel: Channel, source: &str, now: Timestamp) {
        self.consents.entry(channel).or_default().leave_marketing(source, now);
    }

    /// How things stand with their consent to a kind of message on a channel.
    pub fn standing(&self, channel: Channel, trigger: Option<Trigger>) -> Standing {
        self.consents.get(&channel).map_or(Standing::None, |consent| consent.standing(trigger))
    }
}
