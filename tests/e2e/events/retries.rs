//! A subscriber that does not take an event is asked again, for days; one that never does is let go.

use serde_json::{Value, json};

use super::listener::Reply;
use super::{Hook, WEBHOOKS, known_everywhere};
use crate::world::aws::number;
use crate::world::{Line, World, eventually, fresh, seconds};

#[tokio::test]
async fn a_failing_subscriber_is_asked_again_under_the_same_id_until_it_takes_it() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::Events]).await;
    let hook = world.hook(&["message.delivered"]).await;
    // A time far off: the replies are set before anything happens to it.
    let body =
        json!({"to": fresh::phone(), "body": fresh::text(), "scheduled_time": crate::world::flows::in_an_hour()});
    let id = world.direct("send-sms", &body).await;
    hook.listener.replies(&id, [500, 503, 302].map(Reply::Status));
    world.release(&id, "twilio", "fixed").await;
    // Seconds after the first failure, by itself; then minutes, by the queue; then by the table and the sweep.
    hook.listener.until(2, &id).await;
    let delivery = world.delivery_of(&hook, &id, "message.delivered").await;
    let failed =
        world.delivery_until(&hook, &delivery, |one| one["attempts"] == 2 && one["response_code"] == 503).await;
    assert_eq!((&failed["status"], &failed["last_error"]), (&json!("pending"), &json!("status")), "{failed}");
    assert!((290..=340).contains(&next_in(&failed)), "{failed}");
    world.make_due(&hook, &delivery).await;
    let failed =
        world.delivery_until(&hook, &delivery, |one| one["attempts"] == 3 && one["response_code"] == 302).await;
    assert!((1_750..=2_000).contains(&next_in(&failed)), "a redirect is a failure: {failed}");
    // Three failures in a row may have it held for a minute; enabled again it begins anew.
    enable(&world, &hook, &["message.delivered"]).await;
    world.make_due(&hook, &delivery).await;
    let done = world.delivery_until(&hook, &delivery, |one| one["status"] == "delivered").await;
    assert_eq!((&done["attempts"], &done["response_code"]), (&json!(4), &json!(204)), "{done}");
    let tried: Vec<_> = done["tried"].as_array().expect("tries").iter().map(|one| &one["response_code"]).collect();
    assert_eq!(tried, [500, 503, 302, 204], "each try is on record: {done}");
    let told = hook.listener.received(&id);
    assert_eq!(told.len(), 4);
    for one in &told {
        one.is_genuine(&hook);
        assert_eq!((&one.id, &one.text), (&delivery, &told[0].text));
    }
}

#[tokio::test]
async fn since_when_a_subscriber_fails_is_known_until_it_takes_something() {
    let world = World::new();
    let _lines = world.share(&[Line::Events]).await;
    let hook = world.hook(&["message.expired"]).await;
    hook.listener.otherwise(Some(Reply::Status(500)));
    world.test_hook(&hook).await;
    fails(&world, &hook).await;
    hook.listener.otherwise(None);
    eventually("its failures are forgotten", seconds(20), async || {
        // One that took something while nobody knew of its failures clears them with the next.
        world.test_hook(&hook).await;
        let view = world.hook_view(&hook).await;
        if view["failing_since"].is_null() { Ok(()) } else { Err(view.to_string()) }
    })
    .await;
    let row = world.catalog_row(("webhooks", &hook.id)).await;
    assert!(row.contains_key("took_at") && !row.contains_key("failures"), "{:?}", row.keys());
}

#[tokio::test]
async fn a_subscriber_that_says_gone_is_disabled_at_once_and_may_come_back() {
    let world = World::new();
    let _lines = world.share(&[Line::Events]).await;
    let hook = world.hook(&["message.received"]).await;
    hook.listener.replies("webhook.test", [Reply::Status(410)]);
    let id = world.test_hook(&hook).await;
    let delivery = world.delivery_until(&hook, &id, |one| one["status"] == "failed").await;
    assert_eq!((&delivery["response_code"], &delivery["last_error"]), (&json!(410), &json!("gone")));
    let view = disabled(&world, &hook).await;
    assert_eq!(view["disabled_because"], "gone");
    assert_eq!(world.ledger(&format!("webhook#{}", hook.id)).await, ["registered", "disabled"]);
    let test = format!("{WEBHOOKS}/{}/test", hook.id);
    world.post(&test, &json!({})).send().await.refused(409, "The webhook is disabled");
    let replay = format!("{WEBHOOKS}/{}/deliveries/{id}/replay", hook.id);
    world.post(&replay, &json!({})).send().await.refused(409, "The webhook is disabled");
    let again = json!({"url": hook.listener.url, "events": ["message.received"], "state": "enabled"});
    let view = world.put(&format!("{WEBHOOKS}/{}", hook.id), &again).send().await.ok()["webhook"].take();
    assert_eq!((&view["state"], &view["disabled_because"]), (&json!("enabled"), &Value::Null));
    known_everywhere().await;
    world.post(&replay, &json!({})).send().await.is(202);
    world.delivery_until(&hook, &id, |one| one["status"] == "delivered").await;
    assert_eq!(hook.listener.received(&id).len(), 2);
}

#[tokio::test]
async fn a_subscriber_that_did_nothing_but_fail_for_five_days_is_disabled() {
    let world = World::new();
    let _lines = world.share(&[Line::Events]).await;
    let hook = world.hook(&["message.expired"]).await;
    let first = failed_twice(&world, &hook).await;
    world.fail_since(&hook, 5 * 86_400 + 60).await;
    failed_before(&world, &hook, 2, 2 * 3_600).await;
    known_everywhere().await;
    world.make_due(&hook, &first).await;
    let view = disabled(&world, &hook).await;
    assert_eq!(view["disabled_because"], "failing", "{view}");
    let told = world.ledger(&format!("webhook#{}", hook.id)).await;
    assert_eq!(told, ["registered", "disabled"]);
}

/// Five days ago one event could not be taken, nothing was told since, and now there is a bad moment.
#[tokio::test]
async fn a_single_failure_after_days_of_silence_disables_nobody() {
    let world = World::new();
    let _lines = world.share(&[Line::Events]).await;
    let hook = world.hook(&["message.expired"]).await;
    let first = failed_twice(&world, &hook).await;
    world.fail_since(&hook, 5 * 86_400 + 60).await;
    failed_before(&world, &hook, 9, 2 * 86_400).await;
    known_everywhere().await;
    world.make_due(&hook, &first).await;
    world.delivery_until(&hook, &first, |one| one["attempts"] == 3 && one["response_code"] == 500).await;
    // It is counted, alone; what follows from the count would have followed by the time that a later failure is on record.
    eventually("it is counted", seconds(20), async || {
        let row = world.catalog_row(("webhooks", &hook.id)).await;
        if row["failures"].as_n().is_ok_and(|n| n == "1") { Ok(()) } else { Err(format!("{:?}", row["failures"])) }
    })
    .await;
    world.make_due(&hook, &first).await;
    world.delivery_until(&hook, &first, |one| one["attempts"] == 4 && one["response_code"] == 500).await;
    let view = world.hook_view(&hook).await;
    assert_eq!(view["state"], "enabled", "{view}");
}

/// A test event that failed both times it was tried; its subscriber goes on failing.
async fn failed_twice(world: &World, hook: &Hook) -> String {
    hook.listener.otherwise(Some(Reply::Status(500)));
    let first = world.test_hook(hook).await;
    world.delivery_until(hook, &first, |one| one["attempts"] == 2 && one["response_code"] == 500).await;
    fails(world, hook).await;
    first
}

/// Lets so many failures be counted, the latest so many seconds ago.
async fn failed_before(world: &World, hook: &Hook, times: i64, ago: i64) {
    let at = jiff::Timestamp::now().as_millisecond() - ago * 1_000;
    world.rewrite_webhook(&hook.id, "failures", number(times)).await;
    world.rewrite_webhook(&hook.id, "failed_at", number(at)).await;
}

/// Enables a subscriber that may be enabled: it begins anew, everywhere.
pub(super) async fn enable(world: &World, hook: &Hook, events: &[&str]) {
    let body = json!({"url": hook.listener.url, "events": events, "state": "enabled"});
    world.put(&format!("{WEBHOOKS}/{}", hook.id), &body).send().await.ok();
    known_everywhere().await;
}

async fn fails(world: &World, hook: &Hook) {
    eventually("it is known to fail", seconds(20), async || {
        let view = world.hook_view(hook).await;
        view["failing_since"].as_str().map(|_| ()).ok_or_else(|| view.to_string())
    })
    .await;
}

async fn disabled(world: &World, hook: &Hook) -> Value {
    eventually("it is disabled", seconds(30), async || {
        let view = world.hook_view(hook).await;
        if view["state"] == "disabled" { Ok(view) } else { Err(view.to_string()) }
    })
    .await
}

/// In how many seconds a delivery is tried next.
fn next_in(delivery: &Value) -> i64 {
    let at = |name: &str| delivery[name].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok()).expect("a time");
    at("next_attempt_at").as_second() - at("last_attempt_at").as_second()
}
