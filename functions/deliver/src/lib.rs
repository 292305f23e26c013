//! Takes messages from the lanes and sees each one step further.
//!
//! [`handle`] works through a batch; one record never blocks another. What a message's next step is follows from its
//! status: [`attempt`] (send it), [`resolve`] (find out whether it was sent), [`ask`] (find out what became of it), [`follow`] (send something else instead, give back what was counted). A
//! report that waited for its message is applied in [`report`]. What follows from rows that were
//! written by others comes by the table's stream ([`changes`]): texts that people write to us are attended to in [`inbound`].

mod ask;
mod attempt;
mod budget;
mod changes;
mod charge;
mod decide;
mod follow;
mod health;
mod inbound;
mod jobs;
mod outcome;
mod pace;
mod providers;
mod quota;
mod recordings;
mod report;
mod resolve;
mod room;
mod routing;
mod step;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use budget::Guard;
use lambda_runtime::LambdaEvent;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use switchboard::batch::{self, StepError};
use switchboard::provider::pacing::Paces;
use switchboard::queue::Work;
use switchboard::road::Road;
use switchboard::store::Budgets;

pub use changes::Changes;
pub use jobs::JobStates;
pub use providers::Providers;
pub use routing::Routing;

/// How many records of a batch are worked on at a time. A batch has at most ten.
const AT_A_TIME: usize = 10;

/// What the steps work with.
#[derive(Debug)]
pub struct App {
    road: Road,
    providers: Providers,
    paces: Paces,
    throttles: pace::Throttles,
    budget: Guard,
    routing: Routing,
    jobs: JobStates,
    room: room::Room,
}

impl App {
    pub fn new(
        road: Road,
        providers: Providers,
        routing: Routing,
        paces: Paces,
        budgets: Budgets,
        jobs: JobStates,
    ) -> Self {
        Self {
            road,
            providers,
            routing,
            room: room::Room::default(),
            paces,
            throttles: pace::Throttles::default(),
            budget: Guard::new(budgets),
            jobs,
        }
    }
}

/// What calls the function.
#[derive(Debug)]
pub enum Event {
    Queue(SqsEvent),
    Stream(Changes),
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let event = Value::deserialize(deserializer)?;
        let read = match event.pointer("/Records/0/eventSource").and_then(Value::as_str) {
            Some(changes::SOURCE) => serde_json::from_value(event).map(Self::Stream),
            Some(_) | None => serde_json::from_value(event).map(Self::Queue),
        };
        read.map_err(D::Error::custom)
    }
}

/// Works through a batch; answers the records that must come again.
pub async fn handle(app: &App, event: LambdaEvent<Event>) -> Result<SqsBatchResponse, lambda_runtime::Error> {
    app.road.seal.keep_current().await;
    match event.payload {
        Event::Queue(event) => queue(app, event).await,
        Event::Stream(changes) => {
            changes::take(app, changes).await?;
            Ok(SqsBatchResponse::default())
        }
    }
}

async fn queue(app: &App, event: SqsEvent) -> Result<SqsBatchResponse, lambda_runtime::Error> {
    let steps = event.records.into_iter().map(|record| {
        let id = record.message_id.clone();
        (id, async move { work(app, &record).await })
    });
    let response = batch::each(steps, AT_A_TIME).await;
    app.routing.flush(&app.road).await;
    app.budget.flush(app.road.clock.now()).await;
    Ok(response)
}

async fn work(app: &App, record: &SqsMessage) -> Result<(), StepError> {
    match serde_json::from_str(record.body.as_deref().unwrap_or_default())? {
        Work::Message { id } => step::take(app, id).await,
        Work::Report { report } => report::take(app, &report, record).await,
        Work::FollowUp { id, report } => changes::follow_up(app, id, &report).await,
        Work::Unrecord { recordings } => recordings::remove(app, &recordings).await,
        Work::Heard { heard } => app.road.heed(&heard, None).await.map(|_| ()).map_err(Into::into),
    }
}

#[cfg(test)]
mod tests {
    use switchboard::clock::Clock;
    use switchboard::testing::{dead_aws, dead_budgets, dead_jobs, dead_road};

    use super::*;

    /// No store answers, so every record must come again; the poison one fails alone, as itself.
    #[tokio::test]
    async fn each_record_of_the_sample_batch_is_answered_for_itself() {
        let event: Event = serde_json::from_str(include_str!("../../../events/deliver.json")).unwrap();
        let Event::Queue(batch) = &event else { panic!("{event:?}") };
        let ids: Vec<_> = batch.records.iter().filter_map(|record| record.message_id.clone()).collect();
        let road = dead_road(Clock::system()).unwrap();
        let providers = Providers::dead(&dead_aws(), &road).unwrap();
        let routing = Routing::new(50, 50);
        let jobs = JobStates::new(dead_jobs(&road).0);
        let app = App::new(road, providers, routing, Paces::default(), dead_budgets(), jobs);
        let response = handle(&app, LambdaEvent::new(event, lambda_runtime::Context::default())).await.unwrap();
        let mut failed: Vec<_> =
            response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
        failed.sort();
        assert_eq!(failed, ids);
    }
}
