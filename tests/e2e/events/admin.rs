//! Registering, changing and removing subscribers; and whom no event is ever sent to.

use serde_json::{Value, json};

use super::WEBHOOKS;
use super::listener::{Listener, Reply};
use crate::world::{Line, World, eventually, fresh, seconds};

#[tokio::test]
async fn a_subscriber_is_shown_without_its_secret_changed_and_removed() {
    let world = World::new();
    let _lines = world.share(&[Line::Events]).await;
    let hook = world.hook(&["message.received"]).await;
    assert!(hook.secret.starts_with("whsec_"));
    let path = format!("{WEBHOOKS}/{}", hook.id);
    let shown = world.get(&path).send().await.is(200);
    assert!(!shown.text.contains("whsec_") && !shown.text.contains(&hook.secret[6..]), "{}", shown.text);
    let listed = world.get(WEBHOOKS).send().await.is(200);
    assert!(listed.text.contains(&hook.id) && !listed.text.contains("whsec_"), "{}", listed.text);
    let row = world.catalog_row(("webhooks", &hook.id)).await;
    assert!(!format!("{row:?}").contains(&hook.secret[6..]), "sealed at rest");
    let change = json!({"url": hook.listener.url, "events": ["message.failed"], "state": "disabled"});
    let changed = world.put(&path, &change).send().await.ok()["webhook"].take();
    assert_eq!((&changed["state"], &changed["disabled_because"]), (&json!("disabled"), &json!("administrator")));
    assert_eq!((&changed["events"], &changed["description"]), (&json!(["message.failed"]), &Value::Null));
    assert_eq!(world.call("DELETE", &path).send().await.ok(), json!({"success": true, "id": hook.id}));
    for method in ["GET", "DELETE"] {
        world.call(method, &path).send().await.refused(404, "No such webhook");
    }
    assert_eq!(world.ledger(&format!("webhook#{}", hook.id)).await, ["registered", "changed", "removed"]);
}

#[tokio::test]
async fn private_addresses_are_refused_at_registration() {
    let world = World::new();
    for url in [
        "https://10.0.0.1/hook",
        "https://192.168.0.10/hook",
        "https://169.254.169.254/latest/meta-data/",
        "https://[fd00:ec2::254]/latest",
        "https://[::ffff:10.0.0.1]/hook",
        "http://10.0.0.1/hook",
        "http://hooks.example.com/hook",
        "https://user:secret@127.0.0.1/hook",
    ] {
        let body = json!({"url": url, "events": ["message.sent"]});
        world.post(WEBHOOKS, &body).send().await.refused(400, "Invalid value for field: url");
    }
}

/// The row says what registration would have refused, as when a name has come to mean something else.
#[tokio::test]
async fn a_private_address_is_not_called_whatever_the_row_says() {
    let world = World::new();
    let _lines = world.share(&[Line::Events]).await;
    let hook = world.hook(&["message.received"]).await;
    world.point_hook_to(&hook, "https://169.254.169.254/latest/meta-data/").await;
    super::known_everywhere().await;
    let id = world.test_hook(&hook).await;
    let tried =
        world.delivery_until(&hook, &id, |one| one["attempts"].as_u64() >= Some(1) && one["last_error"].is_string());
    assert_eq!(tried.await["last_error"], "address_not_allowed");
}

#[tokio::test]
async fn a_removed_or_disabled_subscriber_is_told_nothing() {
    let world = World::new();
    let _lines = world.share(&[Line::Events]).await;
    let hook = world.hook(&["message.received"]).await;
    let path = format!("{WEBHOOKS}/{}", hook.id);
    let off = json!({"url": hook.listener.url, "events": ["message.blocked"], "state": "disabled"});
    world.put(&path, &off).send().await.ok();
    super::known_everywhere().await;
    // One that listens shows that the event was there to be told.
    let other = world.hook(&["message.blocked"]).await;
    let person = world.person().await;
    world.prefers(person.id, &json!({"sms_enabled": false})).await;
    let body = json!({"user_id": person.id, "trigger_type": "weekly_checkin", "channel": "sms", "data": {}});
    let refused = world.post("/api/communication/send", &body).send().await.is(403).json;
    let id = refused["task_id"].as_str().expect("an id");
    other.listener.until(1, id).await;
    // Before it was disabled it may have been told what others wrote.
    let listed = world.get(&format!("{path}/deliveries?limit=100")).send().await.ok();
    let kept = listed["deliveries"].as_array().expect("a list").iter().filter(|one| one["type"] == "message.blocked");
    assert_eq!(kept.count(), 0, "nothing is kept for it: {listed}");
    assert!(hook.listener.received(id).is_empty());
}

#[tokio::test]
async fn there_is_no_room_for_more_subscribers_than_an_event_can_be_told_to() {
    let world = World::new();
    // Nobody else finds room meanwhile.
    let _workers = world.own(&[Line::Events]).await;
    let listener = Listener::start().await;
    let body = json!({"url": listener.url, "events": ["message.received"], "description": fresh::word()});
    let mut made = Vec::new();
    let full = eventually("there are too many", seconds(60), async || {
        let answer = world.post(WEBHOOKS, &body).send().await;
        if answer.status == 409 {
            return Ok(answer);
        }
        made.push(answer.is(201).json["webhook"]["id"].as_str().expect("an id").to_owned());
        assert!(made.len() <= 20, "more than there may be");
        Err("room for one more".to_owned())
    })
    .await;
    for id in made {
        world.call("DELETE", &format!("{WEBHOOKS}/{id}")).send().await.ok();
    }
    full.refused(409, "There are too many webhooks");
}

/// What is on its way when its subscriber is disabled ends, and says why; once enabled, it may be asked for again.
#[tokio::test]
async fn what_waits_for_a_subscriber_that_is_disabled_is_dropped_and_can_be_replayed() {
    let world = World::new();
    let _lines = world.share(&[Line::Events]).await;
    let hook = world.hook(&["message.received"]).await;
    hook.listener.replies("webhook.test", [Reply::Status(500), Reply::Status(503)]);
    let id = world.test_hook(&hook).await;
    world.delivery_until(&hook, &id, |one| one["attempts"] == 2 && one["response_code"] == 503).await;
    let path = format!("{WEBHOOKS}/{}", hook.id);
    let state = |state: &str| json!({"url": hook.listener.url, "events": ["message.received"], "state": state});
    world.put(&path, &state("disabled")).send().await.ok();
    super::known_everywhere().await;
    world.make_due(&hook, &id).await;
    let dropped = world.delivery_until(&hook, &id, |one| one["status"] == "failed").await;
    assert_eq!(
        (&dropped["dropped_because"], &dropped["attempts"]),
        (&json!("webhook_disabled"), &json!(2)),
        "{dropped}"
    );
    assert_eq!(dropped["tried"].as_array().map(Vec::len), Some(2), "nobody was called: {dropped}");
    world.put(&path, &state("enabled")).send().await.ok();
    super::known_everywhere().await;
    world.post(&format!("{path}/deliveries/{id}/replay"), &json!({})).send().await.is(202);
    let done = world.delivery_until(&hook, &id, |one| one["status"] == "delivered").await;
    assert_eq!((&done["dropped_because"], &done["attempts"]), (&Value::Null, &json!(3)), "{done}");
}
