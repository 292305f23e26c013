//! What an administrator changes counts for what is on its way already, and at once for what they ask for themselves.

use serde_json::{Value, json};

use super::listener::{Listener, Reply};
use super::{WEBHOOKS, known_everywhere};
use crate::world::aws::{number, text};
use crate::world::{Line, World, fresh};

/// Workers that know a subscriber as disabled, or at another URL, know that for some seconds more.
#[tokio::test]
async fn a_test_right_after_enabling_or_moving_arrives() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let _workers = world.own(&[Line::Events]).await;
    let hook = world.hook(&["message.expired"]).await;
    let other = world.hook(&["message.delivered"]).await;
    let moved = Listener::start().await;
    let path = format!("{WEBHOOKS}/{}", hook.id);
    let state = |url: &str, state: &str| json!({"url": url, "events": ["message.expired"], "state": state});
    let first = world.test_hook(&hook).await;
    world.delivery_until(&hook, &first, |one| one["status"] == "delivered").await;
    for (url, listener) in [(&hook.listener.url, &hook.listener), (&moved.url, &moved)] {
        world.put(&path, &state(&hook.listener.url, "disabled")).send().await.ok();
        known_everywhere().await;
        // Workers read the list for what nobody asked for.
        let mut told = Vec::new();
        for _ in 0..4 {
            told.push(world.sms(&fresh::phone(), &fresh::text()).await);
        }
        for id in &told {
            world.delivery_of(&other, id, "message.delivered").await;
        }
        world.put(&path, &state(url, "enabled")).send().await.ok();
        let mut asked = Vec::new();
        for _ in 0..4 {
            asked.push(world.test_hook(&hook).await);
        }
        world.post(&format!("{path}/deliveries/{first}/replay"), &json!({})).send().await.is(202);
        asked.push(first.clone());
        for id in asked {
            let done = world.delivery_until(&hook, &id, |one| one["status"] != "pending").await;
            assert_eq!((&done["status"], &done["dropped_because"]), (&json!("delivered"), &Value::Null), "{done}");
            assert!(!listener.received(&id).is_empty(), "it went where it is now: {done}");
        }
    }
}

/// An event whose type is wanted no more is not sent, but to whoever asks for it; and then it is kept as long as a new one.
#[tokio::test]
async fn what_is_wanted_no_more_is_dropped_and_can_be_replayed() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::Events]).await;
    let hook = world.hook(&["message.delivered"]).await;
    let body =
        json!({"to": fresh::phone(), "body": fresh::text(), "scheduled_time": crate::world::flows::in_an_hour()});
    let message = world.direct("send-sms", &body).await;
    hook.listener.replies(&message, [Reply::Status(500), Reply::Status(500)]);
    world.release(&message, "twilio", "fixed").await;
    let id = world.delivery_of(&hook, &message, "message.delivered").await;
    world.delivery_until(&hook, &id, |one| one["attempts"] == 2 && one["response_code"] == 500).await;
    let path = format!("{WEBHOOKS}/{}", hook.id);
    world.put(&path, &json!({"url": hook.listener.url, "events": ["message.expired"]})).send().await.ok();
    known_everywhere().await;
    world.make_due(&hook, &id).await;
    let dropped = world.delivery_until(&hook, &id, |one| one["status"] == "failed").await;
    let seen = (&dropped["dropped_because"], &dropped["attempts"]);
    assert_eq!(seen, (&json!("event_unsubscribed"), &json!(2)), "{dropped}");
    let tomorrow = jiff::Timestamp::now().as_second() + 86_400;
    world.delivery_expires(&hook.id, &id, Some(tomorrow)).await;
    world.post(&format!("{path}/deliveries/{id}/replay"), &json!({})).send().await.is(202);
    let done = world.delivery_until(&hook, &id, |one| one["status"] == "delivered").await;
    assert_eq!((&done["dropped_because"], &done["attempts"]), (&Value::Null, &json!(3)), "{done}");
    let expires = world.delivery_expires(&hook.id, &id, None).await;
    assert!(expires > tomorrow + 28 * 86_400, "{expires}");
}

impl World {
    /// When a delivery's row is forgotten, in epoch seconds, after it is written anew if it is to be.
    async fn delivery_expires(&self, subscriber: &str, id: &str, anew: Option<i64>) -> i64 {
        let uuid: uuid::Uuid = id.parse().expect("an id");
        let pk = text(&format!("{subscriber}#{}", uuid.as_bytes()[15] % switchboard::event::delivery::SPREAD));
        let table = &self.stack.tables["deliveries"];
        if let Some(anew) = anew {
            let update = self.dynamodb().update_item().table_name(table).key("pk", pk.clone()).key("id", text(id));
            let update = update.update_expression("SET expires = :e").expression_attribute_values(":e", number(anew));
            update.send().await.expect("DynamoDB answers");
        }
        let get = self.dynamodb().get_item().table_name(table).key("pk", pk).key("id", text(id)).consistent_read(true);
        let row = get.send().await.expect("DynamoDB answers").item.expect("a row");
        row["expires"].as_n().expect("a number").parse().expect("a number")
    }
}
