//! Which events there are.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoEnumIterator, IntoStaticStr};

use crate::message::Status;

/// What an event tells. Events of messages that carry a one-time code are never made.
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
    EnumIter,
    IntoStaticStr,
    utoipa::ToSchema,
)]
pub enum EventType {
    /// The provider has it. Not told where it was delivered before that was known.
    #[serde(rename = "message.sent")]
    #[strum(serialize = "message.sent")]
    Sent,
    /// The provider says it arrived.
    #[serde(rename = "message.delivered")]
    #[strum(serialize = "message.delivered")]
    Delivered,
    /// The provider says it did not arrive.
    #[serde(rename = "message.undelivered")]
    #[strum(serialize = "message.undelivered")]
    Undelivered,
    /// It ended without reaching the provider, or was refused by it.
    #[serde(rename = "message.failed")]
    #[strum(serialize = "message.failed")]
    Failed,
    /// The decision said no.
    #[serde(rename = "message.blocked")]
    #[strum(serialize = "message.blocked")]
    Blocked,
    /// Its time ran out.
    #[serde(rename = "message.expired")]
    #[strum(serialize = "message.expired")]
    Expired,
    /// It was cancelled before it was sent.
    #[serde(rename = "message.cancelled")]
    #[strum(serialize = "message.cancelled")]
    Cancelled,
    /// Somebody wrote to us, and it was attended to: it is known whose it is, and their wish is heeded.
    #[serde(rename = "message.received")]
    #[strum(serialize = "message.received")]
    Received,
    /// An administrator wants to see one arrive. Nobody subscribes to it.
    #[serde(rename = "webhook.test")]
    #[strum(serialize = "webhook.test")]
    Test,
}

impl EventType {
    /// Its spoken and stored name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The event of a message that came to this status; `None`: a step between, of which nothing is told.
    pub fn of(status: Status) -> Option<Self> {
        match status {
            Status::Sent => Some(Self::Sent),
            Status::Delivered => Some(Self::Delivered),
            Status::Undelivered => Some(Self::Undelivered),
            Status::Failed => Some(Self::Failed),
            Status::Blocked => Some(Self::Blocked),
            Status::Expired => Some(Self::Expired),
            Status::Cancelled => Some(Self::Cancelled),
            Status::Received => Some(Self::Received),
            Status::Accepted
            | Status::Scheduled
            | Status::Held
            | Status::Sending
            | Status::Uncertain
            | Status::Retrying => None,
        }
    }

    /// What one can subscribe to.
    pub fn subscribable() -> impl Iterator<Item = Self> {
        Self::iter().filter(|kind| *kind != Self::Test)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message never comes to one of these twice, so its id and the type name one event.
    #[test]
    fn what_is_told_is_where_a_message_stays_or_was_taken_over() {
        for status in Status::iter() {
            assert_eq!(EventType::of(status).is_some(), status.is_final() || status == Status::Sent, "{status}");
        }
    }

    #[test]
    fn a_type_is_spelled_the_same_everywhere() {
        for kind in EventType::iter() {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!(kind.as_str().parse::<EventType>().unwrap(), kind);
        }
        assert!(EventType::subscribable().all(|kind| kind.as_str().starts_with("message.")));
    }
}
