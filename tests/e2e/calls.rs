//! Telephone calls: what is said in them, how they end, and that nobody is called twice.

use serde_json::{Value, json};

use crate::world::flows::{count, trail};
use crate::world::{Line, World, aws, eventually, fresh, seconds};

/// Numbers of the simulator and how a call to them ends.
const BUSY: &str = "+15005550050";
const NO_ANSWER: &str = "+15005550051";
const MACHINE: &str = "+15005550053";

async fn call(world: &World, to: &str, extra: Value) -> String {
    let mut body = json!({"to": to, "message": fresh::text(), "purpose": "interview_reminder"});
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    if body["url"].is_string() {
        body.as_object_mut().unwrap().remove("message");
    }
    let answer = world.post("/api/v2/communications/calls", &body).send().await.ok();
    assert_eq!((&answer["channel"], &answer["status"]), (&json!("voice"), &json!("accepted")), "{answer}");
    answer["message_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_call_says_its_text_and_tells_how_it_went() {
    let world = World::new();
    let _lines = world.share(&[Line::Voice]).await;
    let (to, words) = (fresh::phone(), fresh::text());
    let spoken = format!("{words} & \"goodbye\" <now>");
    let extra = json!({"message": spoken, "machine_detection": true, "language": "en-GB", "contact_id": "c-7"});
    let id = call(&world, &to, extra).await;
    let message = world.until(&id, "delivered").await;
    // What says how it ended may overtake our own note that it was sent.
    let steps: Vec<&str> = trail(&message).into_iter().filter(|step| *step != "sent").collect();
    assert_eq!(steps, ["accepted", "sending", "delivered"], "{message}");
    assert_eq!(
        (&message["contact_id"], &message["purpose"]),
        (&json!("c-7"), &json!("interview_reminder")),
        "{message}"
    );
    assert_eq!((&message["lane"], &message["consent_class"]), (&json!("standard"), &json!("transactional")));
    let facts = &message["call"];
    assert_eq!(facts["answered_by"], "human", "{message}");
    let mut steps = message["trail"].as_array().unwrap().iter();
    let told = steps.find(|step| step["event"] == "delivered").unwrap()["detail"].clone();
    assert_eq!(told, format!("human, {} s", facts["seconds"]), "{message}");

    let there = world.the_one(&to, "voice").await;
    assert_eq!((&there["text"], &there["our_id"]), (&json!(spoken), &json!(id)), "{there}");
    assert_eq!(there["call"]["source"].as_str().unwrap().matches("en-GB").count(), 1);
    let sid = message["provider_id"].as_str().unwrap();
    for known in [id.as_str(), sid] {
        let status = world.get(&format!("/api/v1/twilio/call-status/{known}")).send().await.ok();
        assert_eq!((&status["call_sid"], &status["status"]), (&json!(sid), &json!("delivered")), "{status}");
        assert_eq!((&status["answered_by"], &status["duration"]), (&json!("human"), &facts["seconds"]), "{status}");
    }
    world
        .get("/api/v1/twilio/call-status/CA00000000000000000000000000000000")
        .send()
        .await
        .refused(404, "Call not found");
}

#[tokio::test]
async fn a_call_nobody_takes_ends_with_the_word_for_it() {
    let world = World::new();
    let _lines = world.share(&[Line::Voice]).await;
    for (to, word) in [(BUSY, "busy"), (NO_ANSWER, "no-answer"), ("+15005550052", "failed")] {
        let id = call(&world, to, json!({})).await;
        let message = world.until(&id, "undelivered").await;
        assert_eq!((&message["reason"], &message["provider_code"]), (&json!("unreachable"), &json!(word)), "{message}");
        let status = world.get(&format!("/api/v1/twilio/call-status/{id}")).send().await.ok();
        assert_eq!((&status["status"], &status["error_code"]), (&json!("undelivered"), &json!(word)), "{status}");
    }
    let id = call(&world, "+15005550004", json!({})).await;
    let message = world.until(&id, "failed").await;
    assert_eq!(
        (&message["reason"], &message["provider_code"]),
        (&json!("configuration"), &json!("21216")),
        "{message}"
    );
}

#[tokio::test]
async fn a_machine_that_answered_is_delivered_to_and_noted() {
    let world = World::new();
    let _lines = world.share(&[Line::Voice]).await;
    let id = call(&world, MACHINE, json!({"machine_detection": true})).await;
    let message = world.until(&id, "delivered").await;
    assert_eq!(message["call"]["answered_by"], "machine_start", "{message}");
    let unheard = call(&world, MACHINE, json!({})).await;
    let message = world.until(&unheard, "delivered").await;
    assert_eq!(message["call"]["answered_by"], Value::Null, "nobody listened: {message}");
}

#[tokio::test]
async fn the_documented_request_is_taken_with_its_url() {
    let world = World::new();
    let _lines = world.share(&[Line::Voice]).await;
    let path = "/api/v1/twilio/initiate-call";
    let to = fresh::phone();
    let lone = json!({"to": to, "from": "+15005550006", "language": "en-GB"});
    world.post(path, &lone).send().await.refused(400, "Invalid value for field: language");
    // Nothing but the simulator's own page is there: no TwiML, and the provider apologises for us.
    let url = format!("{}/_sim/health", world.stack.simulator_url);
    let body = json!({"to": to, "from": "+15005550006", "url": url});
    let key = fresh::word();
    let answer = world.post(path, &body).key(&key).send().await.ok();
    let id = answer["message_id"].as_str().unwrap();
    world.until(id, "delivered").await;
    assert_eq!(world.post(path, &body).key(&key).send().await.ok(), answer);
    let there = world.the_one(&to, "voice").await;
    assert_eq!(there["call"]["source"], json!(url), "{there}");
}

#[tokio::test]
async fn a_callback_that_overtakes_the_others_is_not_undone_by_them() {
    let world = World::new();
    let _lines = world.own(&[Line::Voice]).await;
    // So late that the last one overtakes them on a busy machine too.
    let late = json!({
        "provider": "twilio", "channel": "voice", "kind": "reorder_callback", "delay_ms": 12_000, "count": 3,
    });
    let late = world.fault(late).await;
    let id = call(&world, &fresh::phone(), json!({})).await;
    late.used_up(&world).await;
    world.until(&id, "delivered").await;
    let order = eventually("the late ones come", seconds(30), async || {
        let callbacks = world.called_back(&id).await;
        let order: Vec<String> = callbacks.iter().filter_map(|one| one["event"].as_str()).map(str::to_owned).collect();
        if order.len() == 4 { Ok(order) } else { Err(format!("{order:?}")) }
    })
    .await;
    assert_eq!(order.first().map(String::as_str), Some("completed"), "{order:?}");
    let message = world.message(&id).await;
    assert_eq!((&message["status"], count(&message, "delivered")), (&json!("delivered"), 1), "{message}");
}

#[tokio::test]
async fn an_answer_that_got_lost_calls_nobody_twice() {
    let world = World::new();
    let _lines = world.own(&[Line::Voice]).await;
    let to = fresh::phone();
    let fault = |kind: &str| json!({"provider": "twilio", "channel": "voice", "kind": kind});
    // Neither the answer nor any callback comes: the provider's list knows of a call, but not of which.
    let silence = world.fault(fault("drop_callback")).await;
    let mut hang = fault("hang_after");
    hang["delay_ms"] = json!(15_000);
    hang["count"] = json!(1);
    let hang = world.fault(hang).await;
    let id = call(&world, &to, json!({})).await;
    hang.used_up(&world).await;
    world.until_within(seconds(60), &id, "uncertain").await;
    let there = world.the_one(&to, "voice").await;
    let steps = world.steps(&id).await;
    world.age(&id, 120).await;
    world.enqueue("standard", &id).await;
    world.until_stepped(&id, steps + 1).await;
    let message = world.message(&id).await;
    assert_eq!((&message["status"], &message["attempts"]), (&json!("uncertain"), &json!(1)), "{message}");
    // A callback with our id comes after all.
    let sid = there["id"].as_str().expect("an id");
    let over = [("CallSid", sid), ("CallStatus", "completed"), ("CallDuration", "5"), ("SequenceNumber", "3")];
    world.twilio_tells(&format!("/twilio/call-status?message={id}"), &over).await.is(200);
    let message = world.until(&id, "delivered").await;
    assert_eq!((&message["provider_id"], count(&message, "sending")), (&there["id"], 1), "{message}");
    assert_eq!(world.the_one(&to, "voice").await["requests"], 1);
    drop(silence);
}

#[tokio::test]
async fn a_forged_call_callback_changes_nothing() {
    let world = World::new();
    let _lines = world.own(&[Line::Voice]).await;
    let silence = world.fault(json!({"provider": "twilio", "channel": "voice", "kind": "drop_callback"})).await;
    let id = call(&world, &fresh::phone(), json!({})).await;
    let before = world.until(&id, "sent").await;
    let sid = before["provider_id"].as_str().unwrap();
    let path = format!("/twilio/call-status?message={id}");
    let form = [("CallSid", sid), ("CallStatus", "busy"), ("SequenceNumber", "3")];
    let token = world.stack.secret("twilio_auth_token");
    world.twilio_form(&path, &form, "another token", None).await.refused(403, "Invalid signature");
    let other = format!("{}/twilio/call-status?message={}", world.stack.api_url, uuid::Uuid::now_v7());
    world.twilio_form(&path, &form, token, Some(&other)).await.refused(403, "Invalid signature");
    assert_eq!(world.message(&id).await, before);
    world.twilio_form(&path, &form, token, None).await.is(200);
    assert_eq!(world.until(&id, "undelivered").await["provider_code"], "busy");
    drop(silence);
}

#[tokio::test]
async fn a_callback_before_its_call_is_known_waits_for_it() {
    let world = World::new();
    let _lines = world.own(&[Line::Voice]).await;
    let sid = format!("CA{}", fresh::word());
    let token = world.stack.secret("twilio_auth_token");
    let form = [("CallSid", sid.as_str()), ("CallStatus", "completed"), ("CallDuration", "7")];
    world.twilio_form("/twilio/call-status", &form, token, None).await.is(200);
    let silence = world.fault(json!({"provider": "twilio", "channel": "voice", "kind": "drop_callback"})).await;
    let id = call(&world, &fresh::phone(), json!({})).await;
    world.until(&id, "sent").await;
    world.rewrite(&id, "SET provider_id = :p", &[(":p", aws::text(&sid))]).await;
    assert_eq!(world.until(&id, "delivered").await["call"]["seconds"], 7);
    drop(silence);
}

#[tokio::test]
async fn a_whatsapp_template_arrives_where_free_text_may_not() {
    let world = World::new();
    let _lines = world.share(&[Line::Whatsapp]).await;
    // Nobody at this number has written to us: free text fails with 63016.
    let closed = "+15005550032";
    let (name, sid) = (fresh::word(), "HX00000000000000000000000000000001");
    let variables = json!({"1": name, "2": "Monday"});
    for (path, to) in [("/api/sms/whatsapp/send", "to_number"), ("/api/v1/twilio/send-whatsapp", "to")] {
        let body = json!({to: closed, "content_sid": sid, "content_variables": variables});
        let answer = world.post(path, &body).send().await.ok();
        let message = world.until(answer["message_id"].as_str().unwrap(), "delivered").await;
        let mut there = world.arrived(closed).await;
        there.retain(|there| there["id"] == message["provider_id"]);
        assert_eq!(there[0]["text"], format!("Hello {name}, your booking on Monday is confirmed."), "{there:?}");
        let both = json!({to: closed, "content_sid": sid, "message": "x", "body": "x"});
        world.post(path, &both).send().await.is(400);
        let lone = json!({to: closed, "content_variables": variables});
        world.post(path, &lone).send().await.refused(400, "Missing required field: content_sid");
    }
    let wrong = json!({"to": closed, "content_sid": sid, "content_variables": {"1": name}});
    let id = world.direct("send-whatsapp", &wrong).await;
    let message = world.until(&id, "undelivered").await;
    assert_eq!((&message["reason"], &message["provider_code"]), (&json!("template"), &json!("63028")), "{message}");
}

#[tokio::test]
async fn typographic_quotes_cost_no_second_part() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (to, words) = (fresh::phone(), fresh::text());
    let body = json!({"to": to, "body": format!("“{words}” – it’s {}", "a".repeat(60))});
    let answer = world.post("/api/v1/twilio/send-sms", &body).send().await.ok();
    assert_eq!((&answer["segments"], &answer["cost"]), (&json!(1), &json!(0.0083)), "{answer}");
    world.until(answer["message_id"].as_str().unwrap(), "delivered").await;
    let there = world.the_one(&to, "sms").await;
    assert_eq!(there["text"], format!("\"{words}\" - it's {}", "a".repeat(60)), "{there}");
}
