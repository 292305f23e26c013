//! A person as sending needs to know them: where they can be reached, and what they agreed to.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ownership::Proof;
use super::{ChannelConsent, PersonId, Preferences, Standing};
use crate::message::{Address, Channel, EmailAddress, Locale, PhoneNumber, Trigger};

/// A person's addresses, consents and preferences. An address in force is where they are written to; a claim is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub id: PersonId,
    pub phone: Option<ContactPoint<PhoneNumber>>,
    pub email: Option<ContactPoint<EmailAddress>>,
    pub claims: Claims,
    /// Proven addresses they had, and that are still to be told.
    pub replaced: Vec<Replaced>,
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

/// An address a person is reached at. It is proven, or on file: an administrator's word, which is enough to write to them
/// about what they do, and for nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactPoint<A> {
    pub address: A,
    pub set_by: SetBy,
    pub proof: Option<Proof>,
}

/// Who gave an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SetBy {
    /// The person themselves. Until it is proven it is a claim.
    Person,
    /// A token with `preferences:manage`.
    Manager,
}

/// Addresses that a person's own token gave and nobody proved. Nothing goes there but the code or link that proves them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Claims {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<PhoneNumber>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<EmailAddress>,
}

/// A proven address that another one took the place of, until it was told so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    pub address: Address,
    pub proof: Proof,
}

/// The channels on which an address is used.
const PHONE: [Channel; 3] = [Channel::Sms, Channel::Whatsapp, Channel::Voice];
const EMAIL: [Channel; 1] = [Channel::Email];

impl Person {
    /// Somebody nothing is known of yet.
    pub fn new(id: PersonId, now: Timestamp) -> Self {
        Self {
            id,
            phone: None,
            email: None,
            claims: Claims::default(),
            replaced: Vec::new(),
            consents: BTreeMap::new(),
            preferences: Preferences::default(),
            locale: None,
            created: now,
            updated: now,
            version: 0,
            erasing: None,
        }
    }

    /// Where they are reached on a channel: proven, or on file.
    pub fn address(&self, channel: Channel) -> Option<Address> {
        match channel {
            Channel::Sms | Channel::Whatsapp | Channel::Voice => {
                self.phone.as_ref().map(|point| Address::Phone(point.address.clone()))
            }
            Channel::Email => self.email.as_ref().map(|point| Address::Email(point.address.clone())),
        }
    }

    /// The address of a channel that they claim to be theirs, and have not proven.
    pub fn claim(&self, channel: Channel) -> Option<Address> {
        match channel {
            Channel::Sms | Channel::Whatsapp | Channel::Voice => self.claims.phone.clone().map(Address::Phone),
            Channel::Email => self.claims.email.clone().map(Address::Email),
        }
    }

    /// Where a message to them by their id is addressed to. The decision refuses it where that is only claimed.
    pub fn destination(&self, channel: Channel) -> Option<Address> {
        self.address(channel).or_else(|| self.claim(channel))
    }

    /// The address of a channel that waits to be proven: the one they claim, else the one on file.
    pub fn unproven(&self, channel: Channel) -> Option<Address> {
        self.claim(channel).or_else(|| self.address(channel).filter(|_| !self.is_verified(channel)))
    }

    /// Whether an address is theirs by nothing but their claim.
    pub fn only_claims(&self, address: &Address) -> bool {
        let channel = channel_of(address);
        self.claim(channel).as_ref() == Some(address) && self.address(channel).as_ref() != Some(address)
    }

    /// The proof of the address of a channel.
    pub fn proof(&self, channel: Channel) -> Option<Proof> {
        match channel {
            Channel::Sms | Channel::Whatsapp | Channel::Voice => self.phone.as_ref().and_then(|point| point.proof),
            Channel::Email => self.email.as_ref().and_then(|point| point.proof),
        }
    }

    /// Whether the address of a channel was proven to be theirs.
    pub fn is_verified(&self, channel: Channel) -> bool {
        self.proof(channel).is_some()
    }

    /// Whether they proved that this address is theirs.
    pub fn has_proven(&self, address: &Address) -> bool {
        let channel = channel_of(address);
        self.is_verified(channel) && self.address(channel).as_ref() == Some(address)
    }

    /// Whether this address, once it is theirs, takes the place of another that they proved.
    pub fn would_replace_proven(&self, to: &Address) -> bool {
        let channel = channel_of(to);
        self.is_verified(channel) && self.address(channel).as_ref() != Some(to)
    }

    /// Puts a phone number on file, in place of the one before and of one they claim. Another number than before is not
    /// proven, and nobody agreed to anything for it yet; a no holds for every number.
    pub fn set_phone(&mut self, number: PhoneNumber) {
        self.put_on_file(Address::Phone(number));
    }

    /// The same of an e-mail address.
    pub fn set_email(&mut self, address: EmailAddress) {
        self.put_on_file(Address::Email(address));
    }

    fn put_on_file(&mut self, address: Address) {
        let channel = channel_of(&address);
        if self.claim(channel).is_some_and(|claimed| claimed != address) {
            self.drop_pending(&address);
        }
        self.set_claim(&address, false);
        if self.address(channel).as_ref() != Some(&address) {
            self.put_in_force(&address, SetBy::Manager, None);
        }
    }

    /// Keeps an address that they say is theirs. One they are reached at already stays in force until it is proven.
    pub fn claim_address(&mut self, address: &Address) {
        let channel = channel_of(address);
        if self.address(channel).as_ref() == Some(address) {
            self.set_claim(address, false);
        } else if self.claim(channel).as_ref() != Some(address) {
            // What was agreed to was agreed to for the one before.
            self.drop_pending(address);
            self.set_claim(address, true);
        }
    }

    /// Notes that an address was proven to be theirs, if it is the one they are reached at or claim. It is where they are reached from
    /// now on, and what waited for its proof counts.
    pub fn prove(&mut self, address: &Address, proof: Proof) {
        let channel = channel_of(address);
        if self.address(channel).as_ref() == Some(address) {
            let known = self.proof(channel);
            self.set_proof(channel, Some(known.map_or(proof, |known| known.renewed(proof.renewed))));
            // What waits is for the address they claim, if there is one.
            if self.claim(channel).is_some() {
                return;
            }
        } else if self.claim(channel).as_ref() == Some(address) {
            let channels = channels_of(address);
            let pending: Vec<_> = channels
                .iter()
                .filter_map(|channel| Some((*channel, self.consents.get_mut(channel)?.pending.take()?)))
                .collect();
            self.put_in_force(address, SetBy::Person, Some(proof));
            self.set_claim(address, false);
            for (channel, pending) in pending {
                self.consents.entry(channel).or_default().pending = Some(pending);
            }
        } else {
            return;
        }
        for channel in channels_of(address) {
            if let Some(consent) = self.consents.get_mut(channel) {
                consent.confirm(proof.renewed);
            }
        }
    }

    /// Somebody else proved an address that was theirs: it is what it was without their proof, on file or a claim.
    pub fn lose_proof(&mut self, address: &Address) {
        let channel = channel_of(address);
        if !self.has_proven(address) {
            return;
        }
        self.set_proof(channel, None);
        let set_by = match address {
            Address::Phone(_) => self.phone.as_ref().map(|point| point.set_by),
            Address::Email(_) => self.email.as_ref().map(|point| point.set_by),
        };
        if set_by == Some(SetBy::Person) {
            match address {
                Address::Phone(_) => self.phone = None,
                Address::Email(_) => self.email = None,
            }
            if self.claim(channel).is_none() {
                self.set_claim(address, true);
            }
        }
    }

    fn put_in_force(&mut self, address: &Address, set_by: SetBy, proof: Option<Proof>) {
        let channel = channel_of(address);
        let before = self.address(channel);
        if let Some((address, proof)) = before.clone().zip(self.proof(channel)) {
            self.replaced.push(Replaced { address, proof });
        }
        match address {
            Address::Phone(number) => self.phone = Some(ContactPoint { address: number.clone(), set_by, proof }),
            Address::Email(address) => self.email = Some(ContactPoint { address: address.clone(), set_by, proof }),
        }
        if before.is_some() {
            self.lapse(channels_of(address));
        }
    }

    fn set_proof(&mut self, channel: Channel, proof: Option<Proof>) {
        match (channel, &mut self.phone, &mut self.email) {
            (Channel::Email, _, Some(point)) => point.proof = proof,
            (Channel::Sms | Channel::Whatsapp | Channel::Voice, Some(point), _) => point.proof = proof,
            (Channel::Email, _, None) | (Channel::Sms | Channel::Whatsapp | Channel::Voice, None, _) => {}
        }
    }

    /// Keeps an address as the claim of its kind, or keeps none of its kind.
    fn set_claim(&mut self, address: &Address, kept: bool) {
        match address {
            Address::Phone(number) => self.claims.phone = kept.then(|| number.clone()),
            Address::Email(address) => self.claims.email = kept.then(|| address.clone()),
        }
    }

    fn drop_pending(&mut self, address: &Address) {
        for channel in channels_of(address) {
            if let Some(consent) = self.consents.get_mut(channel) {
                consent.pending = None;
            }
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

/// The channel an address stands for: every kind of address has one.
fn channel_of(address: &Address) -> Channel {
    match address {
        Address::Phone(_) => Channel::Sms,
        Address::Email(_) => Channel::Email,
    }
}

fn channels_of(address: &Address) -> &'static [Channel] {
    match address {
        Address::Phone(_) => &PHONE,
        Address::Email(_) => &EMAIL,
    }
}

#[cfg(test)]
mod tests;
