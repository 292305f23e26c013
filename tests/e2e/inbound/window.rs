//! WhatsApp's window: free text for a day after they wrote.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{whatsapp, written};
use crate::world::flows::in_an_hour;
use crate::world::{Line, World, eventually, fresh, seconds};

/// What the decision says of the window.
fn window(message: &Value) -> String {
    let checks = message["decision"]["checks"].as_array().expect("checks");
    let check = checks.iter().find(|check| check["rule"] == "whatsapp_window");
    check.and_then(|check| check["reason"].as_str()).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn it_opens_when_they_write_and_closes_a_day_later() {
    let world = World::new();
    let _lines = world.share(&[Line::Whatsapp, Line::Sms]).await;
    let person = world.person().await;
    let send = json!({"to": person.phone, "body": fresh::text()});
    // Nobody knows: the provider has the last word.
    let id = world.whatsapp(&person.phone, &fresh::text()).await;
    assert_eq!(window(&world.until(&id, "delivered").await), "window_unknown");
    written(&world, &whatsapp(&person.phone, &fresh::text())).await;
    let id = world.whatsapp(&person.phone, &fresh::text()).await;
    assert_eq!(window(&world.until(&id, "delivered").await), "window_open");

    let body = json!({
        "user_id": person.id, "trigger_type": "task_assignment", "channel": "whatsapp", "data": {}, "scheduled_time": in_an_hour(),
    });
    let later = world.trigger(&body).await;
    let with_fallback = json!({
        "user_id": person.id, "trigger_type": "task_assignment", "channel": "whatsapp", "data": {}, "scheduled_time": in_an_hour(),
        "fallback": ["sms"],
    });
    let falls_back = world.trigger(&with_fallback).await;
    world.wrote_by_whatsapp(&person.phone, Timestamp::now().as_second() - 86_401).await;

    // Known closed: refused before the provider is asked.
    let arrived = world.arrived(&person.phone).await.len();
    let refused = world.post("/api/v1/twilio/send-whatsapp", &send).send().await;
    refused.refused(403, "The recipient did not write by WhatsApp within 24 hours: only a template may be sent");
    // What waited is asked about when its time comes.
    world.release(&later, "twilio", "fixed").await;
    let blocked = world.until(&later, "blocked").await;
    assert_eq!(
        (&blocked["reason"], window(&blocked).as_str()),
        (&json!("outside_window"), "outside_window"),
        "{blocked}"
    );
    assert_eq!(blocked["attempts"], 0, "{blocked}");
    assert_eq!(world.arrived(&person.phone).await.len(), arrived);
    // A template may go, and another channel may.
    let template = json!({
        "to": person.phone, "content_sid": "HX00000000000000000000000000000001", "content_variables": {"1": "Ada", "2": "Monday"},
    });
    let id = world.direct("send-whatsapp", &template).await;
    assert_eq!(window(&world.until(&id, "delivered").await), "");
    world.release(&falls_back, "twilio", "fixed").await;
    let blocked = world.until(&falls_back, "blocked").await;
    // It is made a moment after the first one ended.
    let other = blocked["fallback_id"].as_str().expect("another channel");
    eventually("another channel takes it over", seconds(30), async || {
        let answer = world.get(&format!("/api/v2/communications/messages/{other}")).send().await;
        if answer.status == 200 { Ok(()) } else { Err(answer.text) }
    })
    .await;
    world.until(other, "delivered").await;
    let now = json!({"user_id": person.id, "trigger_type": "task_assignment", "channel": "whatsapp", "data": {}, "fallback": ["sms"]});
    let answer = world.post("/api/communication/send", &now).send().await.ok();
    assert_eq!(answer["fallback_used"], true, "{answer}");

    written(&world, &whatsapp(&person.phone, &fresh::text())).await;
    let id = world.whatsapp(&person.phone, &fresh::text()).await;
    assert_eq!(window(&world.until(&id, "delivered").await), "window_open");
}
