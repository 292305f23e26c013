//! A suppressed address is not written to, whoever owns it: because it is dead, or because its owner said no to somebody
//! who told us. Every reason is a suppression of its own, so that taking one back leaves the others.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

use crate::clock::plus_seconds;
use crate::message::Channel;
use crate::message::trigger::Class;
use crate::seal::lookup::is_fingerprint;

/// Why an address must not be used on a channel, for what, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    pub channel: Channel,
    pub reason: Reason,
    pub scope: Scope,
    /// Who told us: a provider, `sms_keyword`, `unsubscribe_link`, `api`.
    pub source: String,
    #[serde(with = "crate::clock::millis")]
    pub at: Timestamp,
    /// From then on it means nothing.
    #[serde(default, with = "crate::clock::millis::option", skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// Why.
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
    EnumIter,
    EnumString,
    IntoStaticStr,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[schema(as = SuppressionReason)]
pub enum Reason {
    /// The mailbox does not exist.
    HardBounce,
    /// Its owner reported a mail as spam.
    Complaint,
    /// The number does not exist, or takes no such messages.
    InvalidNumber,
    /// Its owner unsubscribed.
    Unsubscribe,
    /// Its owner said STOP, to us or to a provider, or blocked us.
    OptOut,
    /// Somebody of ours put it on the list.
    Manual,
}

/// What it stops.
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
#[schema(as = SuppressionScope)]
pub enum Scope {
    Marketing,
    /// Everything, one-time codes and security alerts included.
    All,
}

/// How long a number that is not on WhatsApp is not tried there again: that changes when its owner installs it. What a
/// number or a mailbox itself is changes when it gets another owner, so that is asked of nobody but people.
const NOT_ON_WHATSAPP_SECONDS: i64 = 30 * 86_400;

impl Reason {
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Nobody said no: nothing can arrive there. What else may reach the person may be tried.
    pub fn is_dead_address(self) -> bool {
        match self {
            Self::HardBounce | Self::InvalidNumber => true,
            Self::Complaint | Self::Unsubscribe | Self::OptOut | Self::Manual => false,
        }
    }
}

impl Scope {
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether it stops messages of a class.
    pub fn covers(self, class: Class) -> bool {
        match self {
            Self::All => true,
            Self::Marketing => class == Class::Marketing,
        }
    }
}

impl Suppression {
    /// One that stops everything for good, but that a number's absence from WhatsApp is forgotten after a month.
    pub fn new(channel: Channel, reason: Reason, source: &str, at: Timestamp) -> Self {
        let forgotten = channel == Channel::Whatsapp && reason == Reason::InvalidNumber;
        let until = forgotten.then(|| plus_seconds(at, NOT_ON_WHATSAPP_SECONDS));
        Self { channel, reason, scope: Scope::All, source: source.to_owned(), at, until }
    }

    /// The same, for marketing only.
    #[must_use]
    pub fn of_marketing(self) -> Self {
        Self { scope: Scope::Marketing, ..self }
    }

    /// Whether it still means something.
    pub fn is_in_force(&self, at: Timestamp) -> bool {
        self.until.is_none_or(|until| at < until)
    }

    /// Whether it stops a message of this class on this channel, at this time.
    pub fn stops(&self, channel: Channel, class: Class, at: Timestamp) -> bool {
        self.channel == channel && self.scope.covers(class) && self.is_in_force(at)
    }

    /// Whether `other`, known before for the same reason, says at least as much at this time.
    pub fn is_said_by(&self, other: &Self, at: Timestamp) -> bool {
        let lasts = match (self.until, other.until) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(own), Some(known)) => own <= known,
        };
        other.is_in_force(at) && self.scope <= other.scope && lasts
    }

    /// How decisions tell it: `opt_out, all messages`.
    pub fn told(&self) -> String {
        let what = match self.scope {
            Scope::All => "all messages",
            Scope::Marketing => "marketing only",
        };
        format!("{}, {what}", self.reason.as_str())
    }
}

/// One suppression on the list. It says which address by its fingerprint: nobody can make one of it without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuppressionId {
    pub fingerprint: String,
    pub channel: Channel,
    pub reason: Reason,
}

/// What was given is no id of a suppression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the id of a suppression")]
pub struct NotASuppressionId;

impl fmt::Display for SuppressionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.fingerprint, self.channel, self.reason.as_str())
    }
}

impl FromStr for SuppressionId {
    type Err = NotASuppressionId;

    fn from_str(text: &str) -> Result<Self, NotASuppressionId> {
        let mut parts = text.split('.');
        let (Some(fingerprint), Some(channel), Some(reason), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NotASuppressionId);
        };
        match (is_fingerprint(fingerprint), channel.parse(), reason.parse()) {
            (true, Ok(channel), Ok(reason)) => Ok(Self { fingerprint: fingerprint.to_owned(), channel, reason }),
            (true | false, ..) => Err(NotASuppressionId),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn of(reason: Reason) -> Suppression {
        Suppression::new(Channel::Email, reason, "test", NOW)
    }

    #[test]
    fn a_marketing_one_stops_marketing_and_nothing_else() {
        let left = of(Reason::Unsubscribe).of_marketing();
        let stops = |suppression: &Suppression, class| suppression.stops(Channel::Email, class, NOW);
        assert!(stops(&left, Class::Marketing));
        assert!(!stops(&left, Class::Transactional) && !stops(&left, Class::Security));
        for class in [Class::Marketing, Class::Transactional, Class::Security] {
            assert!(stops(&of(Reason::Complaint), class), "{class}");
            assert!(!of(Reason::Complaint).stops(Channel::Sms, class, NOW), "another channel");
        }
    }

    #[test]
    fn an_expired_one_stops_nothing() {
        let mut passing = of(Reason::Manual);
        passing.until = Some(plus_seconds(NOW, 60));
        assert!(passing.stops(Channel::Email, Class::Security, plus_seconds(NOW, 59)));
        assert!(!passing.stops(Channel::Email, Class::Security, plus_seconds(NOW, 60)));
        let not_there = Suppression::new(Channel::Whatsapp, Reason::InvalidNumber, "twilio", NOW);
        assert_eq!(not_there.until, Some(plus_seconds(NOW, 30 * 86_400)));
        assert_eq!(Suppression::new(Channel::Sms, Reason::InvalidNumber, "twilio", NOW).until, None);
    }

    #[test]
    fn what_says_more_takes_the_place_of_what_says_less() {
        let (all, marketing) = (of(Reason::Unsubscribe), of(Reason::Unsubscribe).of_marketing());
        assert!(marketing.is_said_by(&all, NOW) && all.is_said_by(&all, NOW) && !all.is_said_by(&marketing, NOW));
        let short = Suppression { until: Some(plus_seconds(NOW, 60)), ..all.clone() };
        assert!(short.is_said_by(&all, NOW) && !all.is_said_by(&short, NOW) && short.is_said_by(&short, NOW));
        assert!(!short.is_said_by(&short, plus_seconds(NOW, 60)), "it is over");
    }

    proptest! {
        #[test]
        fn an_id_is_read_as_it_is_written(text in "\\PC{0,60}", fingerprint in "[1-9][0-9]{0,3}~[A-Za-z0-9_-]{43}", place in 0..6_usize) {
            use strum::IntoEnumIterator;
            let reason = Reason::iter().nth(place).unwrap();
            let id = SuppressionId { fingerprint, channel: Channel::Whatsapp, reason };
            prop_assert_eq!(id.to_string().parse::<SuppressionId>().unwrap(), id);
            if let Ok(id) = text.parse::<SuppressionId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
