//! What is kept is kept for as long as its consent class says, counted from when it is sent.

use serde_json::json;

use crate::world::{Line, World, fresh};

const DAY: i64 = 86_400;

async fn kept_until(world: &World, id: &str) -> i64 {
    world.row(id).await["expires"].as_n().expect("a number").parse().expect("a number")
}

#[tokio::test]
async fn a_message_is_kept_by_its_class_and_from_its_sending_on() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let person = world.person().await;
    let now = jiff::Timestamp::now().as_second();
    let trigger = |name: &str, at: Option<i64>| {
        let at = at.map(|at| jiff::Timestamp::from_second(at).expect("a time").to_string());
        json!({"user_id": person.id, "trigger_type": name, "channel": "sms", "scheduled_time": at,
               "data": {"amount": 1, "due_date": fresh::text(), "account": "a", "event": "x", "title": "t"}})
    };
    let in_days = |days: i64| now + days * DAY;
    for (name, at, days) in [
        ("security_alert", None, 30),
        ("payment_reminder", None, 400),
        ("security_alert", Some(in_days(60)), 90),
        ("payment_reminder", Some(in_days(300)), 700),
    ] {
        let id = world.trigger(&trigger(name, at)).await;
        let kept = kept_until(&world, &id).await;
        assert!((kept - in_days(days)).abs() < 3_600, "{name}: {} days", (kept - now) / DAY);
    }
    // Put off, it is kept for longer.
    let id = world.trigger(&trigger("security_alert", Some(in_days(1)))).await;
    let later = jiff::Timestamp::from_second(in_days(100)).expect("a time").to_string();
    let path = format!("/api/v2/communications/messages/{id}/reschedule");
    world.post(&path, &json!({"scheduled_time": later})).send().await.ok();
    assert!((kept_until(&world, &id).await - in_days(130)).abs() < 3_600);
}

#[tokio::test]
async fn files_of_what_waits_for_long_are_not_deleted_before_it() {
    let world = World::new();
    let (_, long) = super::long_text();
    let mail = |at: i64| {
        let at = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() + at).expect("a time").to_string();
        let body = json!({"to": fresh::email(), "subject": "Later", "text": long, "scheduled_time": at});
        let call = world.post("/api/v2/communications/email", &body);
        async move { call.send().await.ok()["message_id"].as_str().expect("an id").to_owned() }
    };
    let (soon, later) = (mail(DAY).await, mail(30 * DAY).await);
    assert_eq!(world.objects(&format!("content/transactional/{soon}/")).await.len(), 1);
    assert_eq!(world.objects(&format!("content/later/{later}/")).await.len(), 1);
    let move_to = |id: &str, days: i64| {
        let at = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() + days * DAY).expect("a time");
        let path = format!("/api/v2/communications/messages/{id}/reschedule");
        world.post(&path, &json!({"scheduled_time": at.to_string()}))
    };
    move_to(&soon, 300).send().await.ok();
    move_to(&later, 366).send().await.ok();
    // As if it had been made a hundred days ago: its object has three hundred left.
    let made = jiff::Timestamp::now().as_millisecond() - 100 * DAY * 1_000;
    for (id, status) in [(&soon, 400), (&later, 200)] {
        world.rewrite(id, "SET created_at = :c", &[(":c", crate::world::aws::number(made))]).await;
        move_to(id, 320).send().await.is(status);
    }
}
