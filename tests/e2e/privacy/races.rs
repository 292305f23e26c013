//! An erasure against what happens at the same time: requests on their way, workers that die, workers that send.

use serde_json::json;
use switchboard::message::{Channel, MessageId};
use switchboard::person::PersonId;
use switchboard::testing::sample_message;

use super::needles;
use crate::world::flows::in_an_hour;
use crate::world::{Line, World, fresh, processes, seconds};

#[tokio::test]
async fn what_a_request_on_its_way_stores_after_the_first_walk_is_erased_too() {
    let world = World::new();
    let person = world.person().await;
    world.asks_to_erase(person.id).await;
    world.until_walked(person.id, 1).await;
    // Decided before the erasure was asked for, and stored only now.
    let (text, store) = (fresh::text(), world.store().await);
    let mut late = sample_message(jiff::Timestamp::now());
    late.id = MessageId::new();
    late.task = late.id;
    late.person = PersonId::text(&person.id.to_string());
    late.to = switchboard::message::Address::stored(Channel::Sms, person.phone.clone());
    late.content = switchboard::message::Content::text(&text);
    store.create(std::slice::from_ref(&late)).await.expect("DynamoDB takes it");
    let needle = needles([&text])[0].to_owned();
    assert_eq!(world.status_of(&late.id.to_string()).await.as_deref(), Some(late.status.as_str()));

    world.until_erased(person.id).await;
    assert!(world.dump().await.traces(&needle).is_empty());
    assert_eq!(world.message(&late.id.to_string()).await["reason"], "erased");
}

/// Sixty messages are more than one step; the worker is killed again and again.
#[tokio::test]
async fn an_erasure_whose_worker_dies_goes_on_where_it_was() {
    let world = World::new();
    let person = world.person().await;
    let texts: Vec<String> = (0..60).map(|_| fresh::text()).collect();
    let mut ids = Vec::new();
    for text in &texts {
        let body = json!({"user_id": person.id, "trigger_type": "payment_reminder", "channel": "sms",
            "scheduled_time": in_an_hour(), "data": {"amount": 7, "due_date": text, "account": text}});
        ids.push(world.trigger(&body).await);
    }
    world.asks_to_erase(person.id).await;
    for _ in 0..4 {
        processes::kill("privacy");
        tokio::time::sleep(seconds(1) / 5).await;
        world.age_erasure(person.id).await;
        world.sweep().await;
    }
    let done = world.until_erased(person.id).await;
    assert_eq!(done["erased"]["messages"], 60, "each is counted once: {done}");
    for id in &ids {
        assert_eq!(world.message(id).await["reason"], "erased");
    }
    let dump = world.dump().await;
    for needle in needles(&texts) {
        assert_eq!(dump.traces(needle), Vec::<&str>::new());
    }
}

/// A worker has claimed the message and is calling the provider: it is not taken from under its hands.
#[tokio::test]
async fn a_message_that_is_being_sent_is_erased_when_that_is_over() {
    let world = World::new();
    let person = world.person().await;
    let text = fresh::text();
    let body = json!({"user_id": person.id, "trigger_type": "payment_reminder", "channel": "sms",
        "scheduled_time": in_an_hour(), "data": {"amount": 7, "due_date": text, "account": text}});
    let id = world.trigger(&body).await;
    let (now, lease) = (jiff::Timestamp::now().as_millisecond(), 600_000);
    let values = [
        (":s", crate::world::aws::text("sending")),
        (":l", crate::world::aws::number(now + lease)),
        (":a", crate::world::aws::number(1)),
    ];
    world.rewrite(&id, "SET #status = :s, lease_until = :l, attempts = :a", &values).await;
    world.asks_to_erase(person.id).await;
    let held = world.until_walked(person.id, 1).await;
    assert_eq!(held["erased"]["messages"], 0, "{held}");
    assert_eq!(world.message(&id).await["status"], "sending");
    world.rewrite(&id, "SET lease_until = :l", &[(":l", crate::world::aws::number(now))]).await;
    world.until_erased(person.id).await;
    let message = world.message(&id).await;
    assert_eq!((&message["status"], &message["reason"]), (&json!("failed"), &json!("erased")), "{message}");
    assert!(world.dump().await.traces(needles([&text])[0]).is_empty());
}

/// The record of a message that was erased is still in its lane.
#[tokio::test]
async fn a_record_of_an_erased_message_does_nothing() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let person = world.person().await;
    let body = json!({"user_id": person.id, "trigger_type": "payment_reminder", "channel": "sms",
        "scheduled_time": in_an_hour(), "data": {"amount": 7, "due_date": fresh::text(), "account": "x"}});
    let id = world.trigger(&body).await;
    world.asks_to_erase(person.id).await;
    world.until_walked(person.id, 1).await;
    world.enqueue("standard", &id).await;
    world.enqueue("urgent", &id).await;
    world.until_stepped(&id, 2).await;
    assert!(world.arrived(&person.phone).await.is_empty());
    assert_eq!(world.message(&id).await["status"], "cancelled");
}
