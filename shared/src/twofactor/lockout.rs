//! Lockout: failed checks of a person are counted over all their codes. Every fifth in a row locks: a minute at first,
//! then twice as long each time, up to an hour. A check that passes ends it, and so does a day without a failure.
//!
//! A check is counted before anything is compared, and the fifth locks before it is: of any number at the same moment no
//! more than five are looked at, and a worker that dies in between leaves the count too high, never too low.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::plus_seconds;

/// How many failed checks in a row lock.
pub const FAILURES: u32 = 5;
/// How long the first lock lasts, and the longest, in seconds.
pub const FIRST_SECONDS: i64 = 60;
pub const LONGEST_SECONDS: i64 = 3_600;
/// How long failures are remembered after the last one, in seconds.
pub const REMEMBERED_SECONDS: i64 = 86_400;

/// A person's failures. They exist for whoever is asked about, known or not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// Checks since the last lock that did not pass (yet).
    pub failures: u32,
    /// Locks in a row: the next one lasts accordingly.
    pub rounds: u32,
    /// Locks there were at all. Codes belong to an epoch: after a lock there are others.
    pub epoch: u32,
    #[serde(with = "crate::clock::millis::option")]
    pub until: Option<Timestamp>,
    #[serde(with = "crate::clock::millis::option")]
    pub forgotten: Option<Timestamp>,
}

/// A check that may be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Try {
    /// The epoch its code is of.
    pub epoch: u32,
    /// How many more there are before a lock, should it fail.
    pub left: u32,
    /// Until when the person is locked, should it fail.
    pub locks: Option<Timestamp>,
}

/// Nothing is looked at before then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locked {
    pub until: Timestamp,
}

/// How long a lock lasts after so many in a row.
pub fn seconds(rounds: u32) -> i64 {
    // 60 s, six times doubled, is more than an hour already.
    (FIRST_SECONDS << rounds.min(6)).min(LONGEST_SECONDS)
}

impl Lock {
    /// As of now: what was long ago is forgotten.
    fn as_of(&self, now: Timestamp) -> Self {
        if self.forgotten.is_some_and(|at| at <= now) { Self::default() } else { self.clone() }
    }

    /// The epoch codes are of now, unless the person is locked.
    pub fn epoch(&self, now: Timestamp) -> Result<u32, Locked> {
        let lock = self.as_of(now);
        match lock.until.filter(|until| *until > now) {
            Some(until) => Err(Locked { until }),
            None => Ok(lock.epoch),
        }
    }

    /// Counts a check that is about to be made.
    pub fn attempt(&self, now: Timestamp) -> Result<(Self, Try), Locked> {
        let epoch = self.epoch(now)?;
        let mut lock = self.as_of(now);
        lock.forgotten = Some(plus_seconds(now, REMEMBERED_SECONDS));
        lock.until = None;
        lock.failures += 1;
        let left = FAILURES.saturating_sub(lock.failures);
        if left == 0 {
            lock.until = Some(plus_seconds(now, seconds(lock.rounds)));
            lock.failures = 0;
            lock.rounds = lock.rounds.saturating_add(1);
            lock.epoch = lock.epoch.saturating_add(1);
        }
        let locks = lock.until;
        Ok((lock, Try { epoch, left, locks }))
    }

    /// After a check that passed. The epoch stays: an older one may have a challenge that is used up.
    pub fn passed(&self) -> Self {
        Self { failures: 0, rounds: 0, until: None, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    const MINUTE: i64 = 60_000;

    fn fail(lock: &mut Lock, clock: &Clock) -> Result<Try, Locked> {
        let (next, tried) = lock.attempt(clock.now())?;
        *lock = next;
        Ok(tried)
    }

    #[test]
    fn the_fifth_failure_locks_for_a_minute_then_for_twice_as_long_up_to_an_hour() {
        let (mut lock, clock) = (Lock::default(), Clock::fixed(crate::clock::from_millis(1_000)));
        for (round, minutes) in [1, 2, 4, 8, 16, 32, 60, 60, 60].into_iter().enumerate() {
            for left in [4, 3, 2, 1] {
                let tried = Try { epoch: u32::try_from(round).unwrap(), left, locks: None };
                assert_eq!(fail(&mut lock, &clock), Ok(tried), "round {round}");
            }
            let until = plus_seconds(clock.now(), minutes * 60);
            let fifth = fail(&mut lock, &clock).unwrap();
            assert_eq!((fifth.left, fifth.locks), (0, Some(until)), "round {round}");
            assert_eq!(fail(&mut lock, &clock), Err(Locked { until }));
            clock.advance(minutes * MINUTE - 1);
            assert_eq!(fail(&mut lock, &clock), Err(Locked { until }), "to the last millisecond");
            assert_eq!(lock.epoch(clock.now()), Err(Locked { until }));
            clock.advance(1);
        }
        assert_eq!(lock.epoch(clock.now()), Ok(9));
    }

    #[test]
    fn a_check_that_passes_begins_anew_but_for_the_epoch() {
        let (mut lock, clock) = (Lock::default(), Clock::fixed(crate::clock::from_millis(0)));
        for _ in 0..5 {
            fail(&mut lock, &clock).unwrap();
        }
        clock.advance(MINUTE);
        assert_eq!(fail(&mut lock, &clock).unwrap(), Try { epoch: 1, left: 4, locks: None });
        lock = lock.passed();
        for _ in 0..4 {
            fail(&mut lock, &clock).unwrap();
        }
        let fifth = fail(&mut lock, &clock).unwrap();
        assert_eq!(fifth, Try { epoch: 1, left: 0, locks: Some(plus_seconds(clock.now(), 60)) }, "a minute again");
        // The fifth was counted before it was compared, and it was right.
        assert_eq!(lock.passed().epoch(clock.now()), Ok(2));
    }

    #[test]
    fn a_day_without_a_failure_forgets() {
        let (mut lock, clock) = (Lock::default(), Clock::fixed(crate::clock::from_millis(0)));
        for _ in 0..4 {
            fail(&mut lock, &clock).unwrap();
        }
        clock.advance(24 * 60 * MINUTE - 1);
        assert_eq!(lock.attempt(clock.now()).unwrap().1.left, 0, "the fifth, a millisecond before the day is over");
        clock.advance(1);
        assert_eq!(lock.attempt(clock.now()).unwrap().1, Try { epoch: 0, left: 4, locks: None });
    }
}
