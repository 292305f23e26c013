//! Faults, as a client on the network meets them.

use std::time::Duration;

use crate::world::World;
use serde_json::{Value, json};

#[tokio::test]
async fn a_status_fault_answers_in_the_providers_shape_and_accepts_nothing() {
    let world = World::start().await;
    world.fault(json!({ "kind": "status", "status": 429, "provider": "twilio", "count": 1 })).await;
    let response = world.sms("+14155550100", "m-1").send().await.expect("an answer");
    assert_eq!(response.status(), 429);
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(response.json::<Value>().await.expect("JSON")["code"], 20429);
    assert_eq!(world.sms("+14155550100", "m-1").send().await.expect("an answer").status(), 201);
    let messages = world.get("/_sim/messages").await;
    assert_eq!((messages.as_array().map(Vec::len), &messages[0]["requests"]), (Some(1), &2.into()));
    assert_eq!(world.get("/_sim/stats").await["duplicates"], 0);
}

#[tokio::test]
async fn hang_after_accepts_and_calls_back_but_never_answers() {
    let world = World::start().await;
    world.fault(json!({ "kind": "hang_after", "count": 1 })).await;
    let request = world.sms("+14155550100", "m-1").timeout(Duration::from_secs(2)).send();
    assert!(request.await.expect_err("no answer").is_timeout());
    world.callbacks(3).await;
    assert_eq!(world.get("/_sim/stats").await["messages"], 1);
}

#[tokio::test]
async fn hang_before_closes_without_accepting() {
    let world = World::start().await;
    world.fault(json!({ "kind": "hang_before", "delay_ms": 50 })).await;
    let started = std::time::Instant::now();
    assert!(!world.sms("+14155550100", "m-1").send().await.expect_err("no answer").is_timeout());
    assert!(started.elapsed() >= Duration::from_millis(50));
    assert_eq!(world.get("/_sim/stats").await["messages"], 0);
}

#[tokio::test]
async fn reset_aborts_the_connection_without_accepting() {
    let world = World::start().await;
    world.fault(json!({ "kind": "reset" })).await;
    let error = world.sms("+14155550100", "m-1").send().await.expect_err("no answer");
    assert!(format!("{error:?}").contains("reset"), "{error:?}");
    assert_eq!(world.get("/_sim/stats").await["messages"], 0);
}

#[tokio::test]
async fn callbacks_are_dropped_doubled_and_reordered() {
    let world = World::start().await;
    let statuses = async |count: usize, skip: usize| -> Vec<String> {
        world.callbacks(skip + count).await[skip..].iter().map(|callback| callback.form("MessageStatus")).collect()
    };
    world.fault(json!({ "kind": "drop_callback", "count": 1 })).await;
    world.sms("+14155550101", "m-1").send().await.expect("an answer");
    assert_eq!(statuses(2, 0).await, ["sent", "delivered"]);

    world.fault(json!({ "kind": "duplicate_callback", "count": 1, "delay_ms": 0 })).await;
    world.sms("+14155550102", "m-2").send().await.expect("an answer");
    let mut doubled = statuses(4, 2).await;
    doubled.sort();
    assert_eq!(doubled, ["delivered", "sending", "sending", "sent"]);
    let tokens: Vec<_> = world.received()[2..]
        .iter()
        .filter(|callback| callback.form("MessageStatus") == "sending")
        .map(|callback| callback.header("i-twilio-idempotency-token").to_owned())
        .collect();
    assert_eq!(tokens[0], tokens[1]);

    world.fault(json!({ "kind": "reorder_callback", "count": 1, "delay_ms": 2_000 })).await;
    world.sms("+14155550103", "m-3").send().await.expect("an answer");
    assert_eq!(statuses(3, 6).await, ["sent", "delivered", "sending"]);
}

#[tokio::test]
async fn a_senseless_fault_is_refused_and_all_can_be_cleared() {
    let world = World::start().await;
    let url = format!("{}/_sim/faults", world.simulator.url);
    let response = world.http.put(&url).json(&json!({ "kind": "explode" })).send().await.expect("an answer");
    assert_eq!(response.status(), 400);
    world.fault(json!([{ "kind": "reset", "rate": 0.5 }, { "kind": "drop_callback" }])).await;
    assert_eq!(world.get("/_sim/faults").await["faults"].as_array().map(Vec::len), Some(2));
    world.http.delete(&url).send().await.expect("an answer");
    assert_eq!(world.get("/_sim/faults").await["faults"], json!([]));
}

#[tokio::test]
async fn forgetting_everything_stops_what_is_under_way() {
    let world = World::with(|config| config.step = Duration::from_millis(600)).await;
    world.sms("+14155550100", "m-1").send().await.expect("an answer");
    world.http.delete(format!("{}/_sim", world.simulator.url)).send().await.expect("an answer");
    let stats = world.get("/_sim/stats").await;
    assert_eq!((&stats["messages"], &stats["requests"]), (&0.into(), &0.into()));
    // A later message has come to its end: the earlier one would have called back by now.
    world.sms("+14155550101", "m-2").send().await.expect("an answer");
    let callbacks = world.callbacks(3).await;
    assert!(callbacks.iter().all(|callback| callback.path.ends_with("m-2")), "{callbacks:#?}");
}
