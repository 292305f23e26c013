//! Counts a caller's requests in steps. The row of a window takes a thousand writes a second, and a caller may send more requests: so a
//! process that counts often reserves several at once, while the window is far from its limit.
//!
//! A request is counted in the store before it is let through, so a limit is never passed. What a process reserved and did not
//! use is lost for the rest of the window: at most what it uses in a second, and at most [`SHARE`] of what was left. Under a limit of
//! that many, and near every limit, each request is counted by itself, and the headers are exact. A window that is full is
//! remembered until it ends: who goes on costs the store nothing.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::store::ephemera::Window;

/// The most that is reserved at once.
const MAX_STEP: u32 = 64;
/// At most this part of what is left in a window is reserved at once.
const SHARE: u32 = 100;
/// A process that used up what it reserved within this time reserves twice as much the next time, in milliseconds.
const BUSY_MS: i64 = 1_000;
/// About how many writes a second a process that is used at an even rate of up to [`MAX_STEP`] a second costs a window's row.
pub const WRITES_PER_PROCESS: u32 = 2;
/// The most windows a process remembers; beyond that it begins anew.
const MAX_REMEMBERED: usize = 10_000;

/// What this process knows of one window.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// With what is reserved.
    window: Window,
    /// Reserved, and not used.
    left: u32,
    /// How many were counted with the last write.
    step: u32,
    written: Timestamp,
}

/// How a request is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    /// It is; this is where its caller stands.
    Done(Window),
    /// By adding so many to the window, of which it needs as many as it asked for.
    Add(u32),
}

/// The windows this process counts in.
#[derive(Debug, Default)]
pub(super) struct Steps(Mutex<HashMap<String, Known>>);

impl Steps {
    /// Counts `by` in what is known of a window, or says what to add to it.
    pub(super) fn count(&self, key: &str, by: u32, rate: u32, now: Timestamp) -> Count {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = all.get_mut(key).filter(|known| known.window.resets > now) else { return Count::Add(by) };
        if by <= known.left {
            let count = known.window.count.saturating_sub(known.left).saturating_add(by);
            known.left -= by;
            return Count::Done(Window { count, ..known.window });
        }
        if known.window.count >= rate {
            let count = known.window.count.saturating_add(by);
            return Count::Done(Window { count, ..known.window });
        }
        let far = (rate - known.window.count) / SHARE;
        Count::Add(by.saturating_add((known.next_step(now) - 1).min(far)))
    }

    /// Takes note of what was added: `window` is how it stands with it. Gives where the caller of the request that needed `by` stands.
    pub(super) fn added(&self, key: &str, by: u32, added: u32, window: Window, now: Timestamp) -> Window {
        let spare = added.saturating_sub(by);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_REMEMBERED {
            all.retain(|_, known| known.window.resets > now);
        }
        if all.len() >= MAX_REMEMBERED {
            all.clear();
        }
        let before = all.get(key).copied();
        let same = before.filter(|known| known.window.resets == window.resets);
        let known = Known {
            window: Window { count: same.map_or(0, |known| known.window.count).max(window.count), ..window },
            left: same.map_or(0, |known| known.left).saturating_add(spare),
            step: before.map_or(1, |known| known.next_step(now)),
            written: now,
        };
        all.insert(key.to_owned(), known);
        Window { count: window.count.saturating_sub(spare), ..window }
    }
}

impl Known {
    /// How many are to be counted at once: more while this process uses them up fast, fewer when it does not.
    fn next_step(&self, now: Timestamp) -> u32 {
        let pause = now.as_millisecond().saturating_sub(self.written.as_millisecond());
        if pause <= BUSY_MS {
            return self.step.saturating_mul(2).min(MAX_STEP);
        }
        let halvings = u32::try_from(pause / (2 * BUSY_MS)).unwrap_or(u32::MAX);
        self.step.checked_shr(halvings).unwrap_or(0).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;

    /// The store's windows, and the processes that count in one of them.
    struct Fleet {
        rate: u32,
        processes: Vec<Steps>,
        stored: Option<Window>,
        writes: u32,
    }

    impl Fleet {
        fn new(rate: u32, processes: usize) -> Self {
            Self { rate, processes: (0..processes).map(|_| Steps::default()).collect(), stored: None, writes: 0 }
        }

        /// A request at a process.
        fn ask(&mut self, process: usize, by: u32, now: Timestamp) -> Window {
            let added = match self.processes[process].count("key", by, self.rate, now) {
                Count::Done(window) => return window,
                Count::Add(added) => added,
            };
            self.writes += 1;
            let before = self.stored.filter(|window| window.resets > now);
            let resets = before.map_or(from_millis(now.as_millisecond() + 60_000), |window| window.resets);
            let window = Window { count: before.map_or(0, |window| window.count) + added, resets };
            self.stored = Some(window);
            self.processes[process].added("key", by, added, window, now)
        }

        /// So many requests, one after the other, every so many microseconds, at processes in turn. Gives how many are let through.
        fn flood(&mut self, requests: u32, every_us: i64) -> u32 {
            let mut through = 0;
            for nth in 0..requests {
                let now = from_millis(i64::from(nth) * every_us / 1_000);
                let process = (nth as usize * 7) % self.processes.len();
                through += u32::from(self.ask(process, 1, now).count <= self.rate);
            }
            through
        }
    }

    #[test]
    fn small_limit_is_exact_wherever_its_requests_come() {
        for rate in [1, 10, 100] {
            let mut fleet = Fleet::new(rate, 5);
            for nth in 1..=rate {
                let window = fleet.ask(nth as usize % 5, 1, from_millis(i64::from(nth)));
                assert_eq!(window.count, nth, "of {rate}");
            }
            assert_eq!(fleet.flood(50, 1), 0, "of {rate}");
        }
    }

    #[test]
    fn burst_from_one_caller_never_passes_its_limit_and_loses_little_of_it() {
        for (processes, rate) in [(1, 60_000), (30, 60_000), (150, 300_000), (40, 600), (7, 101)] {
            let mut fleet = Fleet::new(rate, processes);
            // In 20 of the window's 60 seconds, and twice as many as are allowed.
            let every = 20_000_000 / i64::from(2 * rate);
            let through = fleet.flood(2 * rate, every);
            assert!(through <= rate, "{through} of {rate}");
            assert!(through >= rate - rate / 20, "{through} of {rate} by {processes}");
        }
    }

    #[test]
    fn caller_of_five_thousand_a_second_costs_its_row_a_few_hundred_writes() {
        let mut fleet = Fleet::new(360_000, 150);
        assert_eq!(fleet.flood(5_000 * 50, 200), 250_000);
        let per_second = fleet.writes / 50;
        assert!(per_second <= WRITES_PER_PROCESS * 150, "{per_second} writes a second");
    }

    #[test]
    fn window_that_is_full_is_refused_without_the_store_until_it_ends() {
        let mut fleet = Fleet::new(10, 1);
        assert_eq!(fleet.flood(1_000, 1_000), 10);
        assert_eq!(fleet.writes, 10);
        assert_eq!(fleet.ask(0, 1, from_millis(60_000)).count, 1);
    }

    #[test]
    fn step_is_small_again_after_a_pause() {
        let mut fleet = Fleet::new(1_000_000, 1);
        fleet.flood(10_000, 1_000);
        let Count::Add(many) = Steps::count(&fleet.processes[0], "key", 100, 1_000_000, from_millis(10_100)) else {
            panic!("more than is left")
        };
        assert!(many > 130, "{many}");
        let Count::Add(few) = Steps::count(&fleet.processes[0], "key", 100, 1_000_000, from_millis(50_000)) else {
            panic!("more than is left")
        };
        assert_eq!(few, 100);
    }
}
