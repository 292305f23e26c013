//! How a subscriber fares: what is kept of its failures, and when they are enough to let it go.
//!
//! Failures are counted sparingly, at most one an hour: an event that fails is tried again within seconds and minutes, and
//! that says nothing new. And silence is no failure: after a pause that is longer than any between two tries of one event
//! the count begins anew, so that one event that could not be taken, days ago, and one bad second today do not add up to
//! days of failures. What it took is kept as well: workers see the row some seconds late, so a failure may be written
//! down behind a success that nobody knew to be one after failures.

use jiff::Timestamp;

use super::Subscriber;

/// One that did nothing but fail for so long is disabled.
pub const PATIENCE_SECONDS: i64 = 5 * 86_400;
/// After so many counted failures, and no fewer.
pub const ENOUGH: u32 = 3;
/// How far apart counted failures are.
pub const APART_SECONDS: i64 = 3_600;
/// After so long without a counted failure the count begins anew. The longest pause between two tries of an event is 26.4
/// hours (24 and its jitter).
const SILENCE_SECONDS: i64 = 36 * 3_600;
/// How exactly it is kept when something was last taken.
const TOOK_SECONDS: i64 = 3_600;

/// What is kept of a subscriber's failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failing {
    /// The first since it last took something.
    pub since: Timestamp,
    /// How many are counted, since the last long silence.
    pub times: u32,
    /// The latest that is counted.
    pub last: Timestamp,
}

impl Failing {
    /// Whether it fails for so long that it may be [hopeless](Subscriber::is_hopeless).
    pub fn is_long(&self, now: Timestamp) -> bool {
        seconds(self.since, now) >= PATIENCE_SECONDS
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    to.as_second().saturating_sub(from.as_second())
}

impl Subscriber {
    /// What is to be kept of a failure at `now`; `None`: no more than there is.
    pub fn failed(&self, now: Timestamp) -> Option<Failing> {
        let Some(failing) = self.failing else { return Some(Failing { since: now, times: 1, last: now }) };
        let pause = seconds(failing.last, now);
        let times = if pause > SILENCE_SECONDS { 1 } else { failing.times.saturating_add(1) };
        (pause >= APART_SECONDS).then_some(Failing { times, last: now, ..failing })
    }

    /// Whether something it took at `now` is to be kept: it counts as failing, or is known for too long to have taken something.
    pub fn is_news_that_it_took(&self, now: Timestamp) -> bool {
        self.failing.is_some() || self.took.is_none_or(|took| seconds(took, now) >= TOOK_SECONDS)
    }

    /// Whether nothing but failures came back for so long, and often enough, that it is to be disabled.
    pub fn is_hopeless(&self, now: Timestamp) -> bool {
        let Some(failing) = self.failing else { return false };
        let since_it_took = self.took.map_or(i64::MAX, |took| seconds(took, now).saturating_sub(TOOK_SECONDS));
        failing.times >= ENOUGH && failing.is_long(now) && since_it_took >= PATIENCE_SECONDS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::plus_seconds;
    use crate::testing::sample_subscriber;

    const HOUR: i64 = 3_600;
    const DAY: i64 = 24 * HOUR;
    const START: Timestamp = Timestamp::UNIX_EPOCH;

    fn subscriber() -> Subscriber {
        sample_subscriber().unwrap()
    }

    /// After failures at these times, in seconds.
    fn after(failures: impl IntoIterator<Item = i64>) -> Subscriber {
        let mut one = subscriber();
        for at in failures {
            one.failing = one.failed(plus_seconds(START, at)).or(one.failing);
        }
        one
    }

    /// When one event that is never taken is tried, jitter aside.
    const ONE_EVENT: [i64; 10] = [0, 5, 305, 2_105, 9_305, 27_305, 63_305, 113_705, 185_705, 272_105];

    #[test]
    fn five_days_of_failures_are_enough_and_not_a_second_less() {
        let failing = after((0..5 * 24).map(|hour| hour * HOUR));
        assert!(!failing.is_hopeless(plus_seconds(START, 5 * DAY - 1)));
        assert!(failing.is_hopeless(plus_seconds(START, 5 * DAY)));
        assert!(!subscriber().is_hopeless(plus_seconds(START, 50 * DAY)));
    }

    #[test]
    fn failures_that_follow_one_another_are_one() {
        let often = after((0..HOUR).step_by(60));
        assert_eq!(often.failing, Some(Failing { since: START, times: 1, last: START }));
        assert_eq!(after([0, HOUR - 1, HOUR, 2 * HOUR]).failing.unwrap().times, 3);
    }

    #[test]
    fn one_bad_event_long_ago_and_one_bad_second_are_no_five_days() {
        let silent = after(ONE_EVENT.into_iter().chain([6 * DAY]));
        assert!(!silent.is_hopeless(plus_seconds(START, 6 * DAY)), "{:?}", silent.failing);
        let quiet = after([0, 6 * DAY, 6 * DAY + 5, 6 * DAY + 305]);
        assert!(!quiet.is_hopeless(plus_seconds(START, 6 * DAY + 305)), "{:?}", quiet.failing);
        // It is a matter of hours then, if it goes on.
        let never = after(ONE_EVENT.into_iter().chain(ONE_EVENT.map(|at| 6 * DAY + at)));
        assert!(never.is_hopeless(plus_seconds(START, 6 * DAY + 27_305)), "{:?}", never.failing);
    }

    #[test]
    fn one_that_is_told_little_and_takes_nothing_is_let_go_within_its_events_own_schedule() {
        // Of one event alone, told every two days.
        let told = |from: i64| ONE_EVENT.map(|at| from + at);
        let mut all: Vec<i64> = (0..3).flat_map(|nth| told(nth * 2 * DAY)).filter(|at| *at <= 5 * DAY).collect();
        all.sort_unstable();
        assert!(after(all).is_hopeless(plus_seconds(START, 5 * DAY)));
    }

    /// The failure was written down by a worker behind the success of another, which did not know of it.
    #[test]
    fn what_it_took_counts_though_the_failure_before_it_is_still_there() {
        let at = |seconds| plus_seconds(START, seconds);
        let mut one = after((0..6 * 24).map(|hour| hour * HOUR));
        assert!(one.is_hopeless(at(6 * DAY)));
        one.took = Some(at(2 * DAY));
        assert!(!one.is_hopeless(at(6 * DAY)));
        // It may have taken something up to an hour later than is kept.
        assert!(!one.is_hopeless(at(7 * DAY + HOUR - 1)));
        assert!(one.is_hopeless(at(7 * DAY + HOUR)));
    }

    #[test]
    fn that_it_takes_things_is_kept_once_an_hour_and_at_once_while_it_fails() {
        let at = |seconds| plus_seconds(START, seconds);
        assert!(subscriber().is_news_that_it_took(START), "nothing is known");
        let well = Subscriber { took: Some(START), ..subscriber() };
        assert!(!well.is_news_that_it_took(at(HOUR - 1)) && well.is_news_that_it_took(at(HOUR)));
        let failing = Subscriber { took: Some(START), ..after([1]) };
        assert!(failing.is_news_that_it_took(at(2)));
    }
}
