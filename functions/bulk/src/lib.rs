//! Turns bulk jobs into messages, each row into exactly one.
//!
//! A record of the jobs queue asks for a job's next step ([`job`]) or for work on one of its chunks ([`chunk`]). The first
//! step of a job is to find where its rows begin and end ([`plan`]); then its chunks are worked on, a few at a time, in
//! steps ([`step`]) of some rows each ([`row`]), and when all are done the job is finished ([`finish`]). What a row
//! becomes has an id that follows from job and row, and a step is counted by one transaction that names where the chunk
//! stood: whatever is done twice changes nothing.
//!
//! `rows/`: reading the rows, without any of that.

mod chunk;
mod finish;
mod job;
mod plan;
mod row;
pub mod rows;
mod step;
mod take;

pub use step::ROWS;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use jiff::Timestamp;
use lambda_runtime::{Context, LambdaEvent};
use switchboard::batch::{self, StepError};
use switchboard::clock::from_millis;
use switchboard::message::Lane;
use switchboard::road::Road;
use switchboard::store::Jobs;
use switchboard::store::jobs::JobFiles;

/// What the steps work with.
#[derive(Debug)]
pub struct App {
    road: Road,
    jobs: Jobs,
    files: JobFiles,
    /// The region phone numbers without a country code are read in.
    region: String,
    /// With more records than this in the bulk lane, rows wait.
    deepest: u32,
    depth: Mutex<Option<(Instant, u32)>>,
}

/// How long a depth is believed.
const DEPTH_LASTS: Duration = Duration::from_secs(1);
/// So long before its end an invocation begins nothing new: longer than a step takes on a bad day.
const RESERVE_MS: i64 = 20_000;

impl App {
    pub fn new(road: Road, jobs: Jobs, files: JobFiles, region: String, deepest: u32) -> Self {
        Self { road, jobs, files, region, deepest, depth: Mutex::new(None) }
    }

    /// Whether the bulk lane has enough to do. Rows become messages no faster than messages are sent: what has not become
    /// one can still be paused and cancelled whole, and nothing waits in the lane so long that the sweep takes it for lost.
    async fn is_lane_full(&self) -> bool {
        let known = *self.depth.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, depth)) = known
            && at.elapsed() < DEPTH_LASTS
        {
            return depth >= self.deepest;
        }
        match self.road.queues.depth(Lane::Bulk).await {
            Ok(depth) => {
                *self.depth.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), depth));
                depth >= self.deepest
            }
            Err(error) => {
                tracing::warn!(error = %error, "the depth of the bulk lane is unknown, rows go on");
                false
            }
        }
    }
}

/// Until when an invocation may begin something.
#[derive(Clone, Copy, Debug)]
struct Budget(Timestamp);

impl Budget {
    fn of(context: &Context) -> Self {
        let deadline = i64::try_from(context.deadline).unwrap_or(i64::MAX);
        Self(from_millis(deadline.saturating_sub(RESERVE_MS)))
    }

    fn is_used_up(self, now: Timestamp) -> bool {
        now >= self.0
    }
}

/// Works through a batch; answers the records that must come again.
pub async fn handle(app: &App, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, lambda_runtime::Error> {
    app.road.seal.keep_current().await;
    let budget = Budget::of(&event.context);
    let steps = event.payload.records.into_iter().map(|record| {
        let id = record.message_id.clone();
        (id, async move { take::record(app, &record, budget).await })
    });
    Ok(batch::each(steps, 1).await)
}

#[cfg(test)]
mod tests {
    use switchboard::clock::Clock;
    use switchboard::testing::{dead_jobs, dead_road};

    use super::*;

    /// No store answers, so what asks for work must come again; S3's greeting asks for none, and the poison one fails as
    /// itself.
    #[tokio::test]
    async fn each_record_of_the_sample_batch_is_answered_for_itself() {
        let event: SqsEvent = serde_json::from_str(include_str!("../../../events/bulk.json")).unwrap();
        let ids: Vec<_> = event.records.iter().filter_map(|record| record.message_id.clone()).collect();
        let road = dead_road(Clock::system()).unwrap();
        let (jobs, files) = dead_jobs(&road);
        let app = App::new(road, jobs, files, "US".to_owned(), 1_000);
        let response = handle(&app, LambdaEvent::new(event, Context::default())).await.unwrap();
        let failed: Vec<_> = response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
        assert_eq!(failed, [ids[0].clone(), ids[1].clone(), ids[3].clone()]);
    }

    #[test]
    fn an_invocation_begins_nothing_it_may_not_end() {
        let budget = Budget(from_millis(40_000));
        assert!(!budget.is_used_up(from_millis(39_999)));
        assert!(budget.is_used_up(from_millis(40_000)));
    }
}
