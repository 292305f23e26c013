//! Somebody's no, wherever it is heard: by text ([`texts`]), by what a provider says ([`learned`]), by the link in an e-mail
//! ([`link`]); and the list it ends up on ([`list`]). Which of several texts counts: [`order`]. What is known of no message of
//! ours: [`strangers`].

mod learned;
mod link;
mod list;
mod order;
mod strangers;
mod texts;

use serde_json::{Value, json};
use switchboard::message::{Address, Channel};

use crate::inbound::attended;
use crate::world::api::Answer;
use crate::world::{World, fresh};

const WEBHOOK: &str = "/api/communication/webhooks/sms-opt-out";
const LIST: &str = "/api/communication/suppressions";
const CHECK: &str = "/api/communication/suppressions/check";
const RELEASE: &str = "/api/communication/suppressions/release";

/// As Twilio brings it, signed.
async fn texted(world: &World, sid: &str, from: &str, text: &str, more: &[(&str, &str)]) -> Answer {
    let account = world.stack.secret("twilio_account_sid");
    let mut form = vec![
        ("MessageSid", sid),
        ("SmsSid", sid),
        ("AccountSid", account),
        ("From", from),
        ("To", "+15005550006"),
        ("Body", text),
        ("NumMedia", "0"),
        ("NumSegments", "1"),
        ("SmsStatus", "received"),
        ("ApiVersion", "2010-04-01"),
        ("FromCountry", "US"),
    ];
    form.extend(more);
    world.twilio_tells(WEBHOOK, &form).await
}

/// The same, and it is heeded: whatever it asks for was done.
async fn heeded(world: &World, sid: &str, from: &str, text: &str, more: &[(&str, &str)]) {
    texted(world, sid, from, text, more).await.is(200);
    attended(world, sid).await;
}

/// The same of a text that nothing more is known of.
pub(crate) async fn says(world: &World, from: &str, text: &str) {
    let sid = fresh::sid();
    let answer = texted(world, &sid, from, text, &[]).await.is(200);
    assert_eq!(answer.text, r#"<?xml version="1.0" encoding="UTF-8"?><Response/>"#);
    assert!(answer.header("content-type").starts_with("text/xml"), "{}", answer.header("content-type"));
    attended(world, &sid).await;
}

/// What is known of an address: `channel reason scope`, of what is in force.
pub(crate) async fn known(world: &World, address: &str) -> Vec<String> {
    let answer = world.post(CHECK, &json!({"address": address})).send().await.ok();
    let word = |view: &Value, name: &str| view[name].as_str().unwrap_or_default().to_owned();
    let suppressions = answer["suppressions"].as_array().expect("a list").iter();
    let mut known: Vec<String> = suppressions
        .filter(|view| view["in_force"] == true)
        .map(|view| ["channel", "reason", "scope"].map(|name| word(view, name)).join(" "))
        .collect();
    known.sort();
    assert_eq!(answer["suppressed"], json!(!known.is_empty()), "{answer}");
    known
}

/// Why a message is refused; empty: it is not.
pub(crate) async fn refusal(world: &World, path: &str, body: &Value) -> String {
    let mut body = body.clone();
    // A dry look: what is accepted is due in an hour.
    body["scheduled_time"] = json!(crate::world::flows::in_an_hour());
    let answer = world.post(path, &body).send().await;
    match answer.status {
        200 => String::new(),
        403 => answer.json["reason"].as_str().expect("a reason").to_owned(),
        other => panic!("{other}: {}", answer.text),
    }
}

/// Why this trigger is refused to this person on this channel.
async fn trigger_refusal(world: &World, user: i64, trigger: &str, channel: &str) -> String {
    let body = json!({"user_id": user, "trigger_type": trigger, "channel": channel, "data": {}, "fallback": "none"});
    refusal(world, "/api/communication/send", &body).await
}

pub(crate) fn phone(number: &str) -> Address {
    Address::stored(Channel::Sms, number.to_owned())
}

fn mail(address: &str) -> Address {
    Address::stored(Channel::Email, address.to_owned())
}

/// What the ledger says of an address: each entry's event, and its facts. The address itself stands in none of them, nor
/// anywhere in the rows.
async fn told(world: &World, address: &Address) -> Vec<(String, Value)> {
    let entries = world.address_entries(address).await;
    for entry in &entries {
        assert!(!format!("{entry:?}").contains(address.as_str()), "{entry:?}");
    }
    let fact = |entry: &std::collections::HashMap<String, _>, name: &str| -> String {
        let value: &aws_sdk_dynamodb::types::AttributeValue = &entry[name];
        value.as_s().expect("a text").clone()
    };
    let told = |entry| (fact(entry, "event"), serde_json::from_str(&fact(entry, "facts")).expect("JSON"));
    entries.iter().map(told).collect()
}

fn names(told: &[(String, Value)]) -> Vec<&str> {
    told.iter().map(|(event, _)| event.as_str()).collect()
}
