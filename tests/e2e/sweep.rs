//! What was stored and never queued is found.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::world::aws::{number, text};
use crate::world::flows::Person;
use crate::world::{Line, World, seconds};

/// A message that is in the table and in no queue: as if the process had ended between the two. It is made from one that
/// is due in an hour, which waits in the table.
pub(crate) async fn stored_only(world: &World, person: &Person, priority: &str) -> String {
    let at = Timestamp::now() + SignedDuration::from_hours(1);
    let body = json!({
        "user_id": person.id, "trigger_type": "payment_reminder", "channel": "sms", "data": {}, "priority": priority,
        "scheduled_time": at.to_string(),
    });
    let task = world.trigger(&body).await;
    let due = Timestamp::now().as_millisecond() + 60_000;
    let update = "SET #status = :s, due_at = :d REMOVE not_before";
    world.rewrite(&task, update, &[(":s", text("accepted")), (":d", number(due))]).await;
    task
}

#[tokio::test]
async fn a_message_that_was_stored_and_never_queued_is_sent() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let person = world.person().await;
    let task = stored_only(&world, &person, "medium").await;
    // Not yet due: its record could still be on the way.
    world.sweep().await;
    assert_eq!(world.message(&task).await["status"], "accepted");
    world.age(&task, 61).await;
    world.sweep().await;
    world.until(&task, "delivered").await;
    world.the_one(&person.phone, "sms").await;
}

#[tokio::test]
async fn a_message_due_soon_is_queued_ahead_and_sent_at_its_time() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let person = world.person().await;
    let at = Timestamp::now() + SignedDuration::from_hours(1);
    let body = json!({
        "user_id": person.id, "trigger_type": "payment_reminder", "channel": "sms", "data": {}, "scheduled_time": at.to_string(),
    });
    let task = world.trigger(&body).await;
    world.sweep().await;
    assert_eq!(world.status(&task).await["status"], "PENDING");
    // Nearly an hour later: the sweep finds it a minute and a half ahead.
    let soon = Timestamp::now().as_millisecond() + 4_000;
    let update = "SET due_at = :d, not_before = :n";
    world.rewrite(&task, update, &[(":d", number(soon - 90_000)), (":n", number(soon))]).await;
    world.until_swept(seconds(20), &task, "delivered").await;
    let there = world.the_one(&person.phone, "sms").await;
    let arrived: Timestamp = there["received_at"].as_str().and_then(|at| at.parse().ok()).expect("a time");
    assert!(arrived.as_millisecond() >= soon, "{} ms too early", soon - arrived.as_millisecond());
}
