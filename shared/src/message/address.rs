//! Addresses, parsed at the edge and trusted inside.

use std::fmt;

use phonenumber::country::Source;
use phonenumber::metadata::DATABASE;
use phonenumber::{Mode, country};
use serde::{Deserialize, Serialize};

use super::Channel;

/// A phone number in E.164, for example `+14155552671`.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhoneNumber(String);

/// An e-mail address; the domain part is lower-case, the local part as it was given.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EmailAddress(String);

/// Where one message goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    Phone(PhoneNumber),
    Email(EmailAddress),
}

/// What was given is not an address of the wanted kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("not a phone number")]
    NotAPhoneNumber,
    #[error("a phone number too short or too long for its country")]
    WrongLength,
    #[error("not an e-mail address")]
    NotAnEmailAddress,
}

/// What Twilio puts before a number that is reached otherwise than by SMS. One is there at most.
pub(crate) const SCHEMES: [&str; 2] = ["whatsapp:", "rcs:"];

impl PhoneNumber {
    /// Parses any common spelling (`+1 (415) 555-2671`, `whatsapp:+1…`, `rcs:+1…`, `415-555-2671` with `region` `US`).
    ///
    /// A number written without its country code must be valid in `region` (ISO 3166 alpha-2), because the country is
    /// our guess. A number that names its country is taken when the library can read it and it has 10 to 15 digits:
    /// numbering plans change ahead of the library's metadata, and the provider has the last word
    /// (its `21211` ends the message as an invalid number).
    pub fn parse(text: &str, region: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let text = SCHEMES.iter().find_map(|scheme| text.strip_prefix(scheme)).unwrap_or(text).trim();
        if text.chars().any(char::is_alphabetic) {
            return Err(AddressError::NotAPhoneNumber);
        }
        if text.starts_with(['+', '\u{ff0b}']) {
            return Self::international(text);
        }
        let region = region.parse::<country::Id>().ok();
        let number = phonenumber::parse(region, text).map_err(|_| AddressError::NotAPhoneNumber)?;
        if number.code().source() == Source::Idd {
            let digits = digits(text);
            let code = number.code().value().to_string();
            let start = (1..=4).find(|start| digits.get(*start..).is_some_and(|rest| rest.starts_with(&code)));
            return start.map_or(Err(AddressError::NotAPhoneNumber), |start| {
                Self::international(&format!("+{}", digits.get(start..).unwrap_or_default()))
            });
        }
        match (number.extension(), number.is_valid()) {
            (Some(_), _) => Err(AddressError::NotAPhoneNumber),
            (None, true) => Self::of_length(number.format().mode(Mode::E164).to_string()),
            (None, false) => Err(AddressError::WrongLength),
        }
    }

    /// A number that names its country. The library takes what looks like a trunk prefix off it, of the number's country
    /// or of the region it is told (`+49 151…` becomes `+49 51…` in the US, `+7 812…` becomes `+7 12…`); only a trunk
    /// zero (`+44 (0)20…`) is ever written behind a country code, so every other digit stays.
    fn international(text: &str) -> Result<Self, AddressError> {
        let number = phonenumber::parse(None, text).map_err(|_| AddressError::NotAPhoneNumber)?;
        if number.extension().is_some() {
            return Err(AddressError::NotAPhoneNumber);
        }
        let read = number.format().mode(Mode::E164).to_string();
        let given = format!("+{}", digits(text));
        let code = format!("+{}", number.code().value());
        let trunk_zero = given.strip_prefix(&format!("{code}0")).is_some_and(|rest| read == format!("{code}{rest}"));
        let e164 = if trunk_zero { read } else { given };
        if e164.len() <= 10 && !number.is_valid() {
            return Err(AddressError::WrongLength);
        }
        Self::of_length(e164)
    }

    /// No number has more than 15 digits (E.164), whatever a country's own plan says of its length.
    fn of_length(e164: String) -> Result<Self, AddressError> {
        if e164.len() <= 16 { Ok(Self(e164)) } else { Err(AddressError::WrongLength) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// ISO 3166 alpha-2 code of its country: the one whose numbering plan has the number, else the main country of its
    /// calling code.
    pub fn country(&self) -> Option<String> {
        let number = phonenumber::parse(None, &self.0).ok()?;
        if let Some(id) = number.country().id() {
            return Some(id.as_ref().to_owned());
        }
        let regions = DATABASE.region(&number.code().value())?;
        regions.first().map(|&region| region.to_owned())
    }
}

/// The digits of a text; those of East Asian keyboards count.
fn digits(text: &str) -> String {
    text.chars()
        .filter_map(|c| match c {
            '0'..='9' => Some(c),
            '\u{ff10}'..='\u{ff19}' => char::from_digit(u32::from(c) - 0xff10, 10),
            _ => None,
        })
        .collect()
}

impl EmailAddress {
    /// Parses a bare address (`person@example.com`), RFC 5321 syntax, at most 254 characters.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let options =
            email_address::Options::default().with_required_tld().without_display_text().without_domain_literal();
        let read = |text: &str| {
            email_address::EmailAddress::parse_with_options(text, options).map_err(|_| AddressError::NotAnEmailAddress)
        };
        let parsed = read(text)?;
        let address = format!("{}@{}", parsed.local_part(), parsed.domain().to_lowercase());
        // A capital may have no small letter of its own: the domain of "İ" would be another one.
        read(&address)?;
        if address.len() > 254 || address.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(AddressError::NotAnEmailAddress);
        }
        Ok(Self(address))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Address {
    /// Reads an address back from its stored form; the kind follows from the channel it was stored for.
    pub fn stored(channel: Channel, text: String) -> Self {
        match channel {
            Channel::Sms | Channel::Whatsapp | Channel::Voice => Self::Phone(PhoneNumber(text)),
            Channel::Email => Self::Email(EmailAddress(text)),
        }
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::Phone(number) => number.as_str(),
            Self::Email(address) => address.as_str(),
        }
    }

    /// What a fingerprint of it is made over: e-mail addresses are compared without regard to case.
    pub fn canonical(&self) -> String {
        self.as_str().to_lowercase()
    }
}

impl Address {
    /// As much of it as tells its owner which one is meant, and nobody else: `+1********71`, `a***@example.com`.
    pub fn masked(&self) -> String {
        match self {
            Self::Phone(number) => {
                let hidden = number.0.chars().count().saturating_sub(4);
                let head: String = number.0.chars().take(2).collect();
                let tail: String = number.0.chars().skip(2 + hidden).collect();
                format!("{head}{}{tail}", "*".repeat(hidden))
            }
            Self::Email(address) => {
                let (local, domain) = address.0.rsplit_once('@').unwrap_or((address.0.as_str(), ""));
                format!("{}***@{domain}", local.chars().next().unwrap_or('*'))
            }
        }
    }
}

/// Addresses never appear in a log: their debug form is masked.
fn masked(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let shown: String = text.chars().rev().take(2).collect::<String>().chars().rev().collect();
    write!(f, "[…{shown}]")
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        masked(&self.0, f)
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        masked(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phone(text: &str) -> Result<String, AddressError> {
        PhoneNumber::parse(text, "US").map(|number| number.0)
    }

    #[test]
    fn common_spellings_become_e164() {
        for text in [
            "+14155552671",
            "+1 (415) 555-2671",
            "415-555-2671",
            "(415) 555 2671",
            "whatsapp:+14155552671",
            "rcs:+14155552671",
            "1 415 555 2671",
        ] {
            assert_eq!(phone(text).as_deref(), Ok("+14155552671"), "{text}");
        }
        assert_eq!(PhoneNumber::parse("020 7946 0018", "GB").unwrap().as_str(), "+442079460018");
        assert_eq!(phone("+447700900123").as_deref(), Ok("+447700900123"));
    }

    #[test]
    fn a_number_that_names_its_country_is_left_to_the_provider() {
        assert_eq!(phone("+1234567890").as_deref(), Ok("+1234567890"));
        assert_eq!(phone("+15005550001").as_deref(), Ok("+15005550001"));
    }

    #[test]
    fn no_digit_of_a_number_that_names_its_country_is_taken_for_a_prefix() {
        for text in
            ["+4915112345678", "+78121234567", "+8613812345678", "+528112345678", "+375291234567", "+3612345678"]
        {
            for region in ["US", "GB", "DE", "RU", "HU", ""] {
                assert_eq!(PhoneNumber::parse(text, region).unwrap().as_str(), text, "{region}");
            }
        }
        for text in ["+49 (0)151 1234 5678", "\u{ff0b}49 151 12345678", "011 49 151 12345678"] {
            assert_eq!(phone(text).as_deref(), Ok("+4915112345678"), "{text}");
        }
        assert_eq!(PhoneNumber::parse("00 1 415 555 2671", "GB").unwrap().as_str(), "+14155552671");
        assert_eq!(phone("+39 06 1234 5678").as_deref(), Ok("+390612345678"), "Italy keeps its zero");
    }

    #[test]
    fn what_is_no_phone_number_is_refused() {
        for text in [
            "",
            "abc",
            "12345",
            "+12345",
            "555-2671",
            "+999123456789",
            "+14155552671 ext. 5",
            "+1415555267112345",
            "+49415555267552671",
            "1-800-FLOWERS",
            "rcs:brand_agent",
            "rcs:whatsapp:+14155552671",
            "a@b.example",
        ] {
            assert!(phone(text).is_err(), "{text} gave {:?}", phone(text));
        }
        // The plan of Germany has numbers of 15 digits without the country's code.
        assert_eq!(PhoneNumber::parse("0415555267552671", "DE"), Err(AddressError::WrongLength));
    }

    #[test]
    fn email_addresses_are_checked_and_their_domain_lowered() {
        assert_eq!(EmailAddress::parse(" Ada.L@Example.COM ").unwrap().as_str(), "Ada.L@example.com");
        assert!(EmailAddress::parse("ada@exa\u{130}mple.com").is_err());
        for text in [
            "",
            "ada",
            "ada@",
            "@example.com",
            "ada@localhost",
            "Ada <ada@example.com>",
            "a b@example.com",
            "a@b.com\r\nBcc: c@d.com",
        ] {
            assert!(EmailAddress::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_masked_address_shows_its_ends() {
        assert_eq!(Address::Phone(PhoneNumber::parse("+14155552671", "US").unwrap()).masked(), "+1********71");
        assert_eq!(Address::Email(EmailAddress::parse("ada.l@example.com").unwrap()).masked(), "a***@example.com");
    }

    #[test]
    fn debug_text_hides_the_address() {
        let number = PhoneNumber::parse("+14155552671", "US").unwrap();
        assert_eq!(format!("{number:?}"), "[…71]");
    }
}
