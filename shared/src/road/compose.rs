//! What makes a message sendable, whoever asks for it: its address, and which provider its channel has.

use crate::message::address::AddressError;
use crate::message::{Address, Channel, EmailAddress, PhoneNumber};
use crate::provider::ProviderName;

/// Reads an address of the kind a channel needs; a phone number without a country code is read in `region`.
pub fn address(channel: Channel, text: &str, region: &str) -> Result<Address, AddressError> {
    match channel {
        Channel::Sms | Channel::Whatsapp | Channel::Voice => PhoneNumber::parse(text, region).map(Address::Phone),
        Channel::Email => EmailAddress::parse(text).map(Address::Email),
    }
}

/// Who carries a channel's messages, unless the client says otherwise.
pub fn provider(channel: Channel) -> ProviderName {
    match channel {
        Channel::Sms | Channel::Whatsapp | Channel::Voice => ProviderName::Twilio,
        Channel::Email => ProviderName::Resend,
    }
}
