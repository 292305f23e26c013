//! Deliveries of outgoing events whose time has come, or whose record was lost: each is put in the events queue. Its next
//! look is moved on before: if this run ends in between, it comes up again.

use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt, TryStreamExt};
use switchboard::queue::EventWork;
use switchboard::road::timing::{delay, next_look};
use switchboard::store::StoreError;
use switchboard::store::events::{DueDelivery, SHARDS};

use crate::App;

const SHARDS_AT_A_TIME: usize = 4;
const MOVES_AT_A_TIME: usize = 8;
/// How many deliveries are read at a time.
const PAGE: i32 = 100;
/// Events leave most of a run to the messages.
const LONGEST: Duration = Duration::from_secs(15);

/// Answers how many were queued.
pub(crate) async fn run(app: &App) -> Result<usize, StoreError> {
    let started = Instant::now();
    let queued: Vec<usize> = stream::iter(0..SHARDS)
        .map(|number| shard(app, number, started))
        .buffer_unordered(SHARDS_AT_A_TIME)
        .try_collect()
        .await?;
    Ok(queued.into_iter().sum())
}

async fn shard(app: &App, number: u8, started: Instant) -> Result<usize, StoreError> {
    let mut queued = 0;
    while started.elapsed() < LONGEST {
        let page = app.deliveries.due(number, app.clock.now(), PAGE).await?;
        let full = i32::try_from(page.len()).is_ok_and(|length| length == PAGE);
        let moves = page.into_iter().map(|due| move_on(app, due));
        let moved: Vec<Option<(EventWork, Duration)>> =
            stream::iter(moves).buffer_unordered(MOVES_AT_A_TIME).try_collect().await?;
        let moved: Vec<(EventWork, Duration)> = moved.into_iter().flatten().collect();
        let refused = app.queues.enqueue_events(&moved).await;
        queued += moved.len().saturating_sub(refused);
        if !full || moved.is_empty() {
            break;
        }
    }
    Ok(queued)
}

/// `None`: it moved on by itself, or another sweep has it.
async fn move_on(app: &App, due: DueDelivery) -> Result<Option<(EventWork, Duration)>, StoreError> {
    let now = app.clock.now();
    let at = due.not_before.unwrap_or(now);
    let mine = app.deliveries.postpone(&due, next_look(at, due.looks, now)).await?;
    Ok(mine.then(|| (EventWork { subscriber: due.subscriber, delivery: due.id }, delay(at, now))))
}
