//! What a rule of time asks to wait is held, not dropped: the record says until when and why.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::world::flows::{Person, trail};
use crate::world::{Line, World, fresh};

fn marketing(person: &Person) -> Value {
    json!({"user_id": person.id, "trigger_type": "weekly_checkin", "channel": "email", "data": {}})
}

fn time(value: &Value) -> Timestamp {
    value.as_str().and_then(|at| at.parse().ok()).unwrap_or_else(|| panic!("no time: {value}"))
}

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

    let mut urgent = marketing(&asleep);
    urgent["priority"] = json!("critical");
    world.until(&world.trigger(&urgent).await, "delivered").await;
    let money = json!({"user_id": asleep.id, "trigger_type": "payment_reminder", "priority": "medium", "channel": "sms", "data": {}});
    world.until(&world.trigger(&money).await, "delivered").await;
    world.until(&world.trigger(&marketing(&awake)).await, "delivered").await;

    // A record that comes too early does nothing.
    world.enqueue("standard", &held).await;
    world.until_stepped(&held, 1).await;
    assert_eq!(trail(&world.message(&held).await), ["held"]);
    assert_eq!(world.arrived(&asleep.email).await.len(), 1, "the urgent one alone");
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
    world.until_swept(crate::world::seconds(30), &held, "held").await;
    world.until_stepped(&held, 1).await;
    assert!(time(&world.message(&held).await["held_until"]) > Timestamp::now());
    // They are awake: it goes.
    world.prefers(person.id, &json!({"time_zone": fresh::zone_at(12)})).await;
    world.age(&held, 6 * 3_600).await;
    let message = world.until_swept(crate::world::seconds(30), &held, "delivered").await;
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

#[tokio::test]
async fn the_fourth_marketing_message_of_a_day_waits_for_the_next() {
    let world = World::new();
    let _lines = world.share(&[Line::Resend, Line::Sendgrid]).await;
    let person = world.person().await;
    for _ in 0..3 {
        world.until(&world.trigger(&marketing(&person)).await, "delivered").await;
    }
    let fourth = world.trigger(&marketing(&person)).await;
    let held = world.until(&fourth, "held").await;
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
    let settled = crate::world::eventually("all of them are settled", crate::world::seconds(40), async || {
        let mut statuses = Vec::new();
        for task in &tasks {
            statuses.push(world.message(task).await["status"].as_str().expect("a status").to_owned());
        }
        let count = |status: &str| statuses.iter().filter(|found| *found == status).count();
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
    let again = world.until(&world.trigger(&marketing(&person)).await, "held").await;
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
    let refuse =
        json!({"provider": "twilio", "channel": "sms", "kind": "status", "status": 400, "rate": 1, "count": 1});
    let fault = world.fault(refuse).await;
    world.until(&world.trigger(&text).await, "failed").await;
    fault.used_up(&world).await;
    drop(lines);
    let _lines = world.share(&[Line::Sms]).await;
    for _ in 0..3 {
        world.until(&world.trigger(&text).await, "delivered").await;
    }
    world.until(&world.trigger(&text).await, "held").await;
}

/// To the millisecond, as times are kept.
fn in_seconds(seconds: i64) -> Timestamp {
    Timestamp::from_millisecond(Timestamp::now().as_millisecond() + seconds * 1_000).expect("a time")
}

fn reminder(person: &Person) -> Value {
    json!({"user_id": person.id, "trigger_type": "booking_reminder", "channel": "sms", "data": {}})
}

#[tokio::test]
async fn a_reminder_that_is_worthless_by_now_is_never_sent() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let person = world.person().await;
    let mut body = reminder(&person);
    body["scheduled_time"] = json!(in_seconds(3_600).to_string());
    body["expires_at"] = json!(in_seconds(7_200).to_string());
    let task = world.trigger(&body).await;
    // Two hours and a bit later, as if nothing had run meanwhile.
    let past = crate::world::aws::number(in_seconds(-1).as_millisecond());
    world.rewrite(&task, "SET valid_until = :t", &[(":t", past)]).await;
    world.age(&task, 3_601).await;
    let message = world.until_swept(crate::world::seconds(30), &task, "expired").await;
    assert_eq!((&message["reason"], &message["attempts"]), (&json!("expired"), &json!(0)), "{message}");
    assert_eq!(trail(&message), ["scheduled", "expired"]);
    assert_eq!(world.status(&task).await["status"], "FAILURE");
    assert!(world.arrived(&person.phone).await.is_empty());
}

#[tokio::test]
async fn what_would_be_worthless_by_the_end_of_its_hold_is_told_so_at_once() {
    let world = World::new();
    let person = world.person().await;
    world.prefers(person.id, &json!({"time_zone": fresh::zone_at(3)})).await;
    let mut body = marketing(&person);
    body["expires_at"] = json!(in_seconds(3_600).to_string());
    let key = fresh::word();
    let refused = world.post("/api/communication/send", &body).key(&key).send().await;
    let refused = refused.refused(403, "The message would be worthless before it may be sent").json;
    assert_eq!(refused["reason"], "expired");
    let message = world.message(refused["task_id"].as_str().expect("an id")).await;
    assert_eq!((&message["status"], &message["reason"]), (&json!("expired"), &json!("expired")), "{message}");
    assert_eq!(
        (&message["decision"]["outcome"], &message["decision"]["reason"]),
        (&json!("held"), &json!("quiet_hours"))
    );
    assert!(time(&message["decision"]["until"]) > time(&message["expires_at"]));
    let again = world.post("/api/communication/send", &body).key(&key).send().await.is(403);
    assert_eq!((again.header("idempotency-replay"), &again.json), ("true", &refused));
}

#[tokio::test]
async fn an_expiry_that_makes_no_sense_is_named_on_every_surface() {
    let world = World::new();
    let person = world.person().await;
    let (to, past) = (fresh::phone(), "2025-01-27T10:00:00Z");
    let text = fresh::text();
    let surfaces = [
        ("/api/communication/send", reminder(&person)),
        ("/api/v1/twilio/send-sms", json!({"to": to, "body": text})),
        ("/api/v1/twilio/send-whatsapp", json!({"to": to, "body": text})),
        ("/api/v1/twilio/send-email", json!({"to": person.email, "subject": "Hello", "text": text})),
        ("/api/sms/send", json!({"to_number": to, "message": text})),
        ("/api/sms/send-bulk", json!({"phone_numbers": [to], "message": text})),
        ("/api/sms/whatsapp/send", json!({"to_number": to, "message": text})),
        ("/api/v2/communications/sms", json!({"to": to, "message": text})),
        ("/api/v2/communications/sms/bulk", json!({"message": text, "recipients": [{"to": to}]})),
    ];
    for (path, mut body) in surfaces {
        for bad in ["soon", past] {
            body["expires_at"] = json!(bad);
            let answer = world.post(path, &body).send().await.refused(400, "Invalid value for field: expires_at");
            assert_eq!(answer.json["field"], "expires_at", "{path}");
        }
    }
    let mut body = reminder(&person);
    body["scheduled_time"] = json!(in_seconds(600).to_string());
    body["expires_at"] = json!(in_seconds(500).to_string());
    let batch = world.post("/api/communication/batch", &json!({"communications": [body]})).send().await.ok();
    assert_eq!(batch["results"][0]["error"], "Invalid value for field: expires_at", "{batch}");
    assert!(world.arrived(&to).await.is_empty() && world.arrived(&person.phone).await.is_empty());
}

#[tokio::test]
async fn a_request_that_is_repeated_after_its_message_expired_gets_its_answer_again() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let text = fresh::text();
    for (path, mut body) in [
        ("/api/v1/twilio/send-sms", json!({"to": fresh::phone(), "body": text})),
        ("/api/sms/send-bulk", json!({"phone_numbers": [fresh::phone(), "12"], "message": text})),
        ("/api/v2/communications/sms", json!({"to": fresh::phone(), "message": text})),
    ] {
        let expires = in_seconds(2);
        body["expires_at"] = json!(expires.to_string());
        let key = fresh::word();
        let first = world.post(path, &body).key(&key).send().await.ok();
        let wait = expires.duration_since(Timestamp::now()) + SignedDuration::from_millis(50);
        tokio::time::sleep(wait.max(SignedDuration::ZERO).unsigned_abs()).await;
        let again = world.post(path, &body).key(&key).send().await;
        assert_eq!(again.header("idempotency-replay"), "true", "{path}");
        assert_eq!(again.ok(), first, "{path}");
        world.post(path, &body).send().await.refused(400, "Invalid value for field: expires_at");
    }
}

#[tokio::test]
async fn a_preferred_time_is_the_persons_and_the_answer_says_when() {
    let world = World::new();
    let person = world.person().await;
    // Noon there: nine o'clock is tomorrow.
    world.prefers(person.id, &json!({"preferred_sms_time": "09:00:00", "preferred_email_day": 3})).await;
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
    let zone = jiff::tz::TimeZone::get(&fresh::zone_at(12)).expect("a zone");
    let there = zone.to_datetime(day);
    assert_eq!((there.weekday(), there.hour(), there.minute()), (jiff::civil::Weekday::Wednesday, 10, 0), "{mail}");
}

#[tokio::test]
async fn a_message_moved_earlier_comes_to_the_second_and_once() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let person = world.person().await;
    let mut body = reminder(&person);
    body["scheduled_time"] = json!(in_seconds(7_200).to_string());
    let task = world.trigger(&body).await;
    let soon = in_seconds(4);
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
    assert!(late >= SignedDuration::ZERO && late <= SignedDuration::from_secs(3), "{late}");
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
    body["scheduled_time"] = json!(in_seconds(4).to_string());
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
    let reader = crate::world::tokens::token(&fresh::word(), "communication:read");
    world.post(&path, &soon).token(&reader).send().await.refused(403, "Insufficient scope");
}

/// Whoever moves a message at the moment it goes is told the truth: it was moved and has not gone, or it went.
#[tokio::test]
async fn a_message_that_was_moved_at_the_last_moment_has_not_gone() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let due = in_seconds(3);
    let later = json!({"scheduled_time": in_seconds(7_200).to_string()});
    let race = |place: i64| {
        let (world, later) = (&world, &later);
        async move {
            let person = world.person().await;
            let mut body = reminder(&person);
            body["scheduled_time"] = json!(due.to_string());
            let task = world.trigger(&body).await;
            let moment = due + SignedDuration::from_millis(place * 60);
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
    let moved = futures::future::join_all((0..20).map(race)).await.into_iter().filter(|moved| *moved).count();
    assert!(moved > 0, "some came in time");
}
