//! Another time for what was accepted.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{in_seconds, marketing, reminder, time};
use crate::world::flows::trail;
use crate::world::{Line, World, fresh, tokens};

#[tokio::test]
async fn a_message_moved_earlier_comes_to_the_second_and_once() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let person = world.person().await;
    let mut body = reminder(&person);
    body["scheduled_time"] = json!(in_seconds(7_200).to_string());
    let task = world.trigger(&body).await;
    let soon = in_seconds(30);
    let path = format!("/api/communication/reschedule/{task}");
    let moved = world.post(&path, &json!({"scheduled_time": soon.to_string()})).send().await.ok();
    assert_eq!(
        (&moved["success"], &moved["message"]),
        (&json!(true), &json!("Communication rescheduled successfully"))
    );
    assert_eq!(time(&moved["scheduled_time"]), soon);
    // Twice is as once.
    world.post(&path, &json!({"scheduled_time": soon.to_string()})).send().await.ok();
    assert_eq!(trail(&world.message(&task).await), ["scheduled", "rescheduled"]);
    let message = world.until(&task, "delivered").await;
    assert_eq!(time(&message["scheduled_at"]), soon, "{message}");
    let there = world.the_one(&person.phone, "sms").await;
    let late = time(&there["received_at"]).duration_since(soon);
    assert!(late >= SignedDuration::ZERO && late <= SignedDuration::from_secs(58), "{late}, by the sweep?");
    let too_late = world.post(&path, &json!({"scheduled_time": in_seconds(60).to_string()})).send().await;
    let too_late = too_late.refused(409, "Communication can no longer be rescheduled").json;
    assert_eq!((&too_late["status"], &too_late["details"]), (&json!("delivered"), &json!("Its status is delivered")));
}

#[tokio::test]
async fn a_message_moved_later_does_not_come_at_its_old_time() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let person = world.person().await;
    let mut body = reminder(&person);
    body["scheduled_time"] = json!(in_seconds(30).to_string());
    let task = world.trigger(&body).await;
    let path = format!("/api/v2/communications/messages/{task}/reschedule");
    let later = in_seconds(7_200);
    world.post(&path, &json!({"scheduled_time": later.to_string()})).send().await.ok();
    // The record that was queued for the old time comes, and does nothing.
    world.until_stepped(&task, 1).await;
    let message = world.message(&task).await;
    assert_eq!((&message["status"], time(&message["not_before"])), (&json!("scheduled"), later), "{message}");
    assert!(world.arrived(&person.phone).await.is_empty());
    // Now it is.
    world.post(&path, &json!({"scheduled_time": in_seconds(-60).to_string()})).send().await.ok();
    world.until(&task, "delivered").await;
    world.the_one(&person.phone, "sms").await;
}

#[tokio::test]
async fn rescheduling_lifts_no_rule_and_knows_its_bounds() {
    let world = World::new();
    let person = world.person().await;
    world.prefers(person.id, &json!({"time_zone": fresh::zone_at(3)})).await;
    let held = world.trigger(&marketing(&person)).await;
    let path = format!("/api/communication/reschedule/{held}");
    world.post(&path, &json!({"scheduled_time": in_seconds(0).to_string()})).send().await.ok();
    let message = world.until(&held, "held").await;
    assert_eq!(message["held_because"], "quiet_hours", "{message}");
    let far = json!({"scheduled_time": in_seconds(400 * 86_400).to_string()});
    world.post(&path, &far).send().await.refused(400, "Invalid value for field: scheduled_time");
    world.post(&path, &json!({})).send().await.refused(400, "Missing required field: scheduled_time");
    let mut body = reminder(&person);
    body["scheduled_time"] = json!(in_seconds(3_600).to_string());
    body["expires_at"] = json!(in_seconds(7_200).to_string());
    let path = format!("/api/communication/reschedule/{}", world.trigger(&body).await);
    let after = json!({"scheduled_time": in_seconds(7_300).to_string()});
    world.post(&path, &after).send().await.refused(400, "Invalid value for field: scheduled_time");
    let soon = json!({"scheduled_time": in_seconds(60).to_string()});
    for unknown in [uuid::Uuid::now_v7().to_string(), "not-an-id".to_owned()] {
        world.post(&format!("/api/communication/reschedule/{unknown}"), &soon).send().await.is(404);
        world.post(&format!("/api/v2/communications/messages/{unknown}/reschedule"), &soon).send().await.is(404);
    }
    let reader = tokens::token(&fresh::word(), "communication:read");
    world.post(&path, &soon).token(&reader).send().await.refused(403, "Insufficient scope");
}

/// Whoever moves a message at the moment it goes is told the truth: it was moved and has not gone, or it went.
#[tokio::test]
async fn a_message_that_was_moved_at_the_last_moment_has_not_gone() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let people = futures::future::join_all((0..20).map(|_| world.person())).await;
    let due = in_seconds(45);
    let later = json!({"scheduled_time": in_seconds(7_200).to_string()});
    let race = |(place, person)| {
        let (world, later): (&World, _) = (&world, &later);
        async move {
            let mut body = reminder(person);
            body["scheduled_time"] = json!(due.to_string());
            let task = world.trigger(&body).await;
            // Half of them before it is due; on a busy machine the request takes its time.
            let moment = due + SignedDuration::from_millis((place - 10) * 120);
            let wait = moment.duration_since(Timestamp::now()).max(SignedDuration::ZERO);
            tokio::time::sleep(wait.unsigned_abs()).await;
            let answer = world.post(&format!("/api/communication/reschedule/{task}"), later).send().await;
            if answer.status == 200 {
                world.until_stepped(&task, 1).await;
                let message = world.message(&task).await;
                assert_eq!((&message["status"], &message["attempts"]), (&json!("scheduled"), &json!(0)), "{message}");
                assert!(world.arrived(&person.phone).await.is_empty(), "{message}");
                return true;
            }
            answer.is(409);
            world.until(&task, "delivered").await;
            world.the_one(&person.phone, "sms").await;
            false
        }
    };
    let moved =
        futures::future::join_all((0_i64..).zip(&people).map(race)).await.into_iter().filter(|moved| *moved).count();
    assert!(moved > 0, "some came in time");
}

/// Between a worker's reading and its claim there is a moment; here it is as long as it takes.
#[tokio::test]
async fn who_read_a_message_before_it_was_moved_can_neither_claim_nor_hold_it() {
    let world = World::new();
    let person = world.person().await;
    let store = world.store().await;
    let mut body = reminder(&person);
    body["scheduled_time"] = json!(in_seconds(3_600).to_string());
    let task = world.trigger(&body).await;
    let seen = store.get(task.parse().expect("an id")).await.expect("the store").expect("the message");
    let later = json!({"scheduled_time": in_seconds(7_200).to_string()});
    world.post(&format!("/api/communication/reschedule/{task}"), &later).send().await.ok();
    let (now, soon) = (Timestamp::now(), in_seconds(30));
    assert!(!store.claim(&seen, &seen.decision, soon, now).await.expect("the store"));
    let hold = seen.decision.clone().held("quiet_hours", "quiet_hours", soon);
    assert!(!store.hold(&seen, &hold, soon, soon, now).await.expect("the store"));
    let message = world.message(&task).await;
    assert_eq!((&message["status"], &message["attempts"]), (&json!("scheduled"), &json!(0)), "{message}");
    // Who reads it as it is now can.
    let fresh = store.get(seen.id).await.expect("the store").expect("the message");
    assert!(store.hold(&fresh, &hold, soon, soon, now).await.expect("the store"));
    world.post(&format!("/api/communication/cancel/{task}"), &json!({})).send().await.ok();
}

/// The attack: a service that sends moves, cancels or sends again what another service sent.
#[tokio::test]
async fn other_caller_cannot_reschedule_a_message() {
    let world = World::new();
    let (maker, other) = (tokens::sender(&fresh::word()), tokens::sender(&fresh::word()));
    let administrator = tokens::token(&fresh::word(), "communication:send settings:manage");
    let person = world.person().await;
    let body = json!({
        "user_id": person.id, "booking": {"service": "Cleaning", "date": "May 5", "time": "10:00"},
    });
    let sent = world.post("/api/sms/resend-booking-confirmation", &body).token(&maker).send().await.ok();
    let confirmation = sent["message_id"].as_str().expect("an id").to_owned();
    let again = world.post("/api/sms/resend-booking-confirmation", &json!({"message_id": confirmation}));
    again.token(&other).send().await.refused(404, "Message not found");
    let mut body = reminder(&person);
    body["scheduled_time"] = json!(in_seconds(7_200).to_string());
    let made = world.post("/api/communication/send", &body).token(&maker).send().await.ok();
    let task = made["task_id"].as_str().expect("an id").to_owned();
    let before = world.message(&task).await;
    let now = json!({"scheduled_time": in_seconds(60).to_string()});
    for (path, error) in [
        (format!("/api/communication/reschedule/{task}"), "Task not found"),
        (format!("/api/v2/communications/messages/{task}/reschedule"), "Message not found"),
        (format!("/api/communication/cancel/{task}"), "Task not found"),
    ] {
        world.post(&path, &now).token(&other).send().await.refused(404, error);
    }
    assert_eq!(world.message(&task).await, before);
    let cancelled = world.post_text(&format!("/api/communication/cancel/{task}"), "").token(&administrator);
    cancelled.send().await.ok();
}
