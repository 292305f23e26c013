//! A message travels the whole road, on every channel.

use serde_json::{Value, json};

use crate::world::flows::{count, trail};
use crate::world::{Line, World};

/// What its client reads of a task that arrived.
async fn assert_success(world: &World, task: &str) -> Value {
    let status = world.status(task).await;
    assert_eq!(status["task_id"], task, "{status}");
    assert_eq!(status["status"], "SUCCESS", "{status}");
    assert_eq!(status["result"]["delivered"], true, "{status}");
    for time in ["created", "started", "succeeded"] {
        assert!(status[time].as_str().is_some_and(|time| time.parse::<jiff::Timestamp>().is_ok()), "{time}: {status}");
    }
    assert_eq!(status["result"]["delivery_time"], status["succeeded"], "{status}");
    assert!(status["result"]["error"].is_null(), "{status}");
    status
}

/// What is on record of a message that arrived: why it was sent, and every step in order.
fn assert_recorded(message: &Value) {
    assert_eq!(message["decision"]["outcome"], "allowed", "{message}");
    let checks = message["decision"]["checks"].as_array().expect("checks");
    assert!(checks.len() >= 2 && checks.iter().all(|check| check["passed"] == true), "{message}");
    assert_eq!(message["attempts"], 1, "{message}");
    assert!(message["segments"].as_u64().is_some_and(|segments| segments > 0), "{message}");
    assert!(message["cost"].as_f64().is_some_and(|cost| cost > 0.0), "{message}");
    let steps = trail(message);
    let place =
        |event: &str| steps.iter().position(|step| *step == event).unwrap_or_else(|| panic!("{event} in {steps:?}"));
    assert_eq!(place("accepted"), 0, "{steps:?}");
    // What says `delivered` may overtake our own note that it was sent.
    assert!(place("sending") < place("delivered"), "{steps:?}");
    assert!(count(message, "sent") == 0 || place("sending") < place("sent"), "{steps:?}");
    assert_eq!(count(message, "sending"), 1, "{steps:?}");
    let times: Vec<&str> =
        message["trail"].as_array().expect("a trail").iter().filter_map(|step| step["at"].as_str()).collect();
    let parsed: Vec<jiff::Timestamp> = times.iter().filter_map(|time| time.parse().ok()).collect();
    assert!(parsed.len() == times.len() && parsed.is_sorted(), "{times:?}");
}

#[tokio::test]
async fn an_sms_by_trigger_arrives_once_and_its_client_is_told() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let person = world.person().await;
    let body = json!({
        "user_id": person.id, "trigger_type": "financial_alert", "channel": "sms", "priority": "critical",
        "data": {"amount": 100.5, "account": "checking", "threshold": 200},
    });
    let answer = world.post("/api/communication/send", &body).send().await.ok();
    assert_eq!(answer["success"], true, "{answer}");
    assert_eq!(answer["message"], "Communication scheduled successfully", "{answer}");
    assert!(answer["cost"].as_f64().is_some_and(|cost| cost > 0.0), "{answer}");
    let task = answer["task_id"].as_str().expect("an id");

    let message = world.until(task, "delivered").await;
    assert_recorded(&message);
    assert_eq!(message["user_id"], person.id, "{message}");
    assert_eq!(message["lane"], "urgent", "{message}");
    assert_eq!(message["trigger_type"], "financial_alert", "{message}");

    let there = world.the_one(&person.phone, "sms").await;
    let text =
        "Financial alert for your checking account: amount 100.50, threshold 200.00. Please review your account.";
    assert_eq!(there["text"], text);
    let status = assert_success(&world, task).await;
    assert_eq!(status["result"]["message_id"], there["id"], "{status}");
}

#[tokio::test]
async fn a_whatsapp_message_by_trigger_arrives_once() {
    let world = World::new();
    let _lines = world.share(&[Line::Whatsapp]).await;
    let person = world.person().await;
    let body = json!({
        "user_id": person.id, "trigger_type": "task_assignment", "channel": "whatsapp", "data": {"task": "Paint", "priority": "high"},
    });
    let task = world.trigger(&body).await;
    assert_recorded(&world.until(&task, "delivered").await);
    let there = world.the_one(&person.phone, "whatsapp").await;
    assert_eq!(there["text"], "New task assigned: Paint. Priority: high.");
    assert!(world.arrived(&person.phone).await.len() == 1, "nothing by SMS");
    assert_success(&world, &task).await;
}

#[tokio::test]
async fn an_email_by_trigger_goes_through_one_of_the_providers_and_arrives_once() {
    let world = World::new();
    let _lines = world.share(&[Line::Resend, Line::Sendgrid]).await;
    let person = world.person().await;
    let body = json!({
        "user_id": person.id, "trigger_type": "monthly_report", "channel": "email",
        "data": {"month": "October", "summary": "You saved <b>120</b> dollars."},
    });
    let task = world.trigger(&body).await;
    let message = world.until(&task, "delivered").await;
    assert_recorded(&message);
    assert_eq!(message["decision"]["reason"], "explicit_consent", "{message}");
    let there = world.the_one(&person.email, "email").await;
    assert_eq!(there["provider"], message["provider"], "{there}");
    assert_eq!(there["subject"], "Your monthly report: October");
    assert!(there["text"].as_str().is_some_and(|text| text.contains("You saved <b>120</b> dollars.")), "{there}");
    assert!(
        there["html"].as_str().is_some_and(|html| html.contains("&lt;b&gt;120")),
        "data is escaped in HTML: {there}"
    );
    assert_success(&world, &task).await;
}

#[tokio::test]
async fn both_means_one_sms_and_one_email_of_the_same_task() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::Resend, Line::Sendgrid]).await;
    let person = world.person().await;
    let body = json!({
        "user_id": person.id, "trigger_type": "booking_confirmation", "channel": "both",
        "data": {"service": "Cleaning", "date": "May 5", "time": "10:00"},
    });
    let task = world.trigger(&body).await;
    world.until(&task, "delivered").await;
    let parts = world.status(&task).await["messages"].as_array().expect("parts").clone();
    let channels: Vec<&str> = parts.iter().filter_map(|part| part["channel"].as_str()).collect();
    assert_eq!(channels, ["sms", "email"], "{parts:?}");
    for part in &parts {
        let message = world.until(part["id"].as_str().expect("an id"), "delivered").await;
        assert_recorded(&message);
        assert_eq!(message["task_id"], task.as_str(), "{message}");
    }
    let sms = world.the_one(&person.phone, "sms").await;
    assert_eq!(sms["text"], "Your booking for Cleaning on May 5 at 10:00 is confirmed.");
    let email = world.the_one(&person.email, "email").await;
    assert_eq!(email["subject"], "Your booking is confirmed");
    assert_success(&world, &task).await;
}

#[tokio::test]
async fn direct_texts_arrive_as_they_were_written() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::Whatsapp]).await;
    for (endpoint, channel) in [("send-sms", "sms"), ("send-whatsapp", "whatsapp")] {
        let (to, text) = (crate::world::fresh::phone(), format!("{} & 100 % + €", crate::world::fresh::text()));
        let id = world.direct(endpoint, &json!({"to": to, "body": text})).await;
        assert_recorded(&world.until(&id, "delivered").await);
        assert_eq!(world.the_one(&to, channel).await["text"], text.as_str());
        assert_success(&world, &id).await;
    }
}

#[tokio::test]
async fn a_direct_email_goes_through_sendgrid_and_arrives_once() {
    let world = World::new();
    let _lines = world.share(&[Line::Sendgrid]).await;
    let (to, text) = (crate::world::fresh::email(), crate::world::fresh::text());
    let html = format!("<p>{text}</p>");
    let body = json!({"to": to, "from": "hello@mailbox.example", "subject": "A letter", "text": text, "html": html});
    let id = world.direct("send-email", &body).await;
    let message = world.until(&id, "delivered").await;
    assert_recorded(&message);
    assert_eq!(message["provider"], "sendgrid", "{message}");
    let there = world.the_one(&to, "email").await;
    assert_eq!(there["provider"], "sendgrid", "{there}");
    assert_eq!((&there["subject"], &there["text"]), (&json!("A letter"), &json!(text)));
    assert_eq!(there["html"], format!("<p>{text}</p>").as_str());
    assert_success(&world, &id).await;
}

#[tokio::test]
async fn a_long_text_is_counted_and_priced_by_its_segments() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let to = crate::world::fresh::phone();
    let one = world.sms(&to, &crate::world::fresh::text()).await;
    let many = world.sms(&to, &format!("{} {}", crate::world::fresh::text(), "a".repeat(300))).await;
    let (one, many) = (world.until(&one, "delivered").await, world.until(&many, "delivered").await);
    assert_eq!((&one["segments"], &many["segments"]), (&json!(1), &json!(3)));
    let cost = |message: &Value| message["cost"].as_f64().expect("a cost");
    assert!((cost(&many) - 3.0 * cost(&one)).abs() < 1e-9, "{} and {}", cost(&many), cost(&one));
}
