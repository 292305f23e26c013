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
