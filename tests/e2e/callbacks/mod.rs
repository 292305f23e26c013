//! What providers call back: only what is signed counts, it counts once, and in whatever order it comes.

mod arrival;
mod batch;
mod foreign;
mod forged;
mod forms;
mod shuffled;

use serde_json::Value;

use crate::world::{World, fresh};

/// The provider keeps to itself what became of messages to this number: they stay `sent` until somebody says more.
const SILENT: &str = "40";

/// A message that Twilio took and said no more of: its id and Twilio's.
async fn sent_sms(world: &World) -> (String, String) {
    let id = world.sms(&fresh::magic_phone(SILENT), &fresh::text()).await;
    let message = world.until(&id, "sent").await;
    // The callback that says `sent` is the last one the provider makes; then the trail is quiet.
    let sid = message["provider_id"].as_str().expect("an id").to_owned();
    crate::world::eventually("the provider has said what it will", crate::world::seconds(20), async || {
        let callbacks = world.called_back(&sid).await;
        let last = callbacks.iter().any(|callback| callback["event"] == "sent" && callback["status"] == 200);
        if last { Ok(()) } else { Err(format!("{callbacks:?}")) }
    })
    .await;
    (id, sid)
}

fn steps(message: &Value) -> usize {
    message["trail"].as_array().expect("a trail").len()
}
