use serde_json::{Value, json};

use super::*;
use crate::clock::{Clock, from_millis};
use crate::event::Happened;
use crate::event::payload::Facts;
use crate::message::{Channel, JobId, Micros, Status, Trigger};
use crate::provider::ProviderName;
use crate::provider::stub::{Stub, reply};
use crate::testing::{events_on, road_on, sample_id, sample_ids};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// A delivery with as much as a text of a bulk job has to tell.
fn delivery() -> Delivery {
    let (message, subscriber) = (sample_id("m"), SubscriberId::new());
    let facts = Facts {
        task: message,
        job: Some(JobId::new()),
        instead_of: None,
        status: Status::Delivered,
        channel: Channel::Sms,
        trigger: Some(Trigger::BookingLastMinuteReminder),
        reason: None,
        handed_to: Some(ProviderName::Twilio),
        provider_code: None,
        cost: Micros::new(8_300),
    };
    let event = Happened { kind: EventType::Delivered, at: from_millis(1_795_255_200_123), message, facts };
    let id = DeliveryId::of(&sample_ids(), subscriber, message, event.kind, event.at);
    Delivery::new(id, subscriber, event.kind, Some(message), event.body().unwrap(), NOW)
}

/// As DynamoDB counts: names and values, a number half a byte a digit, and some for each list and map.
fn size(value: &Value) -> usize {
    let Value::Object(parts) = value else { return 1 };
    let of = |(kind, value): (&String, &Value)| match (kind.as_str(), value) {
        ("S", Value::String(text)) => text.len(),
        ("N", Value::String(digits)) => digits.len().div_ceil(2) + 1,
        ("L", Value::Array(all)) => 3 + all.iter().map(|one| 1 + size(one)).sum::<usize>(),
        ("M", Value::Object(all)) => 3 + all.iter().map(|(name, one)| 1 + name.len() + size(one)).sum::<usize>(),
        _ => 1,
    };
    parts.iter().map(of).sum()
}

#[tokio::test]
async fn delivery_is_one_write_unit_a_step_and_three_steps() {
    let delivery = delivery();
    let table = Stub::new([reply(200, json!({}))]).await;
    let events = async |table: &Stub| {
        let road = road_on(&table.base_url, Clock::fixed(NOW)).unwrap();
        events_on(&table.base_url, &road).unwrap()
    };
    assert!(events(&table).await.add_delivery(&delivery).await.unwrap());
    let put = table.only_request().json()["Item"].clone();
    let tries = json!({"L": [{"M": {"attempt": {"N": "1"}, "at": {"N": "1795255200123"}, "code": {"N": "200"}}}]});
    let mut row = put;
    row["tried"] = tries;
    row["lease_until"] = json!({"N": "1795255200123"});
    let bytes: usize = row.as_object().unwrap().iter().map(|(name, value)| name.len() + size(value)).sum();
    assert!((600..1_024).contains(&bytes), "{bytes} bytes");
}

#[tokio::test]
async fn claim_right_after_a_delivery_was_made_leaves_the_index_alone() {
    let table = Stub::new((0..2).map(|_| reply(200, json!({"Attributes": {}})))).await;
    let road = road_on(&table.base_url, Clock::fixed(NOW)).unwrap();
    let events = events_on(&table.base_url, &road).unwrap();
    let delivery = Delivery { due: Some(plus_seconds(NOW, GRACE_SECONDS)), ..delivery() };
    for seconds in [5, 45] {
        let _ = events.claim(&delivery, plus_seconds(NOW, seconds)).await;
    }
    let names_due = |nth: usize| table.requests()[nth].body.contains("due_at");
    assert!(!names_due(0), "the sweep looks when the lease is over");
    assert!(names_due(1), "it would look before");
}
