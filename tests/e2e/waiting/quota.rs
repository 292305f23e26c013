//! No more than somebody should get.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{marketing, time};
use crate::world::{Line, World, eventually, seconds};

/// What waits for its place in a sender's line is held too, for a moment.
const PACE: &str = "sender_pace";

/// The message, once it waits because somebody had enough.
async fn capped(world: &World, id: &str) -> Value {
    eventually(&format!("{id} is held by a cap"), seconds(40), async || {
        let message = world.message(id).await;
        let is_capped = message["status"] == "held" && message["held_because"] != PACE;
        if is_capped { Ok(message) } else { Err(message.to_string()) }
    })
    .await
}

#[tokio::test]
async fn the_fourth_marketing_message_of_a_day_waits_for_the_next() {
    let world = World::new();
    let _lines = world.share(&[Line::Resend, Line::Sendgrid]).await;
    let person = world.person().await;
    for _ in 0..3 {
        world.until(&world.trigger(&marketing(&person)).await, "delivered").await;
    }
    let fourth = world.trigger(&marketing(&person)).await;
    let held = capped(&world, &fourth).await;
    assert_eq!(
        (&held["held_because"], &held["decision"]["reason"]),
        (&json!("frequency_cap"), &json!("frequency_cap"))
    );
    // Noon here: the next day begins in 11 to 12 hours, its morning 8 hours later, and they come spread over an hour.
    let wait = time(&held["held_until"]).duration_since(Timestamp::now());
    assert!(wait > SignedDuration::from_hours(18) && wait < SignedDuration::from_hours(21), "{wait}: {held}");
    let last = held["decision"]["checks"].as_array().and_then(|checks| checks.last()).expect("a check");
    assert_eq!(last, &json!({"rule": "frequency_cap", "passed": false, "reason": "frequency_cap"}));
    // The cap is on marketing alone.
    let money = json!({"user_id": person.id, "trigger_type": "payment_confirmation", "channel": "email", "data": {}});
    world.until(&world.trigger(&money).await, "delivered").await;
    // A record that comes again takes no second place: of those that went none comes twice.
    world.enqueue("standard", &fourth).await;
    world.until_stepped(&fourth, 2).await;
    assert_eq!(world.message(&fourth).await["status"], "held");
    assert_eq!(world.arrived(&person.email).await.len(), 4);
}

#[tokio::test]
async fn of_many_at_the_same_moment_no_more_go_than_the_cap_lets_through() {
    let world = World::new();
    let _lines = world.share(&[Line::Resend, Line::Sendgrid]).await;
    let person = world.person().await;
    let body = marketing(&person);
    let tasks = futures::future::join_all((0..8).map(|_| world.trigger(&body))).await;
    let settled = eventually("all of them are settled", seconds(40), async || {
        let mut statuses = Vec::new();
        for task in &tasks {
            let message = world.message(task).await;
            statuses.push((message["status"].clone(), message["held_because"].clone()));
        }
        let count = |status: &str| statuses.iter().filter(|(found, why)| found == status && why != PACE).count();
        let seen = (count("delivered"), count("held"));
        if seen.0 + seen.1 == tasks.len() { Ok(seen) } else { Err(format!("{statuses:?}")) }
    });
    assert_eq!(settled.await, (3, 5));
    assert_eq!(world.arrived(&person.email).await.len(), 3);
}

#[tokio::test]
async fn who_wants_each_kind_once_a_week_gets_it_once() {
    let world = World::new();
    let _lines = world.share(&[Line::Resend, Line::Sendgrid]).await;
    let person = world.person().await;
    world.prefers(person.id, &json!({"frequency_preference": "weekly"})).await;
    world.until(&world.trigger(&marketing(&person)).await, "delivered").await;
    let again = capped(&world, &world.trigger(&marketing(&person)).await).await;
    assert_eq!(again["held_because"], "frequency_preference", "{again}");
    assert!(time(&again["held_until"]) > Timestamp::now() + SignedDuration::from_hours(7), "{again}");
    let mut other = marketing(&person);
    other["trigger_type"] = json!("educational_content");
    world.until(&world.trigger(&other).await, "delivered").await;
}

#[tokio::test]
async fn a_message_that_never_reached_anybody_takes_nobodys_place() {
    let world = World::new();
    let lines = world.own(&[Line::Sms]).await;
    let person = world.person().await;
    let mut text = marketing(&person);
    text["channel"] = json!("sms");
    let refuse = json!({
        "provider": "twilio", "channel": "sms", "kind": "status", "status": 400, "count": 1, "to": person.phone,
    });
    let fault = world.fault(refuse).await;
    world.until(&world.trigger(&text).await, "failed").await;
    fault.used_up(&world).await;
    drop(lines);
    let _lines = world.share(&[Line::Sms]).await;
    for _ in 0..3 {
        world.until(&world.trigger(&text).await, "delivered").await;
    }
    capped(&world, &world.trigger(&text).await).await;
}
