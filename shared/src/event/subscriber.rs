//! Who is told of events.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};
use uuid::Uuid;

use super::delivery::Dropped;
use super::health::Failing;
use super::{Delivery, EventType, Secrets, Target};

/// How many there may be. Every event is matched against all of them, and each that wants it costs a row.
pub const MOST: usize = 20;
/// The longest description, in characters.
pub const LONGEST_DESCRIPTION: usize = 256;

/// A subscriber's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Uuid, example = "0192f5e4-7c3a-7c5e-8f53-0a6f6f0c2d11")]
pub struct SubscriberId(Uuid);

impl SubscriberId {
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }
}

impl Default for SubscriberId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for SubscriberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for SubscriberId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

/// Why a subscriber gets nothing.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString, IntoStaticStr, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Disabled {
    /// An administrator wants it so.
    Administrator,
    /// It answered 410: it wants no more.
    Gone,
    /// It did nothing but fail for five days.
    Failing,
}

impl Disabled {
    /// Its stored and spoken name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A subscriber.
#[derive(Clone, Debug)]
pub struct Subscriber {
    pub id: SubscriberId,
    /// Who registered it: the token's subject.
    pub maker: String,
    pub target: Target,
    pub wants: BTreeSet<EventType>,
    pub description: Option<String>,
    /// Since when it gets nothing, and why; `None`: it is enabled.
    pub disabled: Option<(Disabled, Timestamp)>,
    pub secrets: Secrets,
    /// That nothing but failures came back of late.
    pub failing: Option<Failing>,
    /// When it took something, to the hour.
    pub took: Option<Timestamp>,
    /// Nothing is tried before: it takes too little.
    pub held_until: Option<Timestamp>,
    /// It is told its events apart from the others until then: it answers slowly.
    pub apart_until: Option<Timestamp>,
    pub created: Timestamp,
    pub updated: Timestamp,
}

impl Subscriber {
    /// Whether it is to be told of events of this type.
    pub fn is_told_of(&self, kind: EventType) -> bool {
        self.disabled.is_none() && self.wants.contains(&kind)
    }

    /// Whether it is told its events apart from the others.
    pub fn is_apart(&self, now: Timestamp) -> bool {
        self.apart_until.is_some_and(|until| until > now)
    }

    /// Why a delivery to it is not tried any more. What somebody asked for needs no subscription.
    pub fn drops(&self, delivery: &Delivery) -> Option<Dropped> {
        if self.disabled.is_some() {
            Some(Dropped::WebhookDisabled)
        } else if !delivery.is_asked_for() && !self.wants.contains(&delivery.kind) {
            Some(Dropped::EventUnsubscribed)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::DeliveryId;
    use crate::testing::sample_subscriber;

    #[test]
    fn one_is_told_of_what_it_wants_while_it_is_enabled() {
        let one = sample_subscriber().unwrap();
        assert!(one.is_told_of(EventType::Sent) && !one.is_told_of(EventType::Delivered));
        let disabled = Subscriber { disabled: Some((Disabled::Failing, one.created)), ..one };
        assert!(!disabled.is_told_of(EventType::Sent));
    }

    #[test]
    fn what_it_wants_no_more_is_dropped_unless_somebody_asks_for_it() {
        let one = sample_subscriber().unwrap();
        let delivery = |kind, replayed| {
            let id = DeliveryId::of_test(&crate::testing::sample_ids(), one.id, one.created);
            Delivery { replayed, ..Delivery::new(id, one.id, kind, None, String::new(), one.created) }
        };
        let again = Some(one.created);
        assert_eq!(one.drops(&delivery(EventType::Sent, None)), None);
        assert_eq!(one.drops(&delivery(EventType::Failed, None)), Some(Dropped::EventUnsubscribed));
        assert_eq!(one.drops(&delivery(EventType::Failed, again)), None);
        assert_eq!(one.drops(&delivery(EventType::Test, None)), None);
        let disabled = Subscriber { disabled: Some((Disabled::Administrator, one.created)), ..one.clone() };
        for delivery in
            [delivery(EventType::Sent, None), delivery(EventType::Failed, again), delivery(EventType::Test, None)]
        {
            assert_eq!(disabled.drops(&delivery), Some(Dropped::WebhookDisabled), "{}", delivery.kind);
        }
    }
}
