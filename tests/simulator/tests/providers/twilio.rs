//! Twilio as a client sees it: answers, statuses, callbacks.

use crate::world::{World, is_signed};
use serde_json::Value;

#[tokio::test]
async fn a_message_goes_its_way_and_every_step_is_called_back_signed() {
    let world = World::start().await;
    let response = world.sms("+14155550100", "m-1").send().await.expect("an answer");
    assert_eq!(response.status(), 201);
    assert!(response.headers().contains_key("twilio-request-id"));
    let created: Value = response.json().await.expect("JSON");
    assert_eq!((&created["status"], &created["num_segments"]), (&"queued".into(), &"1".into()));
    assert!(created["price"].is_null() && created["error_code"].is_null());

    let callbacks = world.callbacks(3).await;
    let statuses: Vec<_> = callbacks.iter().map(|callback| callback.form("MessageStatus")).collect();
    assert_eq!(statuses, ["sending", "sent", "delivered"]);
    for callback in &callbacks {
        assert!(is_signed(callback, &world.callback_base, &world.config.twilio_auth_token));
        assert_eq!(callback.form("MessageSid"), created["sid"].as_str().expect("a sid"));
        assert!(!callback.header("i-twilio-idempotency-token").is_empty());
    }
    assert_eq!(callbacks[2].form("RawDlrDoneDate").len(), 10);

    let path = format!("Messages/{}.json", created["sid"].as_str().expect("a sid"));
    let fetch = || {
        world
            .http
            .get(world.twilio(&path))
            .basic_auth(&world.config.twilio_account_sid, Some(&world.config.twilio_auth_token))
    };
    world.wait_for("/_sim/stats", |stats| stats["by_status"]["delivered"] == 1).await;
    loop {
        let fetched: Value = fetch().send().await.expect("an answer").json().await.expect("JSON");
        if fetched["price"] == "-0.00790" {
            break assert_eq!(fetched["status"], "delivered");
        }
    }
}

#[tokio::test]
async fn magic_recipients_end_with_their_error_code() {
    let world = World::start().await;
    for (to, status, code) in [("+15005550030", "undelivered", "30003"), ("whatsapp:+15005550032", "failed", "63016")] {
        let before = world.received().len();
        world.sms(to, to).send().await.expect("an answer");
        let path = format!("/_sim/messages?to={}", to.replace('+', "%2B"));
        world.wait_for(&path, |list| list[0]["status"] == status).await;
        let steps = if status == "failed" { 2 } else { 3 };
        let last = world.callbacks(before + steps).await.pop().expect("a callback");
        assert_eq!((last.form("MessageStatus").as_str(), last.form("ErrorCode").as_str()), (status, code));
        assert_eq!(last.form("To"), to);
        assert_eq!(last.form("ChannelPrefix") == "whatsapp", to.starts_with("whatsapp:"));
    }
}

#[tokio::test]
async fn wrong_credentials_get_twilios_own_401() {
    let world = World::start().await;
    let request = world.http.post(world.twilio("Messages.json")).basic_auth("AC1", Some("x")).form(&[("To", "+1")]);
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), 401);
    let body: Value = response.json().await.expect("JSON");
    assert_eq!((&body["code"], &body["status"]), (&20003.into(), &401.into()));
}

#[tokio::test]
async fn a_refused_callback_is_not_tried_again() {
    let world = World::start().await;
    world.refuse(&[500, 500, 500]);
    world.sms("+14155550100", "m-1").send().await.expect("an answer");
    world.wait_for("/_sim/stats", |stats| stats["callbacks"]["failed"] == 3).await;
    let log =
        world.wait_for("/_sim/callbacks?contains=m-1", |log| log.as_array().is_some_and(|log| log.len() == 3)).await;
    assert!(log.as_array().expect("a list").iter().all(|entry| entry["attempt"] == 1 && entry["status"] == 500));
}

#[tokio::test]
async fn a_reply_of_stop_blocks_the_next_message_until_start() {
    let world = World::start().await;
    let inbound = |text: &str| {
        let body = serde_json::json!({ "channel": "sms", "from": "+14155550100", "to": "+15005550006", "text": text });
        world.http.post(format!("{}/_sim/inbound", world.simulator.url)).json(&body)
    };
    let answer: Value = inbound(" stop ").send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(answer["status"], 200);
    let webhook = world.callbacks(1).await.remove(0);
    assert_eq!((webhook.path.as_str(), webhook.form("Body").as_str()), ("/twilio/incoming-sms", " stop "));
    assert!(is_signed(&webhook, &world.callback_base, &world.config.twilio_auth_token));

    let refused: Value = world.sms("+14155550100", "m").send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(refused["code"], 21610);
    inbound("Start").send().await.expect("an answer");
    assert_eq!(world.sms("+14155550100", "m").send().await.expect("an answer").status(), 201);
}

#[tokio::test]
async fn the_same_message_accepted_twice_counts_as_a_duplicate() {
    let world = World::start().await;
    for our_id in ["m-1", "m-1", "m-2"] {
        world.sms("+14155550100", our_id).send().await.expect("an answer");
    }
    let stats = world.get("/_sim/stats").await;
    assert_eq!((&stats["messages"], &stats["duplicates"], &stats["requests"]), (&3.into(), &1.into(), &3.into()));
    let messages = world.get("/_sim/messages?to=%2B14155550100").await;
    let requests: Vec<_> = messages.as_array().expect("a list").iter().map(|message| &message["requests"]).collect();
    assert_eq!(requests, [2, 2, 1]);
}
