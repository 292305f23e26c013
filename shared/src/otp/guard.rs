//! The guard against toll fraud: codes asked for in bulk, to numbers whose operators are paid for every text.
//!
//! Rules that need no store: the country must be one we serve, and the line one on which people read codes. Then the
//! windows, from the narrowest to the widest, so that what a narrow one refuses uses up nothing of a wide one: the
//! address and purpose (5 in 10 minutes), the address, the person, the network address they came from, the block of
//! numbers, the block's codes that nobody entered, and the country. A window starts with its first send.

use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::Timestamp;
use strum::IntoStaticStr;

use super::purpose::Purpose;
use crate::config::{Invalid, optional};
use crate::message::line::Line;
use crate::message::{Channel, PhoneNumber};
use crate::person::PersonId;
use crate::policy::Countries;
use crate::seal::Seal;
use crate::telemetry;

/// How long a challenge's own window of sends is, in seconds, and how many it takes.
pub const SENDS_SECONDS: i64 = 600;
pub const MOST_SENDS: u32 = 5;

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// Countries codes go to unless the deployment says otherwise: where texts cost little, and little fraud is reported.
const COUNTRIES: &str = "US,CA,GB,GG,JE,IM,IE,AU,NZ,DE,AT,CH,FR,BE,NL,LU,ES,PT,IT,SE,NO,DK,FI,IS,JP,SG";

/// Why no code is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Refusal {
    CountryNotAllowed,
    LineNotAllowed(Line),
    /// The provider sends no codes there: not a number that can take them, or blocked.
    ProviderRefuses,
    /// The address had its codes for this purpose.
    TooManySends {
        until: Timestamp,
    },
    TooManyForAddress {
        until: Timestamp,
    },
    TooManyForPerson {
        until: Timestamp,
    },
    TooManyForIp {
        until: Timestamp,
    },
    TooManyForBlock {
        until: Timestamp,
    },
    /// Many codes went to the block, and nobody entered one.
    BlockNeverEnters {
        until: Timestamp,
    },
    TooManyForCountry {
        until: Timestamp,
    },
    /// All checks of the running challenge are used up; there is no other before it ends.
    TooManyChecks {
        until: Timestamp,
    },
}

impl Refusal {
    /// Its name in answers: `country_not_allowed`, `too_many_sends` …
    pub fn as_str(&self) -> &'static str {
        self.into()
    }

    /// Until when it holds; `None`: for good.
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::CountryNotAllowed | Self::LineNotAllowed(_) | Self::ProviderRefuses => None,
            Self::TooManySends { until }
            | Self::TooManyForAddress { until }
            | Self::TooManyForPerson { until }
            | Self::TooManyForIp { until }
            | Self::TooManyForBlock { until }
            | Self::BlockNeverEnters { until }
            | Self::TooManyForCountry { until }
            | Self::TooManyChecks { until } => Some(*until),
        }
    }

    /// Counts it, each kind by itself.
    pub(super) fn count(&self) {
        let event = match self {
            Self::CountryNotAllowed => "otp_refused_country",
            Self::LineNotAllowed(_) => "otp_refused_line",
            Self::ProviderRefuses => "otp_refused_provider",
            Self::TooManySends { .. } => "otp_refused_sends",
            Self::TooManyForAddress { .. } => "otp_refused_address",
            Self::TooManyForPerson { .. } => "otp_refused_person",
            Self::TooManyForIp { .. } => "otp_refused_ip",
            Self::TooManyForBlock { .. } => "otp_refused_block",
            Self::BlockNeverEnters { .. } => "otp_block_never_enters",
            Self::TooManyForCountry { .. } => "otp_refused_velocity_country",
            Self::TooManyChecks { .. } => "otp_refused_checks",
        };
        telemetry::count(event, 1);
    }
}

/// This deployment's guard.
#[derive(Clone, Debug)]
pub struct Guard {
    pub countries: Countries,
    /// Sends an hour, by what they have in common.
    pub per_address: u32,
    pub per_person: u32,
    pub per_ip: u32,
    pub per_block: u32,
    pub per_country: u32,
    /// Sends a day to a block of numbers of which none was entered.
    pub never_entered: u32,
    /// Mails with a confirmation link a day.
    pub links_per_address: u32,
    pub links_per_person: u32,
    pub links_per_ip: u32,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            countries: Countries::parse(COUNTRIES).unwrap_or(Countries::Only(BTreeSet::new())),
            per_address: 10,
            per_person: 10,
            per_ip: 30,
            per_block: 100,
            per_country: 5_000,
            never_entered: 50,
            links_per_address: 5,
            links_per_person: 10,
            links_per_ip: 100,
        }
    }
}

/// One window a send is counted in.
#[derive(Clone, Debug)]
pub(super) struct WindowRule {
    pub(super) key: String,
    pub(super) seconds: i64,
    pub(super) most: u32,
    pub(super) refusal: fn(Timestamp) -> Refusal,
}

/// What the windows ask about a send.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sending<'a> {
    /// The address's fingerprint.
    pub(super) address: &'a str,
    pub(super) purpose: &'a Purpose,
    pub(super) phone: Option<&'a PhoneNumber>,
    pub(super) person: Option<&'a PersonId>,
    pub(super) ip: Option<IpAddr>,
}

impl Guard {
    /// `OTP_COUNTRIES` (ISO 3166 codes with commas, or `*`), `OTP_HOURLY_ADDRESS`, `OTP_HOURLY_PERSON`, `OTP_HOURLY_IP`,
    /// `OTP_HOURLY_BLOCK`, `OTP_HOURLY_COUNTRY`, and `OTP_NEVER_ENTERED`, `LINK_DAILY_ADDRESS`, `LINK_DAILY_PERSON` and
    /// `LINK_DAILY_IP` a day.
    pub fn from_env() -> Result<Self, Invalid> {
        let default = Self::default();
        Ok(Self {
            countries: match optional("OTP_COUNTRIES", "").as_str() {
                "" => default.countries,
                text => Countries::parse(text).ok_or(Invalid("OTP_COUNTRIES"))?,
            },
            per_address: rate("OTP_HOURLY_ADDRESS", default.per_address)?,
            per_person: rate("OTP_HOURLY_PERSON", default.per_person)?,
            per_ip: rate("OTP_HOURLY_IP", default.per_ip)?,
            per_block: rate("OTP_HOURLY_BLOCK", default.per_block)?,
            per_country: rate("OTP_HOURLY_COUNTRY", default.per_country)?,
            never_entered: rate("OTP_NEVER_ENTERED", default.never_entered)?,
            links_per_address: rate("LINK_DAILY_ADDRESS", default.links_per_address)?,
            links_per_person: rate("LINK_DAILY_PERSON", default.links_per_person)?,
            links_per_ip: rate("LINK_DAILY_IP", default.links_per_ip)?,
        })
    }

    /// The rules that need no store.
    pub(super) fn admits(&self, phone: &PhoneNumber, channel: Channel) -> Result<(), Refusal> {
        if !self.countries.contain(phone) {
            return Err(Refusal::CountryNotAllowed);
        }
        let line = phone.line();
        let fits = match line {
            Line::Mobile | Line::LandlineOrMobile | Line::Voip | Line::Unknown => true,
            // A code can be heard on a landline, and not be read there.
            Line::Landline => channel == Channel::Voice,
            // In North America they cost what others do; elsewhere they are a way to be paid for being called.
            Line::Personal => phone.as_str().starts_with("+1"),
            Line::TollFree
            | Line::Premium
            | Line::SharedCost
            | Line::Uan
            | Line::Voicemail
            | Line::Pager
            | Line::Special => false,
        };
        if fits { Ok(()) } else { Err(Refusal::LineNotAllowed(line)) }
    }

    /// The windows of a send, the narrowest first.
    pub(super) fn windows(&self, sending: &Sending<'_>, seal: &Seal) -> Vec<WindowRule> {
        let Sending { address, purpose, phone, person, ip } = sending;
        let mut rules = vec![
            rule(format!("{address}#{purpose}"), SENDS_SECONDS, MOST_SENDS, |until| Refusal::TooManySends { until }),
            rule(format!("address#{address}"), HOUR, self.per_address, |until| Refusal::TooManyForAddress { until }),
        ];
        if let Some(person) = person {
            let key = format!("person#{person}");
            rules.push(rule(key, HOUR, self.per_person, |until| Refusal::TooManyForPerson { until }));
        }
        if let Some(ip) = ip {
            let key = format!("ip#{}", seal.keyed_hash(network(*ip).as_bytes()));
            rules.push(rule(key, HOUR, self.per_ip, |until| Refusal::TooManyForIp { until }));
        }
        if let Some(phone) = phone {
            let block = phone.block();
            rules
                .push(rule(format!("block#{block}"), HOUR, self.per_block, |until| Refusal::TooManyForBlock { until }));
            rules
                .push(rule(never_entered(phone), DAY, self.never_entered, |until| Refusal::BlockNeverEnters { until }));
            let key = format!("country#{}", phone.country().unwrap_or_default());
            rules.push(rule(key, HOUR, self.per_country, |until| Refusal::TooManyForCountry { until }));
        }
        rules
    }
}

/// The window of a block's sends since one of its codes was entered last.
pub(super) fn never_entered(phone: &PhoneNumber) -> String {
    format!("never-entered#{}", phone.block())
}

pub(super) fn rule(key: String, seconds: i64, most: u32, refusal: fn(Timestamp) -> Refusal) -> WindowRule {
    WindowRule { key, seconds, most, refusal }
}

/// Who has one address of an IPv6 network has all of them: the network counts (RFC 4291: 64 bits).
pub(crate) fn network(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

fn rate(name: &'static str, default: u32) -> Result<u32, Invalid> {
    match optional(name, "").as_str() {
        "" => Ok(default),
        text => text.parse().map_err(|_| Invalid(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::tests::test_seal;

    fn phone(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text, "US").unwrap()
    }

    fn admits(text: &str, channel: Channel) -> Result<(), Refusal> {
        Guard::default().admits(&phone(text), channel)
    }

    #[test]
    fn codes_go_to_countries_we_serve_and_nowhere_else() {
        for number in ["+14155552671", "+447911123456", "+4915112345678", "+1234567890"] {
            assert_eq!(admits(number, Channel::Sms), Ok(()), "{number}");
        }
        // Cuba, Somalia, Tajikistan; and the Caribbean under North America's calling code.
        for number in ["+5351234567", "+252612345678", "+992917123456", "+18763123456"] {
            assert_eq!(admits(number, Channel::Sms), Err(Refusal::CountryNotAllowed), "{number}");
        }
        let everywhere = Guard { countries: Countries::All, ..Guard::default() };
        assert_eq!(everywhere.admits(&phone("+5351234567"), Channel::Sms), Ok(()));
    }

    #[test]
    fn codes_go_to_lines_on_which_people_read_or_hear_them() {
        for (number, line) in [
            ("+449098790123", Line::Premium),
            ("+19002345678", Line::Premium),
            ("+448001111111", Line::TollFree),
            ("+447012345678", Line::Personal),
        ] {
            for channel in [Channel::Sms, Channel::Whatsapp, Channel::Voice] {
                assert_eq!(admits(number, channel), Err(Refusal::LineNotAllowed(line)), "{number}");
            }
        }
        assert_eq!(admits("+442079460018", Channel::Sms), Err(Refusal::LineNotAllowed(Line::Landline)));
        assert_eq!(admits("+442079460018", Channel::Voice), Ok(()));
        assert_eq!(admits("+15005550006", Channel::Sms), Ok(()));
    }

    #[test]
    fn windows_go_from_narrow_to_wide_and_hold_no_address() {
        let (purpose, number, person) = (Purpose::two_factor(), phone("+14155552671"), PersonId::text("7").unwrap());
        let sending = Sending {
            address: "FINGERPRINT",
            purpose: &purpose,
            phone: Some(&number),
            person: Some(&person),
            ip: Some("192.0.2.7".parse().unwrap()),
        };
        let rules = Guard::default().windows(&sending, &test_seal());
        let names: Vec<&str> = rules.iter().map(|rule| (rule.refusal)(Timestamp::UNIX_EPOCH).into()).collect();
        assert_eq!(
            names,
            [
                "too_many_sends",
                "too_many_for_address",
                "too_many_for_person",
                "too_many_for_ip",
                "too_many_for_block",
                "block_never_enters",
                "too_many_for_country"
            ]
        );
        assert!(rules.iter().all(|rule| !rule.key.contains("2671") && !rule.key.contains("192.0.2.7")), "{rules:?}");
        let bare = Sending { phone: None, person: None, ip: None, ..sending };
        assert_eq!(Guard::default().windows(&bare, &test_seal()).len(), 2);
    }

    #[test]
    fn one_network_is_one_network_however_it_is_written() {
        let same = |a: &str, b: &str| network(a.parse().unwrap()) == network(b.parse().unwrap());
        assert!(same("2001:db8:1:2:3:4:5:6", "2001:db8:1:2:ffff::1"));
        assert!(!same("2001:db8:1:2::1", "2001:db8:1:3::1"));
        assert!(same("::ffff:192.0.2.7", "192.0.2.7") && !same("192.0.2.7", "192.0.2.8"));
    }
}
