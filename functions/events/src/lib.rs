//! Tells subscribers what happens to messages.
//!
//! Two things call it. The stream of the messages' table: each change that is worth telling becomes one delivery for each
//! subscriber that wants it ([`spread`]). And the events queue: each record is one try of one delivery ([`attempt`]).
//! Between them stands the delivery's row, put on the condition that it is not there: a change that is seen twice, by a
//! batch that came again, tells nobody twice. [`subscribers`]: who there is; [`places`]: how much of a worker each may take.

mod attempt;
mod concurrency;
mod places;
mod spread;
mod subscribers;

use std::sync::Arc;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsMessage};
use lambda_runtime::LambdaEvent;
use places::Places;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use subscribers::Subscribers;
use switchboard::batch::{self, StepError};
use switchboard::clock::Clock;
use switchboard::event::Caller;
use switchboard::queue::Queues;
use switchboard::seal::Seal;
use switchboard::store::Events;
use switchboard::store::messages::change::Owners;

/// How many tries are made at a time. A batch of the queue has at most ten.
const AT_A_TIME: usize = 10;

/// What both work with.
#[derive(Debug)]
pub struct App {
    clock: Clock,
    seal: Arc<Seal>,
    events: Events,
    subscribers: Subscribers,
    places: Places,
    owners: Owners,
    caller: Caller,
    queues: Queues,
}

impl App {
    pub fn new(clock: Clock, seal: Arc<Seal>, events: Events, owners: Owners, caller: Caller, queues: Queues) -> Self {
        Self {
            clock,
            seal,
            subscribers: Subscribers::new(events.clone()),
            places: Places::default(),
            events,
            owners,
            caller,
            queues,
        }
    }
}

#[derive(Deserialize)]
struct Batch {
    #[serde(rename = "Records")]
    records: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Source {
    event_source: String,
}

/// What is answered.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Response {
    /// The records of the queue that must come again.
    Queue(SqsBatchResponse),
    /// The stream goes on behind the batch.
    Stream {},
}

/// Works through a batch of either.
pub async fn handle(app: &App, event: LambdaEvent<Value>) -> Result<Response, lambda_runtime::Error> {
    app.seal.keep_current().await;
    let batch: Batch = serde_json::from_value(event.payload)?;
    let from_stream = batch
        .records
        .first()
        .is_some_and(|record| Source::deserialize(record).is_ok_and(|source| source.event_source == "aws:dynamodb"));
    if from_stream {
        // A failure lets the whole batch come again, which does nothing twice.
        spread::run(app, batch.records).await?;
        return Ok(Response::Stream {});
    }
    let steps = batch.records.into_iter().map(|record| {
        let id = record.get("messageId").and_then(Value::as_str).map(str::to_owned);
        (id, work(app, record))
    });
    let response = batch::each(steps, AT_A_TIME).await;
    Ok(Response::Queue(response))
}

async fn work(app: &App, record: Value) -> Result<(), StepError> {
    let record: SqsMessage = serde_json::from_value(record)?;
    attempt::take(app, serde_json::from_str(record.body.as_deref().unwrap_or_default())?).await
}

#[cfg(test)]
mod tests {
    use lambda_runtime::Context;
    use switchboard::event::Reach;
    use switchboard::testing::{dead_aws, dead_events, dead_road};

    use super::*;

    fn app() -> App {
        let road = dead_road(Clock::system()).unwrap();
        let queues = Queues::at(aws_sdk_sqs::Client::new(&dead_aws()), "http://127.0.0.1:1");
        let owners = Owners::new(aws_sdk_dynamodb::Client::new(&dead_aws()), "messages".to_owned());
        let caller = Caller::new(Reach::Public).unwrap();
        App::new(Clock::system(), road.seal.clone(), dead_events(&road).unwrap(), owners, caller, queues)
    }

    fn sample(text: &str) -> LambdaEvent<Value> {
        LambdaEvent::new(serde_json::from_str(text).unwrap(), Context::default())
    }

    /// Nobody knows who subscribes, so the stream must stand still: what is passed over is lost.
    #[tokio::test]
    async fn the_stream_waits_until_the_subscribers_can_be_read() {
        let failed = handle(&app(), sample(include_str!("../../../events/events.json"))).await;
        assert!(failed.unwrap_err().to_string().starts_with("events.subscribers"));
    }

    /// No store answers, so every record must come again; the poison one fails alone, as itself.
    #[tokio::test]
    async fn each_record_of_the_queue_is_answered_for_itself() {
        let batch = serde_json::json!({"Records": [
            {"messageId": "1", "eventSource": "aws:sqs",
             "body": r#"{"subscriber":"0192f5e4-7c3a-7c5e-8f53-0a6f6f0c2d11","delivery":"019f6a2b-1c3d-8e4f-9a0b-1c2d3e4f5a6b"}"#},
            {"messageId": "2", "eventSource": "aws:sqs", "body": "not one of ours"},
        ]});
        let Response::Queue(response) = handle(&app(), sample(&batch.to_string())).await.unwrap() else {
            panic!("an answer to a queue");
        };
        let mut failed: Vec<_> = response.batch_item_failures.into_iter().map(|one| one.item_identifier).collect();
        failed.sort();
        assert_eq!(failed, ["1", "2"]);
    }
}
