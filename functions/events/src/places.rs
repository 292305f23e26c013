//! How much of this worker a subscriber may take. A try may last [`TIMEOUT`](switchboard::event::call::TIMEOUT), and a batch
//! lasts as long as its longest try: one subscriber that accepts calls and never answers would take every place of every
//! worker, and all others would wait behind it.
//!
//! So there are three bounds. As many tries of one subscriber are under way in a worker as it answers well
//! ([`Concurrency`]). One that is slow [`TOO_OFTEN`] times in a row is told its events by a queue of its own kind, which has few
//! workers. And one that fails as often in a row is held: what is for it is put off without a call, and without counting as a
//! try, but for one try a minute, of all workers together. Both stand in its row, so that all workers know.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use switchboard::clock::plus_seconds;
use switchboard::event::subscriber::MOST;
use switchboard::event::{Subscriber, SubscriberId};

use crate::concurrency::{Concurrency, SLOW, Underway};

/// How long a delivery waits for a place. With the longest try it must fit into the function's timeout, 30 s.
const WAIT: Duration = Duration::from_secs(5);
/// How many failures, or slow answers, in a row are too many.
const TOO_OFTEN: u32 = 3;
/// How long one that fails too often is left in peace.
pub(crate) const HOLD_SECONDS: i64 = 60;
/// How long one that is slow is told its events apart, unless it is slow again.
pub(crate) const APART_SECONDS: i64 = 60;
/// For how long what is known of a subscriber may lack what this worker itself wrote: as old as the list may be, and a call.
const UNSEEN_SECONDS: i64 = 10;

/// What is to be done with a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Make a try.
    Call,
    /// Make a try, if no other worker does: its subscriber was held until now.
    Probe,
    /// Make none before.
    Later(Timestamp),
}

/// What this worker knows of one subscriber.
#[derive(Debug, Default)]
struct Known {
    /// Failures since it took something.
    in_a_row: u32,
    failed: Option<Timestamp>,
    held_until: Option<Timestamp>,
    /// When it was last written down that it took something.
    noted: Option<Timestamp>,
    /// Slow answers since a fast one.
    slow_in_a_row: u32,
}

impl Known {
    fn without_failures(&self) -> Self {
        Self { noted: self.noted, slow_in_a_row: self.slow_in_a_row, ..Self::default() }
    }

    /// Whether it is to be told its events apart from now on.
    fn is_slow(&mut self) -> bool {
        self.slow_in_a_row = self.slow_in_a_row.saturating_add(1);
        self.slow_in_a_row >= TOO_OFTEN
    }

    fn turn(&mut self, to: &Subscriber, now: Timestamp) -> Turn {
        let is_over = |failed: Timestamp| {
            // Changed by an administrator; or it took something elsewhere.
            to.updated > failed || (to.failing.is_none() && plus_seconds(failed, UNSEEN_SECONDS) < now)
        };
        if self.failed.is_some_and(is_over) {
            *self = self.without_failures();
        }
        match self.held_until.max(to.held_until) {
            Some(until) if until > now => Turn::Later(until),
            Some(_) => Turn::Probe,
            None => Turn::Call,
        }
    }

    /// Until when it is to be held because of this failure; `None`: it is not held, or its row says so already.
    fn failed(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.failed = Some(now);
        let was_held = self.held_until.is_some();
        if self.in_a_row >= TOO_OFTEN {
            self.held_until = Some(plus_seconds(now, HOLD_SECONDS));
        }
        self.held_until.filter(|_| !was_held)
    }

    /// Whether it is to be written down that it took something. While the list still shows failures that are forgotten
    /// already, it would be with every delivery.
    fn took(&mut self, to: &Subscriber, now: Timestamp) -> bool {
        let failed_here = self.in_a_row > 0;
        let is_noted = self.noted.is_some_and(|noted| plus_seconds(noted, UNSEEN_SECONDS) > now);
        *self = self.without_failures();
        let is_news = failed_here || (to.is_news_that_it_took(now) && !is_noted);
        if is_news {
            self.noted = Some(now);
        }
        is_news
    }
}

/// One subscriber's places, and what is known of it.
#[derive(Debug)]
pub(crate) struct Place {
    concurrency: Concurrency,
    known: Mutex<Known>,
}

impl Place {
    fn new() -> Self {
        Self { concurrency: Concurrency::default(), known: Mutex::default() }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn turn(&self, to: &Subscriber, now: Timestamp) -> Turn {
        self.known().turn(to, now)
    }

    /// A place, once there is one; `None`: there was none for too long.
    pub(crate) async fn take(&self) -> Option<Underway<'_>> {
        tokio::time::timeout(WAIT, self.concurrency.begin()).await.ok()
    }

    /// A try is not answered after [`SLOW`]. `true`: that came too often in a row, and it is to be told its events apart.
    pub(crate) fn is_slow(&self) -> bool {
        self.known().is_slow()
    }

    /// A try was answered after so long.
    pub(crate) fn answered(&self, well: bool, took: Duration) {
        self.concurrency.answered(well, took);
        if took < SLOW {
            self.known().slow_in_a_row = 0;
        }
    }

    /// Somebody else holds it until then.
    pub(crate) fn hold(&self, until: Timestamp) {
        self.known().held_until = Some(until);
    }

    pub(crate) fn failed(&self, now: Timestamp) -> Option<Timestamp> {
        self.known().failed(now)
    }

    pub(crate) fn took(&self, to: &Subscriber, now: Timestamp) -> bool {
        self.known().took(to, now)
    }
}

/// The places of all subscribers.
#[derive(Debug, Default)]
pub(crate) struct Places(Mutex<HashMap<SubscriberId, Arc<Place>>>);

impl Places {
    pub(crate) fn of(&self, id: SubscriberId) -> Arc<Place> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that were removed go when they are many; who is being called stays.
        if all.len() > 2 * MOST {
            all.retain(|_, place| Arc::strong_count(place) > 1);
        }
        all.entry(id).or_insert_with(|| Arc::new(Place::new())).clone()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use switchboard::event::Failing;
    use switchboard::testing::sample_subscriber;

    use super::*;

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    fn at(seconds: i64) -> Timestamp {
        plus_seconds(START, seconds)
    }

    fn well() -> Subscriber {
        Subscriber { took: Some(START), ..sample_subscriber().unwrap() }
    }

    fn failing() -> Subscriber {
        Subscriber { failing: Some(Failing { since: at(100), times: 1, last: at(100) }), ..well() }
    }

    fn after_failures(times: i64) -> Known {
        let mut known = Known::default();
        for nth in 0..times {
            known.failed(at(100 + nth));
        }
        known
    }

    #[test]
    fn one_that_fails_too_often_is_held_but_for_a_try_a_minute() {
        let mut known = after_failures(2);
        assert_eq!(known.turn(&failing(), at(102)), Turn::Call);
        assert_eq!(known.failed(at(102)), Some(at(162)), "others are told");
        assert_eq!(known.turn(&failing(), at(161)), Turn::Later(at(162)));
        assert_eq!(known.turn(&failing(), at(162)), Turn::Probe);
        assert_eq!(known.failed(at(177)), None, "others know");
        assert_eq!(known.turn(&failing(), at(178)), Turn::Later(at(237)));
    }

    #[test]
    fn what_it_takes_in_between_lets_it_go_on() {
        let mut known = after_failures(2);
        assert!(known.took(&failing(), at(103)), "failures of this worker's are forgotten everywhere");
        assert_eq!(known.failed(at(104)), None);
        let mut held = after_failures(3);
        assert!(held.took(&failing(), at(163)));
        assert_eq!(held.turn(&well(), at(164)), Turn::Call);
    }

    #[test]
    fn another_workers_hold_counts_and_so_does_its_end() {
        let mut known = Known::default();
        let elsewhere = Subscriber { held_until: Some(at(160)), ..failing() };
        assert_eq!(known.turn(&elsewhere, at(150)), Turn::Later(at(160)));
        assert_eq!(known.turn(&elsewhere, at(160)), Turn::Probe);
        let mut known = after_failures(3);
        assert_eq!(known.turn(&well(), at(110)), Turn::Later(at(162)), "the list may be older than the failures");
        assert_eq!(known.turn(&well(), at(113)), Turn::Call, "it took something elsewhere");
    }

    #[test]
    fn one_that_was_changed_is_tried_at_once() {
        let mut known = after_failures(3);
        assert_eq!(known.turn(&Subscriber { updated: at(103), ..well() }, at(104)), Turn::Call);
    }

    #[test]
    fn it_is_written_down_once_that_failures_are_over() {
        let mut known = Known::default();
        assert!(known.took(&failing(), at(200)));
        assert!(!known.took(&failing(), at(201)), "the list is some seconds old");
        assert!(known.took(&failing(), at(211)), "it failed again, elsewhere");
        known.failed(at(212));
        assert!(known.took(&failing(), at(213)));
        assert!(!Known::default().took(&well(), at(200)), "nothing is new");
    }

    #[tokio::test]
    async fn subscriber_has_places_of_its_own() {
        let places = Places::default();
        let id = SubscriberId::new();
        let (one, other) = (places.of(id), places.of(SubscriberId::new()));
        let mut taken: Vec<_> = std::iter::from_fn(|| one.take().now_or_never().flatten()).collect();
        let same = places.of(id);
        assert!(same.take().now_or_never().is_none(), "it waits");
        assert!(other.take().now_or_never().flatten().is_some(), "another has its own");
        taken.pop();
        assert!(same.take().now_or_never().flatten().is_some());
    }

    #[test]
    fn subscriber_that_is_slow_three_times_in_a_row_is_told_apart() {
        let place = Place::new();
        let fast = Duration::from_millis(50);
        assert_eq!([place.is_slow(), place.is_slow()], [false, false]);
        place.answered(true, SLOW);
        place.answered(true, fast);
        assert_eq!([0; 4].map(|_| place.is_slow()), [false, false, true, true]);
        place.answered(true, fast);
        assert!(!place.is_slow());
    }

    /// A batch has thirty seconds: what waited longest, and then hangs, must fit.
    #[test]
    fn waiting_and_calling_fit_into_the_functions_timeout() {
        assert!(WAIT + switchboard::event::call::TIMEOUT <= Duration::from_secs(25));
    }
}
