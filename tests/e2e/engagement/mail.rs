//! Openings and clicks of e-mails, as their providers tell them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::counts;
use crate::world::{Line, World, fresh, signing};

/// An e-mail that SendGrid took and says nothing of, to this address.
async fn silent(world: &World) -> (String, String) {
    let to = format!("silent+{}@simulator.example", fresh::word());
    let body = json!({"to": to, "from": "hello@mailbox.example", "subject": "x", "text": fresh::text()});
    let id = world.direct("send-email", &body).await;
    world.until(&id, "sent").await;
    (id, to)
}

async fn sendgrid_says(world: &World, events: &[Value]) {
    let now = Timestamp::now().as_second();
    let body = format!("{}\r\n", Value::Array(events.to_vec()));
    world.sendgrid_events(now, &signing::sendgrid(now, &body), &body).await.is(200);
}

#[tokio::test]
async fn openings_and_clicks_are_counted_once_each_and_programs_apart() {
    let world = World::new();
    let _lines = world.share(&[Line::Sendgrid]).await;
    let (id, to) = silent(&world).await;
    let start = Timestamp::now().as_second();
    let event = |name: &str, second: i64, more: Value| {
        let mut event = json!({"event": name, "message_id": id, "email": to, "timestamp": start - 100 + second,
            "sg_event_id": format!("{name}-{second}-{id}"), "useragent": "Mozilla/5.0", "ip": "192.0.2.1"});
        event.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        event
    };
    // A program that opens it shows nothing, not even that it arrived.
    let machine = event("open", 1, json!({"sg_machine_open": true}));
    sendgrid_says(&world, std::slice::from_ref(&machine)).await;
    let message = world.message(&id).await;
    assert_eq!((&message["status"], &message["opened_at"]), (&json!("sent"), &Value::Null), "{message}");
    assert_eq!(counts(&message), json!([0, 1, 0, 0, 0]));

    // The later ones first, and each of them three times.
    let secret = fresh::word();
    let click = event("click", 30, json!({"url": format!("https://a.example/{secret}")}));
    let (open, early) = (event("open", 20, json!({"sg_machine_open": false})), event("open", 10, json!({})));
    for _ in 0..3 {
        sendgrid_says(&world, &[click.clone(), open.clone(), early.clone(), machine.clone(), click.clone()]).await;
    }
    sendgrid_says(&world, &[event("delivered", 5, json!({}))]).await;
    let message = world.message(&id).await;
    assert_eq!(message["status"], "delivered", "{message}");
    assert_eq!(counts(&message), json!([2, 1, 1, 0, 0]), "{message}");
    let at =
        |name: &str| message[name].as_str().and_then(|at| at.parse::<Timestamp>().ok()).expect("a time").as_second();
    assert_eq!(
        (at("opened_at"), at("clicked_at")),
        (start - 90, start - 70),
        "the first of each, in whatever order they came"
    );
    let log = world.stack.logs.join(format!("{}.log", world.stack.functions["webhooks"]));
    assert!(!std::fs::read_to_string(log).expect("a log").contains(&secret), "a clicked address is in no log");
}

#[tokio::test]
async fn an_opening_of_what_bounced_changes_nothing_but_the_count() {
    let world = World::new();
    let _lines = world.share(&[Line::Sendgrid]).await;
    let (id, to) = silent(&world).await;
    let now = Timestamp::now().as_second();
    let event = |name: &str, more: Value| {
        let mut event = json!({"event": name, "message_id": id, "email": to, "timestamp": now, "sg_event_id": format!("{name}-{id}")});
        event.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        event
    };
    sendgrid_says(&world, &[event("bounce", json!({"type": "blocked", "status": "5.7.1", "reason": "blocked"}))]).await;
    sendgrid_says(&world, &[event("open", json!({})), event("delivered", json!({}))]).await;
    let message = world.message(&id).await;
    assert_eq!(
        (&message["status"], &message["provider_code"]),
        (&json!("undelivered"), &json!("blocked 5.7.1")),
        "{message}"
    );
    assert_eq!(counts(&message), json!([1, 0, 0, 0, 0]));
}

#[tokio::test]
async fn a_message_opened_more_often_than_its_trail_is_long_is_still_counted_exactly() {
    let world = World::new();
    let _lines = world.share(&[Line::Sendgrid]).await;
    let (id, to) = silent(&world).await;
    let now = Timestamp::now().as_second();
    let opens: Vec<Value> = (0..90)
        .map(|n| json!({"event": "open", "message_id": id, "email": to, "timestamp": now, "sg_event_id": format!("{n}-{id}")}))
        .collect();
    for _ in 0..2 {
        for some in opens.chunks(15) {
            sendgrid_says(&world, some).await;
        }
    }
    let message = world.message(&id).await;
    assert_eq!(counts(&message), json!([90, 0, 0, 0, 0]), "{}", message["engagement"]);
    let listed = message["trail"].as_array().expect("a trail").len();
    assert!(listed <= 60, "{listed} listed");
    sendgrid_says(&world, &[json!({"event": "delivered", "message_id": id, "email": to, "timestamp": now, "sg_event_id": format!("d-{id}")})]).await;
    assert_eq!(world.message(&id).await["status"], "delivered");
}
