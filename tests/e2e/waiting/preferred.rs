//! A message goes when the person likes it.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{in_seconds, reminder, time};
use crate::world::{World, fresh};

#[tokio::test]
async fn a_preferred_time_is_the_persons_and_the_answer_says_when() {
    let world = World::new();
    let (person, zone) = (world.person().await, fresh::zone_at(12));
    // Noon there: nine o'clock is tomorrow.
    let wishes = json!({"preferred_sms_time": "09:00:00", "preferred_email_day": 3, "time_zone": zone});
    world.prefers(person.id, &wishes).await;
    let mut body = reminder(&person);
    body["scheduled_time"] = json!("preferred");
    let key = fresh::word();
    let answer = world.post("/api/communication/send", &body).key(&key).send().await.ok();
    let at = time(&answer["scheduled_time"]);
    let wait = at.duration_since(Timestamp::now());
    assert!(wait > SignedDuration::from_hours(19) && wait <= SignedDuration::from_hours(21), "{answer}");
    assert_eq!(at.as_second() % 3_600, 0);
    let task = answer["task_id"].as_str().expect("an id");
    let message = world.message(task).await;
    assert_eq!((&message["status"], time(&message["scheduled_at"])), (&json!("scheduled"), at), "{message}");
    // Moved meanwhile or not: the same request has the same answer.
    let moved = json!({"scheduled_time": in_seconds(86_400 * 3).to_string()});
    world.post(&format!("/api/communication/reschedule/{task}"), &moved).send().await.ok();
    assert_eq!(world.post("/api/communication/send", &body).key(&key).send().await.ok(), answer);

    body["channel"] = json!("email");
    let mail = world.post("/api/communication/batch", &json!({"communications": [body]})).send().await.ok();
    let day = time(&mail["results"][0]["scheduled_time"]);
    let zone = jiff::tz::TimeZone::get(&zone).expect("a zone");
    let there = zone.to_datetime(day);
    assert_eq!((there.weekday(), there.hour(), there.minute()), (jiff::civil::Weekday::Wednesday, 10, 0), "{mail}");
}
