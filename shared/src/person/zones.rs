//! Where a person's clock hangs: the time zone they told us, else the zones their telephone number may be in.
//!
//! A number is in the zones of its area code where it has one, and in all zones of its country where it has none
//! (mobile numbers in most countries, toll-free numbers). Whoever may be in several is treated as if they were in all of
//! them. Numbers move with people, so a known zone is always better.

use std::collections::HashMap;
use std::sync::OnceLock;

use jiff::tz::TimeZone;
use phonenumber::Type;
use phonenumber::metadata::DATABASE;

use super::Person;
use crate::message::{Address, PhoneNumber};

/// One or more time zones, never none.
#[derive(Clone, Debug)]
pub struct Zones(Vec<TimeZone>);

impl Zones {
    /// Just this one.
    pub fn one(zone: TimeZone) -> Self {
        Self(vec![zone])
    }

    /// The zones a recipient may be in: their own; else those of their telephone number, also where they are written to by e-mail;
    /// else `default`.
    pub fn of(person: Option<&Person>, to: &Address, default: &TimeZone) -> Self {
        if let Some(zone) = person.and_then(|person| person.preferences.time_zone.as_deref()).and_then(time_zone) {
            return Self::one(zone);
        }
        let number = match to {
            Address::Phone(number) => Some(number),
            Address::Email(_) => person.and_then(|person| person.phone.as_ref()).map(|point| &point.address),
        };
        let zones = number.map(of_number).unwrap_or_default();
        if zones.is_empty() { Self::one(default.clone()) } else { Self(zones) }
    }

    pub fn as_slice(&self) -> &[TimeZone] {
        &self.0
    }

    /// The one whose days are counted where it has to be one: the first, in alphabetical order.
    pub fn first(&self) -> &TimeZone {
        static UTC: TimeZone = TimeZone::UTC;
        self.0.first().unwrap_or(&UTC)
    }
}

/// A zone by its IANA name (`Europe/Berlin`); abbreviations and the files beside the zones are none.
pub fn time_zone(name: &str) -> Option<TimeZone> {
    let listed = name == "UTC" || (name.contains('/') && !name.starts_with("posix/") && !name.starts_with("right/"));
    let known = listed.then(|| TimeZone::get(name).ok())??;
    (known.iana_name() == Some(name)).then_some(known)
}

/// libphonenumber's table: which zones a number may be in, by its longest prefix.
static TABLE: &str = include_str!("zones/by_prefix.txt");
/// No prefix in it is longer.
const LONGEST_PREFIX: usize = 9;

fn table() -> &'static HashMap<&'static str, &'static str> {
    static BY_PREFIX: OnceLock<HashMap<&str, &str>> = OnceLock::new();
    BY_PREFIX.get_or_init(|| {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(": "));
        lines.flat_map(|(zones, prefixes)| prefixes.split(' ').map(move |prefix| (prefix, zones))).collect()
    })
}

fn of_number(number: &PhoneNumber) -> Vec<TimeZone> {
    let digits = number.as_str().trim_start_matches('+');
    let prefix = if is_geographical(number) { digits } else { country_code(number).unwrap_or(digits) };
    let found = (1..=LONGEST_PREFIX.min(prefix.len())).rev().find_map(|length| table().get(prefix.get(..length)?));
    found.map(|zones| zones.split(' ').filter_map(|name| TimeZone::get(name).ok()).collect()).unwrap_or_default()
}

/// Whether a number's first digits tell a place (libphonenumber, `isNumberGeographical`): fixed lines do, and mobile
/// numbers in the countries where these have area codes.
fn is_geographical(number: &PhoneNumber) -> bool {
    const MOBILES_HAVE_AREA_CODES: [u16; 5] = [52, 54, 55, 62, 86];
    let Ok(parsed) = phonenumber::parse(None, number.as_str()) else { return false };
    let kind = parsed.number_type(&DATABASE);
    let mobile = matches!(kind, Type::Mobile) && MOBILES_HAVE_AREA_CODES.contains(&parsed.code().value());
    matches!(kind, Type::FixedLine | Type::FixedLineOrMobile) || mobile
}

/// A number's country calling code.
fn country_code(number: &PhoneNumber) -> Option<&str> {
    let parsed = phonenumber::parse(None, number.as_str()).ok()?;
    number.as_str().get(1..1 + parsed.code().value().to_string().len())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::message::EmailAddress;
    use crate::person::PersonId;

    fn names(zones: &[TimeZone]) -> Vec<&str> {
        zones.iter().map(|zone| zone.iana_name().unwrap()).collect()
    }

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text, "US").unwrap()
    }

    #[test]
    fn every_zone_of_the_table_is_known_and_no_prefix_is_too_long() {
        assert!(table().len() > 3_000);
        for (prefix, zones) in table() {
            assert!(prefix.len() <= LONGEST_PREFIX && prefix.bytes().all(|b| b.is_ascii_digit()), "{prefix}");
            for zone in zones.split(' ') {
                assert!(TimeZone::get(zone).is_ok(), "{zone}");
            }
        }
    }

    #[test]
    fn an_area_code_has_its_zone() {
        for (text, zones) in [
            ("+12125550123", &["America/New_York"][..]),
            ("+14155552671", &["America/Los_Angeles"]),
            ("+18085551234", &["Pacific/Honolulu"]),
            ("+16715551234", &["Pacific/Guam"]),
            ("+493012345678", &["Europe/Berlin"]),
            ("+8613812345678", &["Asia/Shanghai"]),
        ] {
            assert_eq!(names(&of_number(&number(text))), zones, "{text}");
        }
    }

    #[test]
    fn a_number_without_a_place_may_be_anywhere_in_its_country() {
        // An Australian mobile may as well be in Perth; a toll-free one anywhere its plan reaches.
        let australia = of_number(&number("+61412345678"));
        assert!(names(&australia).contains(&"Australia/Perth") && names(&australia).contains(&"Australia/Sydney"));
        let toll_free = of_number(&number("+18005551234"));
        assert!(names(&toll_free).contains(&"Pacific/Honolulu") && names(&toll_free).contains(&"America/New_York"));
    }

    #[test]
    fn what_the_person_said_comes_first_then_their_number_then_the_default() {
        let mut person = Person::new(PersonId::text("123").unwrap(), Timestamp::UNIX_EPOCH);
        let mail = Address::Email(EmailAddress::parse("a@example.com").unwrap());
        let default = TimeZone::UTC;
        assert_eq!(names(Zones::of(Some(&person), &mail, &default).as_slice()), ["UTC"]);
        person.set_phone(number("+12125550123"));
        assert_eq!(names(Zones::of(Some(&person), &mail, &default).as_slice()), ["America/New_York"]);
        person.preferences.time_zone = Some("Asia/Tokyo".to_owned());
        assert_eq!(names(Zones::of(Some(&person), &mail, &default).as_slice()), ["Asia/Tokyo"]);
        assert_eq!(names(Zones::of(None, &mail, &default).as_slice()), ["UTC"]);
    }

    #[test]
    fn a_zone_is_an_iana_name_in_its_own_spelling() {
        for name in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"] {
            assert!(time_zone(name).is_some(), "{name}");
        }
        for name in ["", "CET", "europe/berlin", "Europe/Atlantis", "posix/UTC", "../../etc/passwd", "+02:00"] {
            assert!(time_zone(name).is_none(), "{name}");
        }
    }
}
