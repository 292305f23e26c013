//! Destination rules: which countries messages and calls go to, and which kinds of line. They hold for every channel that
//! reaches a phone, for every class, at accept and again before every provider call.

use std::collections::BTreeSet;

use crate::config::{Invalid, optional};
use crate::message::line::Line;
use crate::message::{Address, PhoneNumber};

/// The rule's name in decisions.
pub const RULE: &str = "destination";
/// Why a message is refused whose recipient is in a country that is not served.
pub const COUNTRY_NOT_ALLOWED: &str = "country_not_allowed";
/// Why a message is refused to a kind of line whose owner is paid for what reaches it, or that takes no messages.
pub const LINE_NOT_ALLOWED: &str = "line_not_allowed";

/// A list of countries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Countries {
    All,
    Only(BTreeSet<String>),
}

impl Countries {
    /// Parses ISO 3166 alpha-2 codes separated by commas, or `*` for all.
    pub fn parse(text: &str) -> Option<Self> {
        if text.trim() == "*" {
            return Some(Self::All);
        }
        let code = |code: &str| {
            let code = code.trim().to_uppercase();
            (code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase())).then_some(code)
        };
        text.split(',').map(code).collect::<Option<_>>().map(Self::Only)
    }

    /// Whether a number's country is one of them.
    pub fn contain(&self, phone: &PhoneNumber) -> bool {
        match self {
            Self::All => true,
            Self::Only(countries) => phone.country().is_some_and(|country| countries.contains(&country)),
        }
    }
}

/// The destinations of one deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destinations {
    countries: Countries,
    /// Kinds of line that are served though they usually are not.
    lines: BTreeSet<Line>,
}

impl Default for Destinations {
    fn default() -> Self {
        Self { countries: Countries::All, lines: BTreeSet::new() }
    }
}

impl Destinations {
    /// Reads `SEND_COUNTRIES` (ISO 3166 codes with commas, or `*`) and `SEND_LINES` (`toll_free`, `premium` … with commas).
    pub fn from_env() -> Result<Self, Invalid> {
        let countries = Countries::parse(&optional("SEND_COUNTRIES", "*")).ok_or(Invalid("SEND_COUNTRIES"))?;
        let lines = optional("SEND_LINES", "");
        let lines = lines.split(',').map(str::trim).filter(|line| !line.is_empty()).map(str::parse);
        let lines = lines.collect::<Result<_, _>>().map_err(|_| Invalid("SEND_LINES"))?;
        Ok(Self { countries, lines })
    }

    /// Returns why nothing may be sent to an address, if so.
    pub fn refusal(&self, to: &Address) -> Option<&'static str> {
        let Address::Phone(phone) = to else { return None };
        if !self.countries.contain(phone) {
            return Some(COUNTRY_NOT_ALLOWED);
        }
        let line = phone.line();
        (!is_usual(line, phone) && !self.lines.contains(&line)).then_some(LINE_NOT_ALLOWED)
    }
}

/// Whether people have lines of this kind, and nobody is paid for what reaches them.
fn is_usual(line: Line, phone: &PhoneNumber) -> bool {
    match line {
        Line::Mobile | Line::Landline | Line::LandlineOrMobile | Line::Voip | Line::Unknown => true,
        // In North America they cost what others do; elsewhere they are a way to be paid for being called.
        Line::Personal => phone.as_str().starts_with("+1"),
        Line::TollFree
        | Line::Premium
        | Line::SharedCost
        | Line::Uan
        | Line::Voicemail
        | Line::Pager
        | Line::Special => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Channel;

    fn to(number: &str) -> Address {
        Address::stored(Channel::Sms, number.to_owned())
    }

    #[test]
    fn premium_and_toll_free_lines_are_refused_unless_listed() {
        let usual = Destinations::default();
        for number in ["+449098790123", "+19002345678", "+448001111111", "+447012345678", "+18005550199"] {
            assert_eq!(usual.refusal(&to(number)), Some(LINE_NOT_ALLOWED), "{number}");
        }
        for number in ["+14155552671", "+442079460018", "+4915112345678", "+15005550006"] {
            assert_eq!(usual.refusal(&to(number)), None, "{number}");
        }
        let listed = Destinations { lines: [Line::TollFree].into(), ..usual };
        assert_eq!(listed.refusal(&to("+448001111111")), None);
        assert_eq!(listed.refusal(&to("+19002345678")), Some(LINE_NOT_ALLOWED));
    }

    #[test]
    fn only_listed_countries_are_served() {
        let here = Destinations { countries: Countries::parse("us, de").unwrap(), lines: BTreeSet::new() };
        assert_eq!(here.refusal(&to("+4915112345678")), None);
        assert_eq!(here.refusal(&to("+5351234567")), Some(COUNTRY_NOT_ALLOWED));
        let mail = Address::stored(Channel::Email, "ada@example.com".to_owned());
        assert_eq!(here.refusal(&mail), None);
    }

    #[test]
    fn the_list_of_countries_is_read_or_refused() {
        assert_eq!(Countries::parse("*"), Some(Countries::All));
        assert_eq!(Countries::parse("us, de"), Some(Countries::Only(["DE".to_owned(), "US".to_owned()].into())));
        for text in ["USA", "US,", "1", "U S"] {
            assert_eq!(Countries::parse(text), None, "{text}");
        }
    }
}
