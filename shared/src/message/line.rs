//! What the numbering plans say of a phone number: where it is, and what kind of line it is. Source: libphonenumber's
//! metadata, which the `phonenumber` crate carries. Whether the line exists only a lookup or a message can tell.

use phonenumber::metadata::DATABASE;
use phonenumber::{Mode, Type};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};

use super::PhoneNumber;

/// A kind of line.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Line {
    Mobile,
    Landline,
    /// The plan does not tell the two apart, as in North America.
    LandlineOrMobile,
    Voip,
    Personal,
    TollFree,
    Premium,
    SharedCost,
    /// A company's own number (universal access).
    Uan,
    Voicemail,
    Pager,
    /// Short codes, emergency numbers and such.
    Special,
    Unknown,
}

/// What the numbering plans say of a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    pub line: Line,
    /// It is a number its country's plan has.
    pub is_valid: bool,
    /// The calling code of its country, for example 44.
    pub calling_code: u16,
    /// As it is written within its country.
    pub national: String,
    /// As it is written everywhere.
    pub international: String,
}

impl Line {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl PhoneNumber {
    /// What the numbering plans say of it. `None` only for what was never parsed.
    pub fn facts(&self) -> Option<Facts> {
        let number = phonenumber::parse(None, self.as_str()).ok()?;
        Some(Facts {
            line: line(number.number_type(&DATABASE)),
            is_valid: number.is_valid(),
            calling_code: number.code().value(),
            national: number.format().mode(Mode::National).to_string(),
            international: number.format().mode(Mode::International).to_string(),
        })
    }

    /// What kind of line it is.
    pub fn line(&self) -> Line {
        self.facts().map_or(Line::Unknown, |facts| facts.line)
    }

    /// The block it is in: all but its last four digits. Carriers hand out numbers, and fraudsters rent them, in blocks.
    pub fn block(&self) -> &str {
        let text = self.as_str();
        text.get(..text.len().saturating_sub(4)).unwrap_or_default()
    }
}

fn line(kind: Type) -> Line {
    match kind {
        Type::FixedLine => Line::Landline,
        Type::Mobile => Line::Mobile,
        Type::FixedLineOrMobile => Line::LandlineOrMobile,
        Type::TollFree => Line::TollFree,
        Type::PremiumRate => Line::Premium,
        Type::SharedCost => Line::SharedCost,
        Type::PersonalNumber => Line::Personal,
        Type::Voip => Line::Voip,
        Type::Pager => Line::Pager,
        Type::Uan => Line::Uan,
        Type::Voicemail => Line::Voicemail,
        Type::Emergency | Type::ShortCode | Type::StandardRate | Type::Carrier | Type::NoInternational => Line::Special,
        Type::Unknown => Line::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Line {
        PhoneNumber::parse(text, "US").unwrap().line()
    }

    #[test]
    fn lines_are_told_apart_where_the_plan_does() {
        assert_eq!(of("+14155552671"), Line::LandlineOrMobile);
        assert_eq!(of("+447911123456"), Line::Mobile);
        assert_eq!(of("+442079460018"), Line::Landline);
        assert_eq!(of("+449098790123"), Line::Premium);
        assert_eq!(of("+448001111111"), Line::TollFree);
        assert_eq!(of("+19002345678"), Line::Premium);
        assert_eq!(of("+4915112345678"), Line::Mobile);
        assert_eq!(of("+1234567890"), Line::Unknown, "no plan has it");
    }

    #[test]
    fn facts_are_of_the_whole_number() {
        let facts = PhoneNumber::parse("+442079460018", "US").unwrap().facts().unwrap();
        assert!(facts.is_valid);
        assert_eq!((facts.calling_code, facts.national.as_str()), (44, "020 7946 0018"));
        assert_eq!(facts.international, "+44 20 7946 0018");
    }

    #[test]
    fn a_block_is_a_number_without_its_end() {
        assert_eq!(PhoneNumber::parse("+14155552671", "US").unwrap().block(), "+1415555");
    }
}
