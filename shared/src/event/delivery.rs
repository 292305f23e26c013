//! One event on its way to one subscriber.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};
use uuid::{Builder, Uuid};

use super::{EventType, SubscriberId};
use crate::clock::from_millis;
use crate::message::{IdKey, MessageId};

/// The pauses before the second to the tenth try, in seconds: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h. Source:
/// the Standard Webhooks specification, §"Deliverability and reliability".
const PAUSES: [i64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// By how much of itself a pause may be longer, so that what failed together does not come back together.
const JITTER_PERCENT: i64 = 10;
/// What is not tried waits for this part of its age, at most an hour, in milliseconds.
const WAITS_PART: i64 = 4;
const LONGEST_WAIT: i64 = 3_600_000;
/// Over how many partitions a subscriber's deliveries are spread: a partition takes a thousand writes a second.
pub const SPREAD: u8 = 64;
/// How many tries are kept, the latest ones: twice what one schedule has.
const TRIES_KEPT: usize = 20;
/// What a try ended with whose worker died.
const INTERRUPTED: &str = "interrupted";

/// The id of a delivery, and the `webhook-id` of every try of it. It begins with the event's time, so that ids sort by
/// it, and ends with a keyed hash of subscriber, message and type, so that an event seen twice makes the same id (UUIDv8, RFC
/// 9562 §5.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Uuid, example = "019f6a2b-1c3d-8e4f-9a0b-1c2d3e4f5a6b")]
pub struct DeliveryId(Uuid);

impl DeliveryId {
    /// Of an event of a message.
    pub fn of(ids: &IdKey, subscriber: SubscriberId, message: MessageId, kind: EventType, at: Timestamp) -> Self {
        Self::made(ids, at, &format!("{subscriber} {message} {kind}"))
    }

    /// Of a test: one of its own each time.
    pub fn of_test(ids: &IdKey, subscriber: SubscriberId, now: Timestamp) -> Self {
        Self::made(ids, now, &format!("{subscriber} {} {}", Uuid::new_v4(), EventType::Test))
    }

    fn made(ids: &IdKey, at: Timestamp, name: &str) -> Self {
        let tag = ids.tag("delivery", &[name.as_bytes()]);
        let mut bytes = [0; 16];
        let millis = u64::try_from(at.as_millisecond()).unwrap_or(0).to_be_bytes();
        bytes[..6].copy_from_slice(&millis[2..]);
        bytes[6..].copy_from_slice(&tag[..10]);
        Self(Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// Which of its subscriber's partitions it is in.
    pub fn partition(&self) -> u8 {
        self.0.as_bytes()[15] % SPREAD
    }

    /// Which of `parts` it is in, evenly, whatever its subscriber and its partition.
    pub fn spread(&self, parts: u32) -> u32 {
        let [.., a, b, c, d, _] = *self.0.as_bytes();
        u32::from_be_bytes([a, b, c, d]) % parts.max(1)
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for DeliveryId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

/// Where a delivery is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString, IntoStaticStr, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum DeliveryState {
    /// Waits for its first or next try.
    Pending,
    /// The subscriber took it: it answered 2xx.
    Delivered,
    /// It is not tried any more.
    Failed,
}

impl DeliveryState {
    /// Its stored and spoken name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Why a delivery is not tried any more, though it might be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Dropped {
    /// The webhook was disabled meanwhile.
    WebhookDisabled,
    /// The webhook was removed meanwhile.
    WebhookRemoved,
    /// The webhook wants no events of this type any more.
    EventUnsubscribed,
}

impl Dropped {
    /// Its stored and spoken name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A delivery.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    pub id: DeliveryId,
    pub subscriber: SubscriberId,
    pub kind: EventType,
    /// The message it tells of; none in a test.
    pub message: Option<MessageId>,
    /// What is told, but for [whose message it is](super::payload::with_person).
    pub body: String,
    pub state: DeliveryState,
    /// How often it was tried in all.
    pub attempts: u32,
    /// How often since it was made or last replayed: where in the schedule it is.
    pub tries: u32,
    /// It is not tried before.
    pub not_before: Option<Timestamp>,
    /// Until when a worker has it.
    pub lease: Option<Timestamp>,
    /// When the sweep looks at it.
    pub due: Option<Timestamp>,
    /// How its tries ended, the latest last.
    pub tried: Vec<Outcome>,
    /// Why it failed without another try.
    pub dropped: Option<Dropped>,
    pub created: Timestamp,
    pub replayed: Option<Timestamp>,
}

/// How a try ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Which try it was, from 1.
    pub attempt: u32,
    #[serde(with = "crate::clock::millis")]
    pub at: Timestamp,
    /// The HTTP status of the answer, if one came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// What was wrong, in one word: `timeout`, `no_connection`, `address_not_allowed`, `status` …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Delivery {
    /// A delivery of an event, made now.
    pub fn new(
        id: DeliveryId,
        subscriber: SubscriberId,
        kind: EventType,
        message: Option<MessageId>,
        body: String,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            subscriber,
            kind,
            message,
            body,
            state: DeliveryState::Pending,
            attempts: 0,
            tries: 0,
            not_before: None,
            lease: None,
            due: None,
            tried: Vec::new(),
            dropped: None,
            created: now,
            replayed: None,
        }
    }

    /// Whether somebody asked for this very delivery: a test, or one that is sent again.
    pub fn is_asked_for(&self) -> bool {
        self.kind == EventType::Test || self.replayed.is_some()
    }

    /// Its tries with one more. Of very many the first ones are forgotten.
    pub fn tried_with(&self, outcome: &Outcome) -> Vec<Outcome> {
        let mut tried = self.tried.clone();
        tried.push(outcome.clone());
        tried.drain(..tried.len().saturating_sub(TRIES_KEPT));
        tried
    }

    /// Its tries as far as they are known: one that was begun and never recorded was its worker's last.
    pub fn tried_so_far(&self) -> Vec<Outcome> {
        let recorded = self.tried.last().map_or(0, |outcome| outcome.attempt);
        match self.lease {
            Some(at) if recorded < self.attempts => {
                let error = Some(INTERRUPTED.to_owned());
                self.tried_with(&Outcome { attempt: self.attempts, at, code: None, error })
            }
            Some(_) | None => self.tried.clone(),
        }
    }

    /// When one is looked at again that was not tried, and is not to be before `until`. The longer it is under way, the rarer:
    /// what waits for a subscriber that is down for days is more with every hour. Once that one is well again, it comes at
    /// most this much of its age later, or an hour. The pauses between tries are what they were, or longer.
    pub fn waits_until(&self, until: Timestamp, now: Timestamp) -> Timestamp {
        let asked = until.as_millisecond().saturating_sub(now.as_millisecond());
        let age = now.as_millisecond().saturating_sub(self.replayed.unwrap_or(self.created).as_millisecond());
        let pause = asked.max((age / WAITS_PART).min(LONGEST_WAIT));
        // Spread by the id, in 256 steps, so that what was put off together does not come back together.
        let spread = pause / WAITS_PART * i64::from(self.id.0.as_bytes()[14]) / 255;
        from_millis(now.as_millisecond().saturating_add(pause + spread))
    }

    /// When it is tried again after its present try failed; `None`: that was the last one. `asked`: what the subscriber's
    /// `Retry-After` said.
    pub fn next_try(&self, asked: Option<Duration>, now: Timestamp) -> Option<Timestamp> {
        let step = usize::try_from(self.tries.checked_sub(1)?).ok()?;
        let pause = PAUSES.get(step)? * 1_000;
        // The same id and try give the same pause: no dice, and yet no two deliveries the same.
        let seed = digest(&SHA256, format!("{} {}", self.id, self.tries).as_bytes());
        let jitter = pause * JITTER_PERCENT / 100 * i64::from(seed.as_ref()[0]) / 255;
        let asked = asked.map_or(0, |asked| i64::try_from(asked.as_millis()).unwrap_or(i64::MAX));
        Some(from_millis(now.as_millisecond().saturating_add((pause + jitter).max(asked))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{sample_id, sample_ids};

    fn id(n: u32, kind: EventType, at: i64) -> DeliveryId {
        let subscriber = "0192f5e4-7c3a-7c5e-8f53-0a6f6f0c2d11".parse().unwrap();
        DeliveryId::of(&sample_ids(), subscriber, sample_id(&n.to_string()), kind, from_millis(at))
    }

    #[test]
    fn an_event_seen_twice_is_one_delivery() {
        let at = 1_795_255_200_000;
        assert_eq!(id(1, EventType::Sent, at), id(1, EventType::Sent, at));
        assert_ne!(id(1, EventType::Sent, at), id(1, EventType::Delivered, at));
        assert_ne!(id(1, EventType::Sent, at), id(2, EventType::Sent, at));
        let other =
            DeliveryId::of(&sample_ids(), SubscriberId::new(), sample_id("1"), EventType::Sent, from_millis(at));
        assert_ne!(id(1, EventType::Sent, at), other);
    }

    #[test]
    fn ids_sort_by_time_and_fill_every_partition() {
        let mut ids: Vec<DeliveryId> =
            (0..1_000).map(|n| id(n, EventType::Sent, 1_795_255_200_000 + i64::from(n))).collect();
        let by_text: Vec<String> = ids.iter().map(ToString::to_string).collect();
        assert!(by_text.is_sorted());
        ids.sort_by_key(DeliveryId::partition);
        ids.dedup_by_key(|id| id.partition());
        assert_eq!(ids.len(), usize::from(SPREAD));
    }

    #[test]
    fn it_is_tried_ten_times_over_three_days() {
        let now = Timestamp::UNIX_EPOCH;
        let subscriber = SubscriberId::new();
        let mut delivery =
            Delivery::new(id(1, EventType::Sent, 0), subscriber, EventType::Sent, None, String::new(), now);
        let mut at = now;
        let mut tries = 1;
        loop {
            delivery.tries = tries;
            let Some(next) = delivery.next_try(None, at) else { break };
            let pause = (next.as_millisecond() - at.as_millisecond()) / 1_000;
            let planned = PAUSES[usize::try_from(tries).unwrap() - 1];
            assert!((planned..=planned + planned / 10).contains(&pause), "try {tries}: {pause}");
            (at, tries) = (next, tries + 1);
        }
        assert_eq!(tries, 10);
        let hours = at.as_second() / 3_600;
        assert!((75..84).contains(&hours), "{hours}");
    }

    #[test]
    fn every_try_is_kept_also_the_one_whose_worker_died_and_never_too_many() {
        let now = Timestamp::UNIX_EPOCH;
        let mut delivery =
            Delivery::new(id(1, EventType::Sent, 0), SubscriberId::new(), EventType::Sent, None, String::new(), now);
        assert_eq!(delivery.tried_so_far(), [], "nobody has tried it");
        delivery.attempts = 1;
        delivery.lease = Some(from_millis(30_000));
        let tried = delivery.tried_so_far();
        assert_eq!((tried.len(), tried[0].attempt, tried[0].error.as_deref()), (1, 1, Some("interrupted")));
        delivery.tried = tried;
        assert_eq!(delivery.tried_so_far().len(), 1, "it was recorded");
        for attempt in 2..=25 {
            delivery.tried = delivery.tried_with(&Outcome { attempt, at: now, code: Some(500), error: None });
        }
        let kept: Vec<u32> = delivery.tried.iter().map(|outcome| outcome.attempt).collect();
        assert_eq!(kept, (6..=25).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_put_off_comes_back_when_it_may_and_ever_rarer() {
        let now = from_millis(1_795_255_200_000);
        let made =
            Delivery::new(id(1, EventType::Sent, 0), SubscriberId::new(), EventType::Sent, None, String::new(), now);
        let pause = |age: i64, asked: i64| {
            let delivery = Delivery { created: crate::clock::plus_seconds(now, -age), ..made.clone() };
            delivery.waits_until(crate::clock::plus_seconds(now, asked), now).as_second() - now.as_second()
        };
        for (age, asked, least) in
            [(0, 60, 60), (0, 5, 5), (240, 30, 60), (3_600, 60, 900), (14_400, 60, 3_600), (400_000, 60, 3_600)]
        {
            let pause = pause(age, asked);
            assert!((least..=least + least / 4).contains(&pause), "{age} s old, {asked} s: {pause} s");
        }
        assert!(pause(0, 7_200) >= 7_200, "never before it may");
        let replayed = Delivery { created: from_millis(0), replayed: Some(now), ..made.clone() };
        assert!(replayed.waits_until(crate::clock::plus_seconds(now, 60), now).as_second() <= now.as_second() + 75);
    }

    #[test]
    fn a_subscriber_that_asks_for_more_time_gets_it() {
        let now = Timestamp::UNIX_EPOCH;
        let mut delivery =
            Delivery::new(id(1, EventType::Sent, 0), SubscriberId::new(), EventType::Sent, None, String::new(), now);
        delivery.tries = 1;
        let at = delivery.next_try(Some(Duration::from_secs(120)), now).unwrap();
        assert_eq!(at, from_millis(120_000));
        delivery.tries = 3;
        assert!(delivery.next_try(Some(Duration::from_secs(120)), now).unwrap() >= from_millis(1_800_000));
    }
}
