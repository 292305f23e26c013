//! How messages and entries are told.

use serde::Serialize;
use serde_json::Value;

use super::{ExportedEntry, ExportedMessage};
use crate::ledger::Entry;
use crate::message::record::Fallback;
use crate::message::{Content, Message};

pub(super) fn value(of: &impl Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}

pub(super) fn whole(message: &Message) -> ExportedMessage {
    exported(message, "recipient", &message.content, &message.fallbacks)
}

pub(super) fn exported(message: &Message, place: &str, content: &Content, fallbacks: &[Fallback]) -> ExportedMessage {
    ExportedMessage {
        id: message.id.to_string(),
        task_id: message.task.to_string(),
        place: place.to_owned(),
        channel: message.channel.as_str().to_owned(),
        consent_class: message.class.as_str().to_owned(),
        trigger_type: message.trigger.map(|trigger| trigger.as_str().to_owned()),
        template: value(&message.template),
        to: message.to.as_str().to_owned(),
        from: message.from.clone(),
        content: value(content),
        fallbacks: value(&fallbacks),
        links: value(&message.links),
        status: message.status.as_str().to_owned(),
        reason: message.reason.clone(),
        provider: message.provider.as_str().to_owned(),
        provider_id: message.provider_id.clone(),
        call: value(&message.call),
        recordings: value(&message.recordings),
        decision: value(&message.decision),
        trail: value(&message.trail),
        times: value(&message.times),
    }
}

pub(super) fn told(about: &'static str, entry: &Entry) -> ExportedEntry {
    ExportedEntry {
        about,
        sequence: entry.sequence,
        at: entry.at,
        event: entry.event.clone(),
        caller: entry.caller.clone(),
        details: serde_json::from_str(&entry.facts).unwrap_or_default(),
        personal: Value::Object(entry.personal.facts()),
    }
}
