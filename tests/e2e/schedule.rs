//! Scheduled messages come at their time, and cancelled ones never.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::world::flows::Person;
use crate::world::{Line, World, fresh};

/// How late a message may be: what the road takes on a busy machine, and less than the sweep would leave it (a minute).
const LATEST: SignedDuration = SignedDuration::from_secs(58);

fn at(person: &Person, time: Timestamp) -> Value {
    json!({
        "user_id": person.id, "trigger_type": "booking_reminder", "channel": "sms", "data": {},
        "scheduled_time": time.to_string(),
    })
}

/// To the millisecond, as times are kept.
fn in_seconds(seconds: i64) -> Timestamp {
    Timestamp::from_millisecond(Timestamp::now().as_millisecond() + seconds * 1_000).expect("a time")
}

#[tokio::test]
async fn a_scheduled_message_comes_not_before_its_time_and_soon_after() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let person = world.person().await;
    let due = in_seconds(30);
    let task = world.trigger(&at(&person, due)).await;
    assert_eq!(world.status(&task).await["status"], "PENDING");
    let message = world.until(&task, "delivered").await;
    assert_eq!(message["scheduled_at"].as_str().and_then(|at| at.parse().ok()), Some(due), "{message}");
    let arrived: Timestamp = world.the_one(&person.phone, "sms").await["received_at"]
        .as_str()
        .and_then(|at| at.parse().ok())
        .expect("a time");
    assert!(arrived >= due, "{} too early", due - arrived);
    assert!(arrived <= due + LATEST, "{} late", arrived - due);
}

#[tokio::test]
async fn a_time_that_has_passed_means_now() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let person = world.person().await;
    let task = world.trigger(&at(&person, in_seconds(-3_600))).await;
    world.until(&task, "delivered").await;
    world.the_one(&person.phone, "sms").await;
}

#[tokio::test]
async fn a_message_cancelled_in_time_is_never_sent() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (person, other) = (world.person().await, world.person().await);
    let due = in_seconds(30);
    let task = world.trigger(&at(&person, due)).await;
    let cancelled = world.post(&format!("/api/communication/cancel/{task}"), &json!({})).send().await.ok();
    assert_eq!(cancelled, json!({"success": true, "message": "Communication cancelled successfully"}));
    // One that is due later shows that the time has come and gone.
    let later = world.trigger(&at(&other, due + SignedDuration::from_secs(2))).await;
    world.until(&later, "delivered").await;
    assert_eq!(world.status(&task).await["status"], "REVOKED");
    assert!(world.arrived(&person.phone).await.is_empty());
    // And it stays so when it is cancelled again.
    world.post(&format!("/api/communication/cancel/{task}"), &json!({})).send().await.ok();
    assert_eq!(world.message(&task).await["status"], "cancelled");
}

#[tokio::test]
async fn what_was_sent_cannot_be_cancelled() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let id = world.sms(&fresh::phone(), &fresh::text()).await;
    world.until(&id, "delivered").await;
    let answer = world.post(&format!("/api/communication/cancel/{id}"), &json!({})).send().await;
    let answer = answer.refused(409, "Communication can no longer be cancelled");
    assert_eq!(answer.json["details"], "Its status is delivered");
    assert_eq!(world.status(&id).await["status"], "SUCCESS");
}

#[tokio::test]
async fn an_unknown_task_is_not_found() {
    let world = World::new();
    for id in [uuid::Uuid::now_v7().to_string(), "not-an-id".to_owned()] {
        world.post(&format!("/api/communication/cancel/{id}"), &json!({})).send().await.refused(404, "Task not found");
        world.get(&format!("/api/communication/status/{id}")).send().await.refused(404, "Task not found");
        world.get(&format!("/api/v2/communications/messages/{id}")).send().await.refused(404, "Message not found");
    }
}
