//! How well the e-mail providers do, as all workers see it together: what was asked of each and what it took, by minute,
//! in the Ephemera table.
//!
//! A worker adds up what it sees and writes it once a batch and provider; it reads all of it at most every five seconds,
//! and only to choose. A provider's minute is spread over [`LOAD_SHARDS`](switchboard::store::ephemera::LOAD_SHARDS) rows. So a message
//! costs at most one write unit for its provider (a tenth in full batches) and, in a worker that is not busy, one read of at most 48
//! small items (24 read units): $3.60 a million e-mails at most, $0.06 at best.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use switchboard::clock::plus_seconds;
use switchboard::provider::ProviderName;
use switchboard::provider::routing::{Candidate, Load};
use switchboard::store::{Ephemera, StoreError};
use switchboard::telemetry;

/// How long what was read is used.
const FRESH_SECONDS: i64 = 5;

/// Under this part of its weight a provider's fall is worth a line in the log.
const HALF: f64 = 0.5;

/// Where workers tell each other what they saw.
#[async_trait]
pub(crate) trait Board: Sync {
    async fn read(&self, provider: ProviderName, now: Timestamp) -> Result<Load, StoreError>;
    async fn add(&self, provider: ProviderName, load: Load, now: Timestamp) -> Result<(), StoreError>;
}

#[async_trait]
impl Board for Ephemera {
    async fn read(&self, provider: ProviderName, now: Timestamp) -> Result<Load, StoreError> {
        self.load(provider, now).await
    }

    async fn add(&self, provider: ProviderName, load: Load, now: Timestamp) -> Result<(), StoreError> {
        self.add_load(provider, load, now).await
    }
}

type Loads = BTreeMap<ProviderName, Load>;

/// One worker's view.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// Held while it is read, so that a batch reads once.
    read: tokio::sync::Mutex<Option<(Timestamp, Loads)>>,
    seen: Mutex<Seen>,
}

/// What this worker saw itself.
#[derive(Debug, Default)]
struct Seen {
    /// Not written yet.
    unwritten: Loads,
    /// Written since the board was read.
    written: Loads,
    /// Providers whose fall was told.
    low: BTreeSet<ProviderName>,
}

impl Health {
    /// Notes one call.
    pub(crate) fn note(&self, provider: ProviderName, accepted: bool) {
        let accepts = if accepted { 1.0 } else { 0.0 };
        self.with_seen(|seen| add(&mut seen.unwritten, provider, Load { requests: 1.0, accepts }));
    }

    /// Writes what was noted since. What cannot be written is kept for the next time.
    pub(crate) async fn flush(&self, board: &dyn Board, now: Timestamp) {
        let unwritten = self.with_seen(|seen| std::mem::take(&mut seen.unwritten));
        for (provider, load) in unwritten {
            let written = board.add(provider, load, now).await;
            if let Err(error) = &written {
                tracing::warn!(provider.name = provider.as_str(), error = %error, "a provider's load was not written");
            }
            self.with_seen(|seen| {
                add(if written.is_ok() { &mut seen.written } else { &mut seen.unwritten }, provider, load);
            });
        }
    }

    /// The providers with their weights and what they are worth now. What cannot be read counts as well.
    pub(crate) async fn candidates(
        &self,
        board: &dyn Board,
        weights: &[(ProviderName, u32)],
        now: Timestamp,
    ) -> Vec<Candidate> {
        let mut read = self.read.lock().await;
        if read.as_ref().is_none_or(|(at, _)| *at <= plus_seconds(now, -FRESH_SECONDS)) {
            *read = Some((now, self.ask(board, weights, now).await));
        }
        let known = read.as_ref().map(|(_, loads)| loads.clone()).unwrap_or_default();
        drop(read);
        self.with_seen(|seen| {
            let load = |name| {
                [&known, &seen.written, &seen.unwritten]
                    .into_iter()
                    .fold(Load::default(), |sum, loads| sum + loads.get(&name).copied().unwrap_or_default())
            };
            let one = |&(name, weight)| Candidate { name, weight, health: load(name).health() };
            let candidates: Vec<Candidate> = weights.iter().map(one).collect();
            tell(&mut seen.low, &candidates);
            candidates
        })
    }

    async fn ask(&self, board: &dyn Board, weights: &[(ProviderName, u32)], now: Timestamp) -> Loads {
        self.with_seen(|seen| seen.written.clear());
        let answers = weights.iter().map(|(name, _)| async move { (*name, board.read(*name, now).await) });
        let mut loads = Loads::new();
        for (name, answer) in futures::future::join_all(answers).await {
            match answer {
                Ok(load) => {
                    loads.insert(name, load);
                }
                Err(error) => {
                    tracing::warn!(provider.name = name.as_str(), error = %error, "a provider's load was not read");
                    telemetry::count("provider_load_unknown", 1);
                }
            }
        }
        loads
    }

    fn with_seen<T>(&self, act: impl FnOnce(&mut Seen) -> T) -> T {
        act(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn add(loads: &mut Loads, provider: ProviderName, load: Load) {
    let sum = loads.entry(provider).or_default();
    *sum = *sum + load;
}

/// Says once when a provider falls under half of its weight, and once when it is above it again.
fn tell(low: &mut BTreeSet<ProviderName>, candidates: &[Candidate]) {
    for one in candidates {
        let (name, health) = (one.name.as_str(), one.health);
        if health < HALF && low.insert(one.name) {
            tracing::warn!(
                provider.name = name,
                provider.health = health,
                "a provider gets less than half of its share"
            );
            telemetry::count("provider_under_half", 1);
        } else if health >= HALF && low.remove(&one.name) {
            tracing::info!(provider.name = name, provider.health = health, "a provider gets its share again");
        }
    }
}

#[cfg(test)]
mod tests {
    use switchboard::clock::Clock;
    use switchboard::provider::routing::{FLOOR, Wish, choose};

    use super::*;

    /// A board in memory, by minute, as the table has it.
    #[derive(Default)]
    struct Memory(Mutex<BTreeMap<(ProviderName, i64), Load>>);

    fn minute(at: Timestamp) -> i64 {
        at.as_second().div_euclid(60)
    }

    #[async_trait]
    impl Board for Memory {
        async fn read(&self, provider: ProviderName, now: Timestamp) -> Result<Load, StoreError> {
            let rows = self.0.lock().unwrap();
            let at = |back| rows.get(&(provider, minute(now) - back)).copied().unwrap_or_default();
            Ok(Load::over([at(0), at(1), at(2)], now))
        }

        async fn add(&self, provider: ProviderName, load: Load, now: Timestamp) -> Result<(), StoreError> {
            let mut rows = self.0.lock().unwrap();
            let row = rows.entry((provider, minute(now))).or_default();
            *row = *row + load;
            Ok(())
        }
    }

    /// A board nobody answers.
    struct Dead;

    #[async_trait]
    impl Board for Dead {
        async fn read(&self, _: ProviderName, _: Timestamp) -> Result<Load, StoreError> {
            Err(StoreError::Contended { operation: "test" })
        }

        async fn add(&self, _: ProviderName, _: Load, _: Timestamp) -> Result<(), StoreError> {
            Err(StoreError::Contended { operation: "test" })
        }
    }

    const WEIGHTS: [(ProviderName, u32); 2] = [(ProviderName::Sendgrid, 50), (ProviderName::Resend, 50)];

    /// Three workers that send ten e-mails each, every ten seconds.
    struct Fleet {
        board: Memory,
        clock: Clock,
        workers: Vec<Health>,
        roll: u32,
    }

    impl Fleet {
        fn new() -> Self {
            let workers = (0..3).map(|_| Health::default()).collect();
            let clock = Clock::fixed("2026-03-01T12:00:07Z".parse().unwrap());
            Self { board: Memory::default(), clock, workers, roll: 0 }
        }

        /// How many of the e-mails of so many seconds went to SendGrid, in a hundred, while it does well or not.
        async fn share(&mut self, seconds: i64, sendgrid_accepts: bool) -> u32 {
            let (mut all, mut sendgrid) = (0, 0);
            for _ in 0..seconds / 10 {
                self.clock.advance(10_000);
                for worker in &self.workers {
                    for _ in 0..10 {
                        self.roll = (self.roll + 617) % 1000;
                        let random = f64::from(self.roll) / 1000.0;
                        let candidates = worker.candidates(&self.board, &WEIGHTS, self.clock.now()).await;
                        let chosen = choose(&candidates, Wish::default(), || random).unwrap().name;
                        let is_sendgrid = chosen == ProviderName::Sendgrid;
                        worker.note(chosen, !is_sendgrid || sendgrid_accepts);
                        (all, sendgrid) = (all + 1, sendgrid + u32::from(is_sendgrid));
                    }
                    worker.flush(&self.board, self.clock.now()).await;
                }
            }
            sendgrid * 100 / all
        }
    }

    #[tokio::test]
    async fn a_failing_provider_loses_its_share_to_the_other_and_gets_it_back_when_it_mends() {
        let mut fleet = Fleet::new();
        assert!((48..=52).contains(&fleet.share(300, true).await));
        fleet.share(120, false).await;
        let failing = fleet.share(120, false).await;
        assert!((1..=8).contains(&failing), "{failing} % of e-mails tried the failing one");
        fleet.share(150, true).await;
        let healed = fleet.share(60, true).await;
        assert!((46..=54).contains(&healed), "{healed} % once it is well again");
    }

    #[tokio::test]
    async fn a_worker_that_only_reads_learns_what_the_others_saw() {
        let (board, clock) = (Memory::default(), Clock::fixed("2026-03-01T12:00:30Z".parse().unwrap()));
        let (one, other) = (Health::default(), Health::default());
        for _ in 0..200 {
            one.note(ProviderName::Sendgrid, false);
        }
        let health = async |worker: &Health| worker.candidates(&board, &WEIGHTS, clock.now()).await[0].health;
        assert!((health(&one).await - FLOOR).abs() < 1e-9, "its own counts need no writing");
        assert!((health(&other).await - 1.0).abs() < 1e-9);
        one.flush(&board, clock.now()).await;
        assert!((health(&other).await - 1.0).abs() < 1e-9, "what was read is used for five seconds");
        clock.advance(5_000);
        assert!((health(&other).await - FLOOR).abs() < 1e-9);
        assert!((health(&one).await - FLOOR).abs() < 1e-9, "and nothing is counted twice");
        assert!((Load { requests: 200.0, accepts: 0.0 }.health() - FLOOR).abs() < 1e-9);
        clock.advance(180_000);
        assert!((health(&one).await - 1.0).abs() < 1e-9, "and after the window it is forgotten");
    }

    #[tokio::test]
    async fn without_a_board_everybody_counts_as_well_and_nothing_noted_is_lost() {
        let health = Health::default();
        let now = Timestamp::UNIX_EPOCH;
        assert!(health.candidates(&Dead, &WEIGHTS, now).await.iter().all(|one| one.health >= 1.0));
        health.note(ProviderName::Resend, true);
        health.flush(&Dead, now).await;
        let board = Memory::default();
        health.flush(&board, now).await;
        assert_eq!(board.read(ProviderName::Resend, now).await.unwrap(), Load { requests: 1.0, accepts: 1.0 });
    }
}
