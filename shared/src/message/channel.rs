//! The channels a message can travel on.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString};

/// One channel. A send to "both" is two messages, one on each.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    Display,
    EnumIter,
    EnumString,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Channel {
    Sms,
    Whatsapp,
    Email,
    /// A telephone call. Clients also call it `call`.
    #[serde(alias = "call")]
    #[strum(to_string = "voice", serialize = "call")]
    Voice,
}

impl Channel {
    /// Its name as the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Whatsapp => "whatsapp",
            Self::Email => "email",
            Self::Voice => "voice",
        }
    }

    /// Its address is a telephone number.
    pub fn is_telephone(self) -> bool {
        matches!(self, Self::Sms | Self::Whatsapp | Self::Voice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_two_names_and_is_stored_under_one() {
        for name in ["voice", "call"] {
            assert_eq!(name.parse::<Channel>().unwrap(), Channel::Voice);
            assert_eq!(serde_json::from_value::<Channel>(name.into()).unwrap(), Channel::Voice);
        }
        assert_eq!(Channel::Voice.to_string(), "voice");
        assert_eq!(serde_json::to_value(Channel::Voice).unwrap(), "voice");
    }
}
