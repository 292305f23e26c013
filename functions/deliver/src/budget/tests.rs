use std::sync::{Arc, Mutex};

use switchboard::clock::plus_seconds;
use switchboard::testing::{sample_id, sample_message};

use super::*;

const START: Timestamp = Timestamp::UNIX_EPOCH;

fn at(seconds: i64) -> Timestamp {
    plus_seconds(START, seconds)
}

/// A book in memory, with one budget for everything.
#[derive(Clone, Debug, Default)]
struct Memory(Arc<Mutex<Pages>>);

#[derive(Debug, Default)]
struct Pages {
    budget: Option<(Budget, Timestamp)>,
    day: i64,
    alerts: BTreeSet<(Mark, Micros)>,
    told: Vec<Mark>,
}

#[async_trait]
impl Book for Memory {
    async fn in_force(&self, scope: &str) -> Result<Option<(Budget, Timestamp)>, StoreError> {
        Ok(self.0.lock().unwrap().budget.filter(|_| scope == ALL))
    }

    async fn spent(&self, _: &str, _: Timestamp) -> Result<Spent, StoreError> {
        let day = Micros::new(self.0.lock().unwrap().day.try_into().unwrap_or(0));
        Ok(Spent { day, month: day })
    }

    async fn count(&self, _: &str, _: MessageId, micros: i64, _: Timestamp) -> Result<(), StoreError> {
        self.0.lock().unwrap().day += micros;
        tokio::task::yield_now().await;
        Ok(())
    }

    async fn raise_alert(
        &self,
        _: &str,
        _: Period,
        mark: Mark,
        limit: Micros,
        _: Timestamp,
    ) -> Result<bool, StoreError> {
        tokio::task::yield_now().await;
        let mut pages = self.0.lock().unwrap();
        let is_first = pages.alerts.insert((mark, limit));
        if is_first {
            pages.told.push(mark);
        }
        Ok(is_first)
    }
}

impl Memory {
    fn set(&self, daily: u64, since: Timestamp) {
        let budget = Budget { daily: Some(Micros::new(daily)), ..Budget::default() };
        self.0.lock().unwrap().budget = Some((budget, since));
    }

    fn day(&self) -> i64 {
        self.0.lock().unwrap().day
    }

    fn told(&self) -> Vec<Mark> {
        self.0.lock().unwrap().told.clone()
    }
}

fn message(name: &str, cost: u64) -> Message {
    Message { id: sample_id(name), cost: Micros::new(cost), ..sample_message(START) }
}

#[tokio::test]
async fn new_budget_counts_what_went_before_workers_saw_it() {
    let book = Memory::default();
    let guard = Guard::new(book.clone());
    guard.add(&message("before", 1_000), Micros::new(1_000), at(0)).await;
    book.set(100, at(1));
    guard.add(&message("unseen", 60), Micros::new(60), at(2)).await;
    assert_eq!(book.day(), 0, "this worker knows for five seconds that there is no budget");
    guard.add(&message("seen", 7), Micros::new(7), at(6)).await;
    assert_eq!(book.day(), 67, "what went since it was made, and nothing that went before");
    let spent = guard.known(ALL, at(6)).await.unwrap().1;
    assert_eq!(spent.day, Micros::new(67));
    guard.add(&message("later", 1), Micros::new(1), at(12)).await;
    assert_eq!(book.day(), 68, "each once");
}

#[tokio::test]
async fn used_up_budget_holds_what_can_wait() {
    let book = Memory::default();
    book.set(100, at(0));
    let (guard, message) = (Guard::new(book), message("one", 60));
    let hold = async |seconds| guard.hold(&message, &message.decision, at(seconds)).await;
    for second in [1, 2] {
        assert_eq!(hold(second).await, None);
        guard.settle(&message, &message, at(second)).await;
    }
    assert_eq!(hold(3).await.expect("120 of 100").reason, "budget_exhausted");
}

/// The interleaving: of forty workers none sees by itself that a mark is reached, and all end at once.
#[tokio::test]
async fn alert_of_a_mark_that_many_workers_reach_is_raised_once() {
    let book = Memory::default();
    book.set(100_000, at(0));
    let workers: Vec<Guard> = (0..40).map(|_| Guard::new(book.clone())).collect();
    let batch = async |worker: &Guard, nth: i64| {
        let message = message("one", 100);
        for _ in 0..5 {
            worker.settle(&message, &message, at(nth)).await;
        }
        worker.flush(at(nth)).await;
    };
    let round = async |nth: i64| {
        futures::future::join_all(workers.iter().map(|worker| batch(worker, nth))).await;
    };
    for nth in [0, 1, 2] {
        round(nth).await;
    }
    assert_eq!((book.day(), book.told()), (60_000, vec![]));
    round(6).await;
    // The month has no limit; of the day each mark is told once.
    assert_eq!((book.day(), book.told()), (80_000, vec![Mark::Warning]));
    for nth in [12, 13] {
        round(nth).await;
    }
    assert_eq!((book.day(), book.told()), (120_000, vec![Mark::Warning, Mark::Exhausted]));
    // One that is raised can be reached anew.
    book.set(125_000, at(18));
    round(19).await;
    assert_eq!(book.told().len(), 3, "{:?}", book.told());
}
