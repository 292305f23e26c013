//! How many tries of one subscriber a worker has under way: as many as it answers fast and well. The bound grows by one for each
//! round of good answers while all of it is used, and is halved by a bad or a slow one (additive increase, multiplicative
//! decrease, as of TCP; Chiu and Jain, 1989). So one that keeps up has the whole worker, and one in trouble a single try at a time.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::AT_A_TIME;

/// Where the bound begins.
const FIRST: f64 = 3.0;
/// It never falls under this.
const LEAST: f64 = 1.0;
/// An answer that took longer is a slow one. Most take some ten milliseconds.
pub(crate) const SLOW: Duration = Duration::from_secs(2);

#[derive(Debug)]
struct State {
    bound: f64,
    under_way: usize,
    /// Whether the bound was reached since none was under way.
    reached: bool,
}

/// The tries of one subscriber in this worker.
#[derive(Debug)]
pub(crate) struct Concurrency {
    state: Mutex<State>,
    freed: Notify,
}

/// A try that is under way. Its place is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Underway<'a>(&'a Concurrency);

impl Default for Concurrency {
    fn default() -> Self {
        Self { state: Mutex::new(State { bound: FIRST, under_way: 0, reached: false }), freed: Notify::new() }
    }
}

impl State {
    fn is_full(&self) -> bool {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to ten")]
        let bound = self.bound as usize;
        self.under_way >= bound
    }
}

impl Concurrency {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_begin(&self) -> Option<Underway<'_>> {
        let mut state = self.state();
        if state.is_full() {
            return None;
        }
        state.under_way += 1;
        state.reached |= state.is_full();
        Some(Underway(self))
    }

    /// Waits for a place, and takes it.
    pub(crate) async fn begin(&self) -> Underway<'_> {
        loop {
            let freed = self.freed.notified();
            if let Some(underway) = self.try_begin() {
                // Another may be free: the bound can have grown by one while one ended.
                self.freed.notify_one();
                return underway;
            }
            freed.await;
        }
    }

    /// A try was answered, well or not, after so long.
    pub(crate) fn answered(&self, well: bool, took: Duration) {
        let mut state = self.state();
        if !well || took > SLOW {
            state.bound = (state.bound / 2.0).max(LEAST);
        } else if state.reached {
            #[expect(clippy::cast_precision_loss, reason = "ten")]
            let most = AT_A_TIME as f64;
            state.bound = (state.bound + 1.0 / state.bound).min(most);
        }
    }
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.under_way = state.under_way.saturating_sub(1);
        state.reached &= state.under_way > 0;
        drop(state);
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::future::join_all;

    use super::*;

    const FAST: Duration = Duration::from_millis(40);

    /// As many tries as it lets begin at once.
    fn fill(concurrency: &Concurrency) -> Vec<Underway<'_>> {
        std::iter::from_fn(|| concurrency.try_begin()).collect()
    }

    /// Rounds of as many tries as it lets begin, all answered alike.
    fn rounds(concurrency: &Concurrency, count: usize, well: bool, took: Duration) {
        for _ in 0..count {
            for underway in fill(concurrency) {
                concurrency.answered(well, took);
                drop(underway);
            }
        }
    }

    #[test]
    fn subscriber_that_answers_fast_gets_the_whole_worker() {
        let concurrency = Concurrency::default();
        assert_eq!(fill(&concurrency).len(), 3);
        rounds(&concurrency, 40, true, FAST);
        assert_eq!(fill(&concurrency).len(), AT_A_TIME);
    }

    #[test]
    fn failures_and_slow_answers_shrink_it_to_one_and_good_ones_let_it_grow_again() {
        for (well, took) in [(false, FAST), (true, SLOW + FAST)] {
            let concurrency = Concurrency::default();
            rounds(&concurrency, 40, true, FAST);
            concurrency.answered(well, took);
            assert_eq!(fill(&concurrency).len(), AT_A_TIME / 2);
            rounds(&concurrency, 3, well, took);
            assert_eq!(fill(&concurrency).len(), 1, "and never none");
            rounds(&concurrency, 60, true, FAST);
            assert_eq!(fill(&concurrency).len(), AT_A_TIME);
        }
    }

    #[test]
    fn bound_does_not_grow_while_it_is_not_used() {
        let concurrency = Concurrency::default();
        for _ in 0..1_000 {
            let one = concurrency.try_begin();
            concurrency.answered(true, FAST);
            drop(one);
        }
        assert_eq!(fill(&concurrency).len(), 3);
    }

    #[tokio::test]
    async fn who_waits_goes_on_when_a_place_is_free() {
        let concurrency = Concurrency::default();
        let mut taken = fill(&concurrency);
        assert!(concurrency.begin().now_or_never().is_none());
        taken.pop();
        assert!(concurrency.begin().now_or_never().is_some());
        drop(taken);
        let all = (0..50).map(|_| async {
            let underway = concurrency.begin().await;
            tokio::task::yield_now().await;
            concurrency.answered(true, FAST);
            drop(underway);
        });
        tokio::time::timeout(Duration::from_secs(5), join_all(all)).await.expect("nobody is forgotten");
    }
}
