//! A message's stored form. Addresses and content are one sealed text, bound to the row's id.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Messages;
use crate::message::engagement::Engagement;
use crate::message::record::{
    AddressSource, CallFacts, Fallback, Links, Message, ProviderChoice, Recording, TemplateUse, Times,
};
use crate::message::trigger::Class;
use crate::message::{Address, Channel, Content, JobId, Lane, MessageId, Micros, Status, TrailEntry, Trigger};
use crate::otp::CodeRef;
use crate::person::{Decision, PersonId};
use crate::provider::ProviderName;
use crate::store::{Item, StoreError};

#[derive(Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) id: MessageId,
    /// `None`: it is the task's first message, and has its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    task: Option<MessageId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    siblings: Vec<MessageId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    job: Option<JobId>,
    caller: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_hash: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    person: Option<PersonId>,
    /// The same as text, as an index needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    person_key: Option<String>,
    channel: Channel,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked: Option<Channel>,
    class: Class,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trigger: Option<Trigger>,
    #[serde(default, with = "super::compact::template", skip_serializing_if = "Option::is_none")]
    template: Option<TemplateUse>,
    lane: Lane,
    provider: ProviderName,
    #[serde(default, skip_serializing_if = "is_fixed")]
    choice: ProviderChoice,
    /// Keyed fingerprint of the address; gone with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recipient: Option<String>,
    /// Addresses and content; gone when they were erased.
    #[serde(default, with = "super::compact::sealed", skip_serializing_if = "Option::is_none")]
    pub(super) sealed: Option<String>,
    /// Where the content is, if it is too large for the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) content_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<CodeRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secrets: Option<String>,
    segments: u32,
    cost: Micros,
    /// What it was accepted at, where that may differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    estimate: Option<Micros>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refund: Option<Micros>,
    #[serde(default, skip_serializing_if = "Links::is_empty")]
    links: Links,
    /// The channels of what is sent instead; the rest of it is sealed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fallback_to: Vec<Channel>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instead_of: Option<MessageId>,
    status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    call: Option<CallFacts>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    recordings: Vec<Recording>,
    attempts: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    throttled: u32,
    #[serde(default, skip_serializing_if = "is_nothing")]
    held_ms: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    looks: u32,
    #[serde(with = "super::compact::decision")]
    decision: Decision,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    counted_as: Option<String>,
    #[serde(with = "super::compact::trail")]
    trail: BTreeMap<String, TrailEntry>,
    #[serde(flatten)]
    engagement: Engagement,
    #[serde(flatten)]
    times: Times,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_shard: Option<String>,
    #[serde(default, with = "crate::clock::millis::option", skip_serializing_if = "Option::is_none")]
    erased_at: Option<Timestamp>,
    /// Epoch seconds, for the table's time to live.
    expires: i64,
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
pub(super) struct Sealed {
    pub(super) to: String,
    #[serde(default, rename = "source", skip_serializing_if = "is_given")]
    pub(super) address_source: AddressSource,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<String>,
    pub(super) content: Content,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) fallbacks: Vec<Fallback>,
}

impl Sealed {
    /// What there is of an erased message.
    fn empty() -> Self {
        let (address_source, content) = (AddressSource::Given, Content::text(""));
        Self { to: String::new(), address_source, from: None, content, fallbacks: Vec::new() }
    }
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

fn is_nothing(time: &i64) -> bool {
    *time == 0
}

fn is_given(source: &AddressSource) -> bool {
    *source == AddressSource::Given
}

fn is_fixed(choice: &ProviderChoice) -> bool {
    *choice == ProviderChoice::Fixed
}

pub(super) fn unreadable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unreadable { table: "messages", cause: error.to_string() }
}

pub(super) fn empty_map() -> AttributeValue {
    AttributeValue::M(HashMap::new())
}

/// A value of ours as an attribute. Our types hold nothing that has no attribute form.
pub(super) fn attribute(value: &impl Serialize) -> AttributeValue {
    serde_dynamo::to_attribute_value(value).unwrap_or(AttributeValue::Null(true))
}

impl Messages {
    /// The row is part of what is sealed with it.
    pub(super) fn seal_name(id: MessageId) -> String {
        format!("messages/{id}")
    }

    /// What of a message is sealed.
    pub(super) fn private(message: &Message) -> Sealed {
        Sealed {
            to: message.to.as_str().to_owned(),
            address_source: message.address_source,
            from: message.from.clone(),
            content: message.content.clone(),
            fallbacks: message.fallbacks.clone(),
        }
    }

    pub(super) async fn to_item(&self, message: &Message) -> Result<Item, StoreError> {
        let (sealed, content_key) = self.put_away(message, &Self::private(message)).await?;
        let message = message.clone();
        let expires = self.expires(message.class, &message.times);
        let row = Row {
            id: message.id,
            task: Some(message.task).filter(|task| *task != message.id),
            siblings: message.siblings,
            job: message.job,
            caller: message.caller,
            request_hash: message.request_hash,
            person_key: message.person.as_ref().map(|person| person.as_str().to_owned()),
            person: message.person,
            channel: message.channel,
            asked: message.asked,
            class: message.class,
            trigger: message.trigger,
            template: message.template,
            lane: message.lane,
            provider: message.provider,
            choice: message.choice,
            recipient: Some(self.seal.fingerprint_to_store(&message.to)),
            sealed: Some(sealed),
            content_key,
            code: message.code,
            secrets: message.secrets,
            segments: message.segments,
            cost: message.cost,
            estimate: (!is_fixed(&message.choice) || message.cost != message.estimate).then_some(message.estimate),
            refund: Some(message.refund).filter(|refund| *refund > Micros::default()),
            links: message.links,
            fallback_to: message.fallback_to,
            instead_of: message.instead_of,
            status: message.status,
            reason: message.reason,
            provider_code: message.provider_code,
            provider_id: message.provider_id,
            call: message.call,
            recordings: message.recordings,
            engagement: message.engagement,
            attempts: message.attempts,
            throttled: message.throttled,
            held_ms: message.held_ms,
            looks: message.looks,
            decision: message.decision,
            counted_as: message.counted_as,
            trail: message.trail,
            due_shard: message.times.due.map(|_| super::shard(message.id)),
            erased_at: message.erased,
            expires,
            times: message.times,
        };
        serde_dynamo::to_item(row).map_err(unreadable)
    }

    /// A message by its row alone: content that is stored apart is left out.
    pub(super) fn read(&self, item: Item) -> Result<Message, StoreError> {
        let row: Row = serde_dynamo::from_item(item).map_err(unreadable)?;
        let sealed = self.open_row(&row)?;
        Ok(row.message(sealed))
    }

    /// A message with all its content.
    pub(super) async fn read_whole(&self, item: Item) -> Result<Message, StoreError> {
        let row: Row = serde_dynamo::from_item(item).map_err(unreadable)?;
        let sealed = match &row.content_key {
            Some(key) => self.fetch(key).await?,
            None => self.open_row(&row)?,
        };
        Ok(row.message(sealed))
    }

    /// Until when a message is kept, in epoch seconds: counted from when it was made, or from when it is to go.
    fn expires(&self, class: Class, times: &Times) -> i64 {
        let from = times.not_before.into_iter().chain(times.scheduled).fold(times.created, Timestamp::max);
        self.retention.until(class, from).as_second()
    }

    /// What is sealed in a row; nothing where it was erased.
    fn open_row(&self, row: &Row) -> Result<Sealed, StoreError> {
        match (&row.sealed, row.erased_at) {
            (Some(sealed), _) => self.open(&Self::seal_name(row.id), sealed),
            (None, Some(_)) => Ok(Sealed::empty()),
            (None, None) => Err(unreadable("nothing is sealed in it")),
        }
    }

    pub(super) fn open(&self, name: &str, sealed: &str) -> Result<Sealed, StoreError> {
        let plain = self.seal.open(name, sealed)?;
        // The parser's text is not kept: it may quote the content.
        serde_json::from_slice(&plain).map_err(|_| unreadable("unknown content"))
    }
}

impl Row {
    fn message(self, sealed: Sealed) -> Message {
        let row = self;
        let mut times = row.times;
        // Neither is stored while it is the same as another.
        times.started = times.started.or(times.claimed);
        times.delivered = times.ended.filter(|_| row.status == Status::Delivered);
        Message {
            id: row.id,
            task: row.task.unwrap_or(row.id),
            siblings: row.siblings,
            job: row.job,
            caller: row.caller,
            request_hash: row.request_hash,
            person: row.person,
            channel: row.channel,
            asked: row.asked,
            class: row.class,
            trigger: row.trigger,
            template: row.template,
            lane: row.lane,
            provider: row.provider,
            choice: row.choice,
            to: Address::stored(row.channel, sealed.to),
            address_source: sealed.address_source,
            from: sealed.from,
            content: sealed.content,
            code: row.code,
            secrets: row.secrets,
            segments: row.segments,
            cost: row.cost,
            estimate: row.estimate.unwrap_or(row.cost),
            refund: row.refund.unwrap_or_default(),
            links: row.links,
            fallback_to: row.fallback_to,
            fallbacks: sealed.fallbacks,
            instead_of: row.instead_of,
            status: row.status,
            reason: row.reason,
            provider_code: row.provider_code,
            provider_id: row.provider_id,
            call: row.call,
            recordings: row.recordings,
            engagement: row.engagement,
            attempts: row.attempts,
            throttled: row.throttled,
            held_ms: row.held_ms,
            looks: row.looks,
            decision: row.decision,
            counted_as: row.counted_as,
            trail: row.trail,
            times,
            erased: row.erased_at,
        }
    }
}
