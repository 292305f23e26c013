//! When a message is put in its lane, and when the sweep looks whether it moved on.
//!
//! SQS can delay a record by 15 minutes at most. What is due within that is queued at once, with the delay; what is due
//! later waits in the table, and the sweep (every minute) queues it in time for the exact second. Either way the table
//! remembers a time to look again, so a record that never came is noticed.

use std::time::Duration;

use jiff::Timestamp;

use crate::clock::{from_millis, plus_seconds};
use crate::message::trigger::Class;
use crate::queue::LONGEST_DELAY;

/// How far ahead a message or a job can be scheduled: a year and a day.
pub const LONGEST_AHEAD_SECONDS: i64 = 366 * 86_400;

/// How long a queued message may take to be claimed before the sweep queues it again. With a sweep every minute, what was
/// stored and never queued is found within two.
const GRACE_SECONDS: i64 = 60;
/// The sweep queues a message this long before its time: more than the minute between two sweeps.
const LEAD_SECONDS: i64 = 90;
/// The longest pause between two looks at the same message in the same state.
const LONGEST_PAUSE_SECONDS: i64 = 3_600;

/// How long a message is worth trying, by its class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How many attempts may fail. One the provider turned away for being too busy is not counted.
    pub attempts: u32,
    /// How long a provider may be too busy.
    pub busy_seconds: i64,
}

impl Patience {
    /// A code is worthless after ten minutes, so that a security message is tried for no longer; marketing can wait a
    /// day. With the pauses of [`retry_at`] five attempts take about a minute, eight about half an hour.
    pub fn of(class: Class) -> Self {
        match class {
            Class::Security => Self { attempts: 5, busy_seconds: 600 },
            Class::Transactional => Self { attempts: 8, busy_seconds: 6 * 3_600 },
            Class::Marketing => Self { attempts: 6, busy_seconds: 24 * 3_600 },
        }
    }
}

/// What to do with a message that must not be sent before some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Queue it now with this delay; `None`: the sweep will.
    pub delay: Option<Duration>,
    /// When the sweep looks.
    pub due: Timestamp,
}

/// Plans for a message that may be sent from `at` on.
pub fn plan(at: Timestamp, now: Timestamp) -> Plan {
    let wait = delay(at, now);
    if wait <= LONGEST_DELAY {
        Plan { delay: Some(wait), due: plus_seconds(at.max(now), GRACE_SECONDS) }
    } else {
        Plan { delay: None, due: plus_seconds(at, -LEAD_SECONDS) }
    }
}

/// How long until `at`; nothing if it has passed.
pub fn delay(at: Timestamp, now: Timestamp) -> Duration {
    let milliseconds = at.as_millisecond().saturating_sub(now.as_millisecond());
    Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0))
}

/// The next look at a message that was queued for `at`. Each look in the same state doubles the pause: behind a long
/// queue a message is queued again a few times, not every minute.
pub fn next_look(at: Timestamp, looks: u32, now: Timestamp) -> Timestamp {
    let pause = GRACE_SECONDS.saturating_mul(1 << looks.min(16)).min(LONGEST_PAUSE_SECONDS);
    plus_seconds(at.max(now), pause)
}

/// The pause before attempt number `attempt + 1`: exponential with full jitter (AWS Architecture Blog, "Exponential
/// Backoff And Jitter"), from 2 s doubling to 10 min, never shorter than what the provider asked for.
/// `random` is uniform in 0 to 1.
pub fn retry_at(attempt: u32, asked: Option<Duration>, random: f64, now: Timestamp) -> Timestamp {
    const BASE_MS: u64 = 2_000;
    const CAP_MS: u64 = 600_000;
    let ceiling = BASE_MS.saturating_mul(1 << attempt.min(16)).min(CAP_MS);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "at most ten minutes"
    )]
    let jittered = (random.clamp(0.0, 1.0) * ceiling as f64) as u64;
    let asked = asked.map_or(0, |asked| u64::try_from(asked.as_millis()).unwrap_or(u64::MAX));
    let pause = jittered.max(asked).clamp(500, 86_400_000);
    from_millis(now.as_millisecond().saturating_add(i64::try_from(pause).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn at(seconds: i64) -> Timestamp {
        plus_seconds(NOW, seconds)
    }

    #[test]
    fn what_is_due_soon_is_queued_with_its_delay_and_looked_after() {
        assert_eq!(plan(at(0), NOW), Plan { delay: Some(Duration::ZERO), due: at(60) });
        assert_eq!(plan(at(-500), NOW), Plan { delay: Some(Duration::ZERO), due: at(60) });
        assert_eq!(plan(at(900), NOW), Plan { delay: Some(Duration::from_secs(900)), due: at(960) });
    }

    #[test]
    fn what_is_due_later_waits_for_the_sweep_before_its_time() {
        assert_eq!(plan(at(901), NOW), Plan { delay: None, due: at(811) });
    }

    #[test]
    fn looks_get_rarer() {
        let pauses: Vec<i64> = (0..8).map(|looks| next_look(NOW, looks, NOW).as_second()).collect();
        assert_eq!(pauses, [60, 120, 240, 480, 960, 1920, 3600, 3600]);
    }

    proptest! {
        #[test]
        fn a_retry_honours_the_provider_and_its_own_ceiling(attempt in 1u32..40, asked in proptest::option::of(0u64..7200), random in 0.0f64..=1.0) {
            let asked = asked.map(Duration::from_secs);
            let pause = retry_at(attempt, asked, random, NOW).as_millisecond();
            prop_assert!(pause >= asked.map_or(500, |asked| asked.as_millis() as i64));
            prop_assert!(pause <= asked.map_or(600_000, |asked| (asked.as_millis() as i64).max(600_000)));
        }
    }
}
