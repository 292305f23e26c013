//! Time is injected: everything that asks for "now" holds a [`Clock`], so a test decides what time it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

/// Where "now" comes from. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still at `at` until it is [moved](Clock::advance). For tests.
    pub fn fixed(at: Timestamp) -> Self {
        Self(Some(Arc::new(AtomicI64::new(at.as_millisecond()))))
    }

    /// The time now, UTC, to the millisecond (what the tables hold).
    pub fn now(&self) -> Timestamp {
        let milliseconds = match &self.0 {
            None => Timestamp::now().as_millisecond(),
            Some(fixed) => fixed.load(Ordering::SeqCst),
        };
        from_millis(milliseconds)
    }

    /// Moves a fixed clock forward by `milliseconds`; the system clock moves by itself.
    pub fn advance(&self, milliseconds: i64) {
        if let Some(fixed) = &self.0 {
            fixed.fetch_add(milliseconds, Ordering::SeqCst);
        }
    }
}

/// A timestamp from epoch microseconds; out-of-range values saturate.
pub fn from_micros(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(microseconds).unwrap_or(if microseconds < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// A timestamp from epoch milliseconds; out-of-range values saturate.
pub fn from_millis(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(if milliseconds < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// `at` plus whole seconds, saturating at the ends of time.
pub fn plus_seconds(at: Timestamp, seconds: i64) -> Timestamp {
    from_millis(at.as_millisecond().saturating_add(seconds.saturating_mul(1000)))
}

/// Whole seconds from `now` until then, rounded up: nobody should come back too early.
pub fn seconds_until(until: Timestamp, now: Timestamp) -> i64 {
    let milliseconds = until.as_millisecond() - now.as_millisecond();
    if milliseconds <= 0 { 0 } else { (milliseconds + 999) / 1_000 }
}

/// The latest that something can have happened of which only the second is told, and which is known at `known`. The
/// earliest would do worse: an answer would seem older than its question.
pub fn latest_in_second(second: Timestamp, known: Timestamp) -> Timestamp {
    from_millis(second.as_millisecond().saturating_add(999)).min(known.max(second))
}

/// Serde form of a time in the tables: epoch milliseconds, a number.
pub mod millis {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(at.as_millisecond())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(deserializer).map(super::from_millis)
    }

    /// The same for a time that may be absent.
    pub mod option {
        use jiff::Timestamp;
        use serde::{Deserialize, Deserializer, Serializer};

        pub fn serialize<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
            match at {
                Some(at) => serializer.serialize_some(&at.as_millisecond()),
                None => serializer.serialize_none(),
            }
        }

        pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
            Ok(Option::<i64>::deserialize(deserializer)?.map(super::super::from_millis))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_in_a_second_happened_before_it_was_known() {
        let at = from_millis;
        assert_eq!(latest_in_second(at(5_000), at(60_000)), at(5_999));
        assert_eq!(latest_in_second(at(5_000), at(5_400)), at(5_400));
        // Their clock is ahead of ours.
        assert_eq!(latest_in_second(at(5_000), at(4_000)), at(5_000));
    }
}
