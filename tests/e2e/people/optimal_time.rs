//! When somebody is best written to: what they said, else when they read, else as usual; and never in their quiet hours.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::world::{Line, World, eventually, fresh, seconds, signing};

async fn best(world: &World, user: i64, channel: &str) -> Value {
    world.get(&format!("/api/communication/optimal-send-time?user_id={user}&channel={channel}")).send().await.ok()
}

fn time_of(answer: &Value) -> Timestamp {
    let at = answer["optimal_time"].as_str().and_then(|at| at.parse().ok());
    at.unwrap_or_else(|| panic!("no time in {answer}"))
}

#[tokio::test]
async fn a_preference_is_answered_as_printed() {
    let world = World::new();
    let person = world.person().await;
    world.prefers(person.id, &json!({"preferred_sms_time": "09:00:00", "time_zone": "UTC"})).await;
    let asked = Timestamp::now();
    let answer = best(&world, person.id, "sms").await;
    assert_eq!(
        (&answer["success"], &answer["channel"], &answer["reason"]),
        (&json!(true), &json!("sms"), &json!("preference"))
    );
    // As the contract prints it: 2025-01-27T09:00:00+00:00.
    assert!(answer["optimal_time"].as_str().is_some_and(|at| at.ends_with("T09:00:00+00:00")), "{answer}");
    let ahead = time_of(&answer).duration_since(asked);
    assert!(ahead > SignedDuration::ZERO && ahead <= SignedDuration::from_hours(25), "{answer}");
    // By their own clock, and on the channel they are reached on.
    world.prefers(person.id, &json!({"time_zone": "Asia/Kolkata", "sms_enabled": false})).await;
    let answer = world.get(&format!("/api/communication/optimal-send-time?user_id={}", person.id)).send().await.ok();
    assert_eq!((&answer["channel"], &answer["reason"]), (&json!("email"), &json!("default")), "{answer}");
    assert!(answer["optimal_time"].as_str().is_some_and(|at| at.ends_with("T10:00:00+05:30")), "{answer}");
    // A time in their night is put off.
    let night = json!({"preferred_sms_time": "03:00:00", "quiet_hours": {"start": "22:00", "end": "07:30"}});
    world.prefers(person.id, &night).await;
    let answer = best(&world, person.id, "sms").await;
    assert!(answer["optimal_time"].as_str().is_some_and(|at| at.ends_with("T07:30:00+05:30")), "{answer}");
    assert!(answer["details"].as_str().is_some_and(|why| why.contains("quiet hours")), "{answer}");
}

/// SendGrid's events about a message, signed.
async fn events(world: &World, events: &[Value]) {
    let body = format!("{}\r\n", Value::Array(events.to_vec()));
    let now = Timestamp::now().as_second();
    world.sendgrid_events(now, &signing::sendgrid(now, &body), &body).await.is(200);
}

#[tokio::test]
async fn the_hour_at_which_somebody_reads_is_found_and_each_event_counts_once() {
    let world = World::new();
    let _lines = world.share(&[Line::Sendgrid, Line::Resend]).await;
    let person = world.person().await;
    let send = json!({"user_id": person.id, "trigger_type": "user_invitation", "data": {}, "channel": "email"});
    let id = world.trigger(&send).await;
    world.until(&id, "delivered").await;
    assert_eq!(best(&world, person.id, "email").await["reason"], "default");

    let zone = fresh::zone_at(12);
    world.prefers(person.id, &json!({"time_zone": zone})).await;
    let zone = TimeZone::get(&zone).expect("a zone");
    // Half past six in the evening, yesterday there.
    let there = zone.to_datetime(Timestamp::now()).date().yesterday().expect("a day").at(18, 30, 0, 0);
    let evening = there.to_zoned(zone.clone()).expect("a time").timestamp().as_second();
    let event = |kind: &str, id: &str, email: &str| json!({"event": kind, "message_id": id, "sg_event_id": fresh::word(), "timestamp": evening, "email": email});
    // One click, told five times, is one click; what somebody else opened is not theirs.
    let click = event("click", &id, &person.email);
    for _ in 0..5 {
        events(&world, std::slice::from_ref(&click)).await;
    }
    let others: Vec<Value> = (0..3).map(|_| event("click", &id, &fresh::email())).collect();
    events(&world, &others).await;
    assert_eq!(best(&world, person.id, "email").await["reason"], "default");
    events(&world, &[event("click", &id, &person.email)]).await;
    // The hour is counted a moment after the event was taken.
    let answer = eventually("the hour is known", seconds(30), async || {
        let answer = best(&world, person.id, "email").await;
        if answer["reason"] == "past_engagement" { Ok(answer) } else { Err(answer.to_string()) }
    })
    .await;
    assert_eq!(zone.to_datetime(time_of(&answer)).hour(), 18, "{answer}");
    assert!(answer["details"].as_str().is_some_and(|why| why.contains("18:00")), "{answer}");
    // Nothing else is known of their texts; what they say comes first.
    assert_eq!(zone.to_datetime(time_of(&best(&world, person.id, "sms").await)).hour(), 18);
    world.prefers(person.id, &json!({"preferred_sms_time": "09:30:00"})).await;
    assert_eq!(best(&world, person.id, "sms").await["reason"], "preference");
    // A message that may choose its time goes then.
    let mut later = send.clone();
    later["scheduled_time"] = json!("preferred");
    let sent = world.post("/api/communication/send", &later).send().await.ok();
    let at: Timestamp = sent["scheduled_time"].as_str().and_then(|at| at.parse().ok()).expect("a time");
    assert_eq!(at, time_of(&answer));
}

#[tokio::test]
async fn whom_nothing_is_known_of_has_no_best_time() {
    let world = World::new();
    let nobody = fresh::user();
    let path = "/api/communication/optimal-send-time";
    let unknown = world.get(&format!("{path}?user_id={nobody}")).send().await;
    unknown.refused(404, &format!("Unknown user: {nobody}"));
    world.get(path).send().await.refused(400, "Missing required field: user_id");
    world.prefers(nobody, &json!({"time_zone": "UTC"})).await;
    let addressless = world.get(&format!("{path}?user_id={nobody}&channel=sms")).send().await;
    addressless.refused(400, &format!("User {nobody} has no address on this channel"));
    let wrong = world.get(&format!("{path}?user_id={nobody}&channel=fax")).send().await;
    wrong.refused(400, "Invalid value for field: channel");
}
