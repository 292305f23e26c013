//! Deliveries of outgoing events whose time has come, or whose record was lost: each is put in the events queue. Its next
//! look is moved on before: if this run ends in between, it comes up again.

use std::time::Duration;

use futures::stream::{self, StreamExt};
use switchboard::queue::EventWork;
use switchboard::road::timing::{delay, next_look};
use switchboard::store::StoreError;
use switchboard::store::events::{DueDelivery, SHARDS};

use crate::part::{PAGE, Part};
use crate::{App, Swept};

const MOVES_AT_A_TIME: usize = 8;

/// Has the deliveries queued that are due.
pub(crate) async fn run(app: &App, part: Part) -> Swept {
    part.sweep(SHARDS, app.clock.now(), async |number| shard(app, number).await).await
}

/// A page of a shard; answers also whether there may be more.
async fn shard(app: &App, number: u32) -> (Swept, bool) {
    let page = match app.deliveries.due(number, app.clock.now(), PAGE).await {
        Ok(page) => page,
        Err(error) => {
            tracing::error!(shard = number, error = %error, "a shard of deliveries was not read; the next run reads it");
            return (Swept { failed: 1, ..Swept::default() }, false);
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
    (swept, is_full && !to_queue.is_empty())
}

/// `None`: it moved on by itself, or another sweep has it.
async fn move_on(app: &App, due: DueDelivery) -> Result<Option<(EventWork, Duration)>, StoreError> {
    let now = app.clock.now();
    let at = due.not_before.unwrap_or(now);
    let mine = app.deliveries.postpone(&due, next_look(at, due.looks, now)).await?;
    Ok(mine.then(|| (EventWork { subscriber: due.subscriber, delivery: due.id, apart: false }, delay(at, now))))
}
