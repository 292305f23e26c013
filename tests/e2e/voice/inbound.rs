//! Calls to us: heard as ours are, and kept as texts are.

use serde_json::{Value, json};

use super::{ASKED, GOODBYE, heard, person};
use crate::world::flows::count;
use crate::world::{Line, World, eventually, fresh, seconds};

/// A call to us once its end was told.
async fn over(world: &World, sid: &str) -> Value {
    let status = eventually("its end is told", seconds(20), async || {
        let status = world.get(&format!("/api/v1/twilio/call-status/{sid}")).send().await;
        if status.json["progress"] == "completed" { Ok(status.json) } else { Err(status.text) }
    })
    .await;
    world.message(status["message_id"].as_str().expect("an id")).await
}

/// Whose it is follows from its row.
async fn attended(world: &World, id: &str) -> Value {
    eventually("it is put down to its caller", seconds(20), async || {
        let message = world.message(id).await;
        if message["user_id"].is_null() { Err(message.to_string()) } else { Ok(message) }
    })
    .await
}

#[tokio::test]
async fn a_call_to_us_walks_the_menu_and_is_in_its_callers_thread() {
    let world = World::new();
    let _lines = world.share(&[Line::Voice]).await;
    let (caller, words) = (world.person().await, fresh::text());
    let call = world.calls_us(&caller.phone, &json!([{"say": "agent"}, {"say": words}])).await;
    assert_eq!((&call["status"], &call["error_code"]), (&json!("completed"), &json!(null)), "{call}");
    let lines: Vec<String> = serde_json::from_value(call["heard"].clone()).expect("lines");
    heard(&lines, &["Hello, and thank you", ASKED, "[said agent]", "Your message is recorded", "[recorded", GOODBYE]);

    let sid = call["id"].as_str().expect("an id");
    let told = over(&world, sid).await;
    let message = attended(&world, told["id"].as_str().unwrap()).await;
    assert_eq!((&message["direction"], &message["channel"]), (&json!("inbound"), &json!("voice")), "{message}");
    assert_eq!((&message["user_id"], &message["provider_id"]), (&json!(caller.id), &json!(sid)), "{message}");
    assert_eq!(
        (&message["status"], &message["received"]["from"]),
        (&json!("received"), &json!(caller.phone)),
        "{message}"
    );
    assert!(message["call"]["seconds"].as_u64() > Some(5), "{message}");
    assert_eq!((count(&message, "ended"), count(&message, "recorded")), (1, 1), "{message}");
    assert_eq!(message["recordings"].as_array().map(Vec::len), Some(1), "{message}");

    let path = format!("/api/v2/communications/threads/user:{}/messages", caller.id);
    let thread = world.get(&path).send().await.ok();
    let said = thread["messages"].as_array().expect("messages");
    assert_eq!((said.len(), &said[0]["id"], &said[0]["direction"]), (1, &message["id"], &json!("inbound")), "{thread}");
    assert_eq!((&said[0]["call"], &said[0]["recordings"]), (&message["call"], &message["recordings"]), "{thread}");
}

#[tokio::test]
async fn who_is_unknown_has_a_thread_too() {
    let world = World::new();
    let _lines = world.share(&[Line::Voice]).await;
    let number = person();
    let call = world.calls_us(&number, &json!(["hang_up"])).await;
    let message = over(&world, call["id"].as_str().expect("an id")).await;
    let thread = message["thread_id"].as_str().expect("a thread");
    assert!(thread.starts_with("address:") && message["user_id"].is_null(), "{message}");
    let path = format!("/api/v2/communications/threads/{thread}/messages");
    assert_eq!(world.get(&path).send().await.ok()["messages"][0]["id"], message["id"]);
}

#[tokio::test]
async fn a_call_whose_beginning_was_lost_is_kept_at_its_end_and_once() {
    let world = World::new();
    let _lines = world.share(&[Line::Voice]).await;
    let (sid, number) = (format!("CA{}", fresh::word()), person());
    let token = world.stack.secret("twilio_auth_token");
    let parties = [("CallSid", sid.as_str()), ("Direction", "inbound"), ("From", &number), ("To", "+15005550006")];
    let mut end = parties.to_vec();
    end.extend([("CallStatus", "completed"), ("CallDuration", "42"), ("Duration", "1")]);
    for _ in 0..3 {
        world.twilio_form("/twilio/call-status", &end, token, None).await.is(200);
    }
    // Its beginning comes after its end, and is asked about twice.
    let mut begin = parties.to_vec();
    begin.push(("CallStatus", "ringing"));
    for _ in 0..2 {
        let answer = world.twilio_form("/twilio/voice-response", &begin, token, None).await.is(200);
        assert!(answer.text.contains(ASKED), "{}", answer.text);
    }
    let message = over(&world, &sid).await;
    assert_eq!((&message["call"]["seconds"], &message["status"]), (&json!(42), &json!("received")), "{message}");
    assert_eq!((count(&message, "received"), count(&message, "ended")), (1, 1), "{message}");
    let thread = message["thread_id"].as_str().expect("a thread");
    let path = format!("/api/v2/communications/threads/{thread}/messages");
    assert_eq!(world.get(&path).send().await.ok()["messages"].as_array().map(Vec::len), Some(1));
}
