//! A batch of the stream: what happened becomes deliveries, one for each subscriber that wants to know.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use futures::stream::{self, StreamExt};
use serde_json::Value;
use switchboard::event::{Delivery, DeliveryId, Happened, Subscriber};
use switchboard::queue::EventWork;
use switchboard::store::StoreError;
use switchboard::store::messages::change::happened;
use switchboard::telemetry;

use crate::App;

/// How many rows are put at a time.
const PUTS_AT_A_TIME: usize = 16;

/// Puts the deliveries, then queues them. What was put and not queued, because this ended in between, the sweep queues.
pub(crate) async fn run(app: &App, records: Vec<Value>) -> Result<(), StoreError> {
    let subscribers = app.subscribers.all().await?;
    if !subscribers.iter().any(|subscriber| subscriber.disabled.is_none()) {
        return Ok(());
    }
    let changes = records.len();
    let deliveries: Vec<Delivery> =
        records.into_iter().filter_map(read).flat_map(|event| deliveries(app, &event, &subscribers)).collect();
    let wanted = deliveries.len();
    let puts = deliveries.into_iter().map(|delivery| async move {
        let is_new = app.events.add_delivery(&delivery).await?;
        let work = EventWork { subscriber: delivery.subscriber, delivery: delivery.id, apart: false };
        Ok::<_, StoreError>(is_new.then_some(work))
    });
    let put: Vec<Result<Option<EventWork>, StoreError>> =
        stream::iter(puts).buffer_unordered(PUTS_AT_A_TIME).collect().await;
    let (mut made, mut failed) = (Vec::new(), None);
    for result in put {
        match result {
            Ok(work) => made.extend(work.map(|work| (work, Duration::ZERO))),
            Err(error) => failed = Some(error),
        }
    }
    let refused = app.queues.enqueue_events(&made).await;
    tracing::info!(
        stream.changes = changes,
        events.wanted = wanted,
        events.made = made.len(),
        events.not_queued = refused,
        "spread"
    );
    failed.map_or(Ok(()), Err)
}

/// A change that cannot be read would stop the stream for a day, and be lost then: it is passed over at once, loudly.
fn read(record: Value) -> Option<Happened> {
    let sequence = record.pointer("/dynamodb/SequenceNumber").and_then(Value::as_str).unwrap_or_default().to_owned();
    let cause = match catch_unwind(AssertUnwindSafe(|| happened(record))) {
        Ok(Ok(event)) => return event,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "panicked".to_owned(),
    };
    tracing::error!(stream.sequence = sequence, error = cause, "a change cannot be read and is told to nobody");
    telemetry::count("events_unreadable", 1);
    None
}

fn deliveries(app: &App, event: &Happened, subscribers: &[Subscriber]) -> Vec<Delivery> {
    let told: Vec<&Subscriber> = subscribers.iter().filter(|subscriber| subscriber.is_told_of(event.kind)).collect();
    if told.is_empty() {
        return Vec::new();
    }
    let body = match event.body() {
        Ok(body) => body,
        Err(error) => {
            tracing::error!(message.id = %event.message, error = %error, "an event cannot be written");
            telemetry::count("events_unreadable", 1);
            return Vec::new();
        }
    };
    let now = app.clock.now();
    let delivery = |to: &Subscriber| {
        let id = DeliveryId::of(app.seal.ids(), to.id, event.message, event.kind, event.at);
        Delivery::new(id, to.id, event.kind, Some(event.message), body.clone(), now)
    };
    told.into_iter().map(delivery).collect()
}

#[cfg(test)]
mod tests {
    use switchboard::event::EventType;

    use super::*;

    /// A sent message, another change of it, one that carries a code, one that is removed, one that nobody can read, and a text
    /// that came in, before and after it was attended to.
    #[test]
    fn of_the_sample_batch_only_what_is_new_and_no_secret_is_told() {
        let batch: Value = serde_json::from_str(include_str!("../../../events/events.json")).unwrap();
        let records = batch["Records"].as_array().unwrap().clone();
        let kinds: Vec<Result<Option<EventType>, ()>> = records
            .iter()
            .map(|record| happened(record.clone()).map(|event| event.map(|event| event.kind)).map_err(|_| ()))
            .collect();
        let (sent, received) = (Ok(Some(EventType::Sent)), Ok(Some(EventType::Received)));
        assert_eq!(kinds, [sent, Ok(None), Ok(None), Ok(None), Err(()), Ok(None), received]);
        assert!(read(records[4].clone()).is_none(), "it is passed over");
        let event = read(records[0].clone()).unwrap();
        let body = event.body().unwrap();
        let told: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(told["data"]["id"], "0192f5e4-7c3a-7c5e-8f53-0a6f6f0c2d11");
        assert_eq!(told["timestamp"], "2026-11-21T10:00:00.453Z");
        for private in ["sealed", "recipient", "caller", "AAAA", "user_id"] {
            assert!(!body.contains(private), "{private} in {body}");
        }
    }

    /// It is delivered first, to be charged for its time; then it is told, with what it cost, once.
    #[test]
    fn a_long_call_is_told_with_what_it_cost_in_the_end() {
        let batch: Value = serde_json::from_str(include_str!("../../../events/events.json")).unwrap();
        let mut sample = batch["Records"][0]["dynamodb"]["NewImage"].clone();
        sample.as_object_mut().unwrap().retain(|name, _| name != "due_at");
        let row = |status: &str, cost: &str, set: &[&str]| {
            let mut row = sample.clone();
            row["channel"] = serde_json::json!({"S": "voice"});
            row["call"] = serde_json::json!({"M": {"seconds": {"N": "170"}}});
            (row["status"], row["cost"]) = (serde_json::json!({"S": status}), serde_json::json!({"N": cost}));
            for name in set {
                row[*name] = serde_json::json!({"N": "1795266000000"});
            }
            row
        };
        let happens = |old: &Value, new: &Value| {
            let record = serde_json::json!({"dynamodb": {"OldImage": old, "NewImage": new}});
            happened(record).unwrap().map(|event| serde_json::from_str::<Value>(&event.body().unwrap()).unwrap())
        };
        let (sent, over) = (row("sent", "14000", &[]), row("delivered", "14000", &["due_at"]));
        let charged = row("delivered", "42000", &["estimate"]);
        assert_eq!(happens(&sent, &over), None);
        let told = happens(&over, &charged).unwrap();
        assert_eq!((&told["type"], &told["data"]["cost"]), (&"message.delivered".into(), &0.042.into()));
        // Erased later, and a recording of it that is told only then has to be deleted.
        let (erased, late) = (
            row("delivered", "42000", &["estimate", "erased_at"]),
            row("delivered", "42000", &["estimate", "due_at", "erased_at"]),
        );
        assert_eq!([happens(&charged, &erased), happens(&erased, &late), happens(&late, &erased)], [None, None, None]);
        let mut short = row("delivered", "14000", &["due_at"]);
        short["call"] = serde_json::json!({"M": {"seconds": {"N": "60"}}});
        assert!(happens(&sent, &short).is_some(), "one of a minute costs what it was accepted at");
    }
}
