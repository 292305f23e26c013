//! By the recipient's clock.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{marketing, time};
use crate::world::flows::trail;
use crate::world::{Line, World, fresh, seconds};

#[tokio::test]
async fn marketing_waits_for_the_recipients_morning_and_what_is_urgent_does_not() {
    let world = World::new();
    let _lines = world.share(&[Line::Resend, Line::Sms, Line::Sendgrid]).await;
    let (asleep, awake) = (world.person().await, world.person().await);
    // 03:00 with the one, noon with the other.
    world.prefers(asleep.id, &json!({"time_zone": fresh::zone_at(3)})).await;
    let held = world.trigger(&marketing(&asleep)).await;
    let message = world.message(&held).await;
    assert_eq!((&message["status"], &message["held_because"]), (&json!("held"), &json!("quiet_hours")), "{message}");
    let until = time(&message["held_until"]);
    assert_eq!(message["not_before"], message["held_until"]);
    assert_eq!(
        (&message["decision"]["outcome"], &message["decision"]["until"]),
        (&json!("held"), &message["held_until"])
    );
    let wait = until.duration_since(Timestamp::now());
    assert!(wait > SignedDuration::from_mins(230) && wait <= SignedDuration::from_hours(5), "{wait}");
    assert_eq!(until.as_second() % 3_600, 0, "08:00 sharp: {until}");
    let status = world.status(&held).await;
    assert_eq!(status["status"], "PENDING");
    assert_eq!(
        (&status["messages"][0]["held_because"], time(&status["messages"][0]["held_until"])),
        (&json!("quiet_hours"), until)
    );

    // A priority wakes nobody for an offer.
    let mut urgent = marketing(&asleep);
    urgent["priority"] = json!("critical");
    let also_held = world.trigger(&urgent).await;
    assert_eq!(world.message(&also_held).await["held_because"], "quiet_hours");
    let money = json!({"user_id": asleep.id, "trigger_type": "payment_reminder", "priority": "medium", "channel": "sms", "data": {}});
    world.until(&world.trigger(&money).await, "delivered").await;
    world.until(&world.trigger(&marketing(&awake)).await, "delivered").await;

    // A record that comes too early does nothing.
    world.enqueue("standard", &held).await;
    world.until_stepped(&held, 1).await;
    assert_eq!(trail(&world.message(&held).await), ["held"]);
    assert!(world.arrived(&asleep.email).await.is_empty());
}

#[tokio::test]
async fn a_held_message_goes_when_its_morning_comes_and_is_asked_about_again() {
    let world = World::new();
    let _lines = world.share(&[Line::Resend, Line::Sendgrid]).await;
    let person = world.person().await;
    world.prefers(person.id, &json!({"time_zone": fresh::zone_at(3)})).await;
    let held = world.trigger(&marketing(&person)).await;
    assert_eq!(world.message(&held).await["status"], "held");
    // Its time comes, but where they are now it is still night: it waits on.
    world.age(&held, 6 * 3_600).await;
    world.until_swept(seconds(30), &held, "held").await;
    world.until_stepped(&held, 1).await;
    assert!(time(&world.message(&held).await["held_until"]) > Timestamp::now());
    // They are awake: it goes.
    world.prefers(person.id, &json!({"time_zone": fresh::zone_at(12)})).await;
    world.age(&held, 6 * 3_600).await;
    let message = world.until_swept(seconds(30), &held, "delivered").await;
    assert_eq!((&message["held_until"], &message["held_because"]), (&Value::Null, &Value::Null), "{message}");
    world.the_one(&person.email, "email").await;
}

#[tokio::test]
async fn a_person_has_quiet_hours_of_their_own() {
    let world = World::new();
    let _lines = world.share(&[Line::Resend, Line::Sendgrid]).await;
    let person = world.person().await;
    world.prefers(person.id, &json!({"quiet_hours": {"start": "11:00", "end": "14:00"}})).await;
    let held = world.message(&world.trigger(&marketing(&person)).await).await;
    assert_eq!(held["status"], "held", "{held}");
    let nowhere = json!({"quiet_hours": {"start": "00:00", "end": "00:00"}, "time_zone": fresh::zone_at(3)});
    world.prefers(person.id, &nowhere).await;
    world.until(&world.trigger(&marketing(&person)).await, "delivered").await;
}
