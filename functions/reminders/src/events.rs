//! Deliveries of outgoing events whose time has come, or whose record was lost: each is put in the events queue. Its next
//! look is moved on before: if this run ends in between, it comes up again.

use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt};
use switchboard::queue::EventWork;
use switchboard::road::timing::{delay, next_look};
use switchboard::store::StoreError;
use switchboard::store::events::{DueDelivery, SHARDS};

use crate::part::Part;
use crate::sweep::LONGEST_RUN;
use crate::{App, Swept};

const SHARDS_AT_A_TIME: usize = 4;
const MOVES_AT_A_TIME: usize = 8;
/// How many deliveries are read at a time.
const PAGE: i32 = 100;

/// Has the deliveries queued that are due.
pub(crate) async fn run(app: &App, part: Part) -> Swept {
    let started = Instant::now();
    let mut open = part.shards(SHARDS, app.clock.now());
    let mut swept = Swept::default();
    while !open.is_empty() && started.elapsed() < LONGEST_RUN {
        let pages = stream::iter(std::mem::take(&mut open)).map(|number| shard(app, number));
        for (page, goes_on) in pages.buffered(SHARDS_AT_A_TIME).collect::<Vec<_>>().await {
            open.extend(goes_on);
            swept = swept.plus(page);
        }
    }
    swept
}

/// A page of a shard; answers also the shard, where there may be more.
async fn shard(app: &App, number: u32) -> (Swept, Option<u32>) {
    let page = match app.deliveries.due(number, app.clock.now(), PAGE).await {
        Ok(page) => page,
        Err(error) => {
            tracing::error!(shard = number, error = %error, "a shard of deliveries was not read; the next run reads it");
            return (Swept { failed: 1, ..Swept::default() }, None);
        }
    };
    let is_full = i32::try_from(page.len()).is_ok_and(|length| length == PAGE);
    let moves = page.into_iter().map(|due| move_on(app, due));
    let moved: Vec<Result<Option<(EventWork, Duration)>, StoreError>> =
        stream::iter(moves).buffer_unordered(MOVES_AT_A_TIME).collect().await;
    let mut swept = Swept::default();
    let mut to_queue = Vec::new();
    for one in moved {
        match one {
            Ok(work) => to_queue.extend(work),
            Err(error) => {
                tracing::error!(error = %error, "a delivery was not moved on; the next run does it");
                swept.failed += 1;
            }
        }
    }
    let refused = app.queues.enqueue_events(&to_queue).await;
    swept.events = to_queue.len().saturating_sub(refused);
    (swept, (is_full && !to_queue.is_empty()).then_some(number))
}

/// `None`: it moved on by itself, or another sweep has it.
async fn move_on(app: &App, due: DueDelivery) -> Result<Option<(EventWork, Duration)>, StoreError> {
    let now = app.clock.now();
    let at = due.not_before.unwrap_or(now);
    let mine = app.deliveries.postpone(&due, next_look(at, due.looks, now)).await?;
    Ok(mine.then(|| (EventWork { subscriber: due.subscriber, delivery: due.id }, delay(at, now))))
}
