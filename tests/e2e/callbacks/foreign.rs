//! Callbacks of messages that somebody else sent through the same account: signed as ours, and about none of ours.

use serde_json::{Value, json};

use crate::world::flows::{count, trail};
use crate::world::{Line, World, fresh};

#[tokio::test]
async fn callbacks_of_foreign_messages_change_none_of_ours() {
    let world = World::new();
    let _lines = world.own(&[Line::Sms, Line::Sendgrid, Line::Resend]).await;
    let mut faults = Vec::new();
    for provider in ["twilio", "sendgrid", "resend"] {
        faults.push(world.fault(json!({"provider": provider, "kind": "foreign_callback"})).await);
    }
    let mut ids = vec![world.sms(&fresh::phone(), &fresh::text()).await];
    let to = [fresh::email(), fresh::email()];
    for (to, from) in [(&to[0], Some("sender@example.com")), (&to[1], None)] {
        let mut body = json!({"to": to, "subject": "A mail", "text": fresh::text()});
        if let Some(from) = from {
            body["from"] = json!(from);
        }
        let answer = world.post("/api/v2/communications/email", &body).send().await.ok();
        ids.push(answer["message_id"].as_str().expect("an id").to_owned());
    }
    for id in &ids {
        let message = world.until(id, "delivered").await;
        assert_eq!((count(&message, "delivered"), count(&message, "sending")), (1, 1), "{:?}", trail(&message));
        let ours = message["provider_id"].as_str().expect("an id").to_owned();
        let there: Vec<Value> = world
            .simulator(http::Method::GET, "/_sim/messages?limit=100000", None)
            .await
            .as_array()
            .cloned()
            .unwrap_or_default();
        let there = there.iter().find(|there| there["our_id"] == **id).expect("it arrived");
        let known = there["id"].as_str().expect("an id");
        assert!(ours.starts_with(known.split('.').next().expect("a part")), "{ours} is not {known}");
    }
    let active = world.simulator(http::Method::GET, "/_sim/faults", None).await;
    let struck =
        active["faults"].as_array().expect("faults").iter().filter(|fault| fault["kind"] == "foreign_callback");
    let struck: u64 = struck.filter_map(|fault| fault["hits"].as_u64()).sum();
    assert!(struck >= 2, "{active}");
    drop(faults);
}
