//! What people write to us: [`threads`] (it becomes a message in their thread), [`heeded`] (their wish comes first),
//! [`answers`] (what is answered by itself), [`window`] (how long WhatsApp may answer freely).

mod answers;
mod heeded;
mod threads;
mod window;

use serde_json::{Value, json};
use switchboard::road::inbound_id;

use crate::world::{World, eventually, seconds};

/// Our numbers.
const OURS: &str = "+15005550006";
const OUR_WHATSAPP: &str = "+14155238886";

/// Somebody writes; the message it becomes, once it was attended to.
pub(crate) async fn written(world: &World, text: &Value) -> Value {
    let sid = brought(world, text).await;
    attended(world, &sid).await
}

/// Somebody writes: Twilio's id of it.
pub(crate) async fn brought(world: &World, text: &Value) -> String {
    let answer = world.brings(text).await;
    assert_eq!(answer["status"], 200, "{answer}");
    assert!(answer["body"].as_str().is_some_and(|body| body.ends_with("<Response/>")), "{answer}");
    answer["id"].as_str().expect("an id").to_owned()
}

/// Nothing waits for it any more.
pub(crate) async fn attended(world: &World, sid: &str) -> Value {
    let id = inbound_id(world.seal().await.ids(), sid).to_string();
    eventually(&format!("{id} is attended to"), seconds(60), async || {
        let row = world.row(&id).await;
        if row.contains_key("due_at") { Err("it waits".to_owned()) } else { Ok(()) }
    })
    .await;
    world.message(&id).await
}

pub(crate) fn sms(from: &str, text: &str) -> Value {
    json!({"channel": "sms", "from": from, "to": OURS, "text": text})
}

pub(crate) fn whatsapp(from: &str, text: &str) -> Value {
    json!({"channel": "whatsapp", "from": from, "to": OUR_WHATSAPP, "text": text})
}

pub(crate) async fn thread(world: &World, id: &str, query: &str) -> Value {
    world.get(&format!("/api/v2/communications/threads/{id}/messages{query}")).send().await.ok()
}

fn steps(message: &Value, event: &str) -> Vec<String> {
    let trail = message["trail"].as_array().expect("a trail").iter();
    trail
        .filter(|step| step["event"] == event)
        .map(|step| step["detail"].as_str().unwrap_or_default().to_owned())
        .collect()
}
