//! The voice menu: what callers hear, how every call ends, and what of it stays on record.
//!
//! [`walks`]: calls through the menu · [`inbound`]: calls to us · [`menu`]: another menu · [`record`]: progress, cost and
//! recordings · [`erased`]: recordings of somebody who wants to be forgotten · [`forged`]: who is not Twilio.

mod erased;
mod forged;
mod inbound;
mod menu;
mod record;
mod walks;

use serde_json::{Value, json};

use crate::world::{World, fresh, seconds};

const MENU: &str = "/api/v2/communications/voice/menu";

/// Calls a number without words of its own, while the person there does these deeds; the call once it is over, and what was
/// heard in it, line by line.
async fn walk(world: &World, to: &str, deeds: &Value, extra: &Value) -> (Value, Vec<String>) {
    world.will_do(to, deeds).await;
    let mut body = json!({"to": to});
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    let answer = world.post("/api/v1/twilio/initiate-call", &body).send().await.ok();
    let id = answer["message_id"].as_str().unwrap();
    // The longest calls have forty turns.
    let message = world.until_within(seconds(100), id, "delivered").await;
    let there = world.arrived(to).await.into_iter().find(|call| call["our_id"] == id).expect("the call");
    assert_eq!(there["error_code"], Value::Null, "{there}");
    (message, there["text"].as_str().unwrap_or_default().lines().map(str::to_owned).collect())
}

/// Whether these beginnings of lines were heard, in this order; other lines may stand between.
#[track_caller]
fn heard(lines: &[String], beginnings: &[&str]) {
    let mut rest = lines.iter();
    for beginning in beginnings {
        assert!(rest.any(|line| line.starts_with(beginning)), "{beginning:?} in its place: {lines:#?}");
    }
}

fn times(lines: &[String], line: &str) -> usize {
    lines.iter().filter(|heard| *heard == line).count()
}

const ASKED: &str = "For the status of your account, press 1";
const UNHEARD: &str = "We did not hear anything.";
const WRONG: &str = "Sorry, that is not one of the choices.";
const GOODBYE: &str = "Thank you for calling. Goodbye.";

/// Somebody who will be called or calls.
fn person() -> String {
    fresh::phone()
}
