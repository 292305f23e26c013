//! The whole message: everything the road needs to know of it, and everything an operator asks of it later.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use super::call::{CallFacts, MOST_RECORDINGS, Recording};
use super::engagement::Engagement;
use super::trigger::Class;
use super::{Address, Channel, Content, JobId, Lane, MessageId, Micros, Status, TrailEntry, Trigger};
use crate::otp::CodeRef;
use crate::person::{Decision, PersonId};
use crate::provider::{Outgoing, ProviderName};

/// Why a message ended that was not sent because its recipient asked for their data to be erased.
pub const ERASED: &str = "erased";

/// One communication to one address on one channel.
#[derive(Clone, Debug)]
pub struct Message {
    pub id: MessageId,
    /// The task it belongs to; a task's first message carries the task's id.
    pub task: MessageId,
    /// On a task's first message: the other messages of the task.
    pub siblings: Vec<MessageId>,
    /// The bulk job it belongs to.
    pub job: Option<JobId>,
    /// Who asked for it (the token's subject).
    pub caller: String,
    /// Hash of the request that made it, where that carried an idempotency key.
    pub request_hash: Option<String>,

    pub person: Option<PersonId>,
    pub channel: Channel,
    /// The channel the client asked for, where this is another.
    pub asked: Option<Channel>,
    pub class: Class,
    pub trigger: Option<Trigger>,
    pub template: Option<TemplateUse>,
    pub lane: Lane,
    pub provider: ProviderName,
    pub choice: ProviderChoice,
    /// The other side's address: whom it goes to, or who wrote it.
    pub to: Address,
    pub address_source: AddressSource,
    /// Ours: the sender that was asked for, or the number somebody wrote to.
    pub from: Option<String>,
    pub content: Content,
    /// The one-time code it carries; its content says `[code]` in its place.
    pub code: Option<CodeRef>,
    /// The values of its secret variables, encrypted for `deliver`; its content has placeholders in their places.
    pub secrets: Option<String>,
    pub segments: u32,
    pub cost: Micros,
    /// What it was accepted at: an e-mail costs what the provider takes that sends it in the end, and a repeated request gets
    /// the answer of the first.
    pub estimate: Micros,
    /// What of it was counted and is to be given back, because it cost nothing in the end.
    pub refund: Micros,
    pub links: Links,
    /// On which channels something else is sent, in this order, if it cannot arrive.
    pub fallback_to: Vec<Channel>,
    /// What that is.
    pub fallbacks: Vec<Fallback>,
    /// The message it is sent instead of.
    pub instead_of: Option<MessageId>,

    pub status: Status,
    /// Why it ended without arriving, in one word: `opted_out`, `invalid_number`, `attempts_exhausted` …
    pub reason: Option<String>,
    /// The provider's code behind the reason.
    pub provider_code: Option<String>,
    pub provider_id: Option<String>,
    /// A call: how it went.
    pub call: Option<CallFacts>,
    /// What was recorded in it, in the order it was told.
    pub recordings: Vec<Recording>,
    /// What people did with it.
    pub engagement: Engagement,
    /// How often a worker claimed it for sending.
    pub attempts: u32,
    /// How many of those the provider turned away for being too busy.
    pub throttled: u32,
    /// How long rules of ours have held it after it was tried, in milliseconds: patience with its provider does not run meanwhile.
    pub held_ms: i64,
    /// How often the sweep looked at it in its present status; its next look waits longer each time.
    pub looks: u32,
    pub decision: Decision,
    /// The reason under which it is counted among the held messages of its job.
    pub counted_as: Option<String>,
    pub trail: BTreeMap<String, TrailEntry>,
    pub times: Times,
    /// Since when its address, its words and everything that leads to its recipient are gone, because they asked for it. What
    /// stands in their place here is empty.
    pub erased: Option<Timestamp>,
}

/// When what happened. Absent: has not happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Times {
    #[serde(with = "crate::clock::millis", rename = "created_at")]
    pub created: Timestamp,
    /// When the client wants it sent.
    #[serde(
        default,
        with = "crate::clock::millis::option",
        rename = "scheduled_at",
        skip_serializing_if = "Option::is_none"
    )]
    pub scheduled: Option<Timestamp>,
    /// When the client wanted it sent instead, after it was accepted.
    #[serde(
        default,
        with = "crate::clock::millis::option",
        rename = "rescheduled_at",
        skip_serializing_if = "Option::is_none"
    )]
    pub rescheduled: Option<Timestamp>,
    /// It must not be sent before: what the client asked for, a rule's hold, or a retry's pause.
    #[serde(default, with = "crate::clock::millis::option", skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// It is worthless after this time, and ends instead of being sent.
    #[serde(default, with = "crate::clock::millis::option", skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// The first claim.
    #[serde(
        default,
        with = "crate::clock::millis::option",
        rename = "started_at",
        skip_serializing_if = "Option::is_none"
    )]
    pub started: Option<Timestamp>,
    /// The latest claim: a call of unknown outcome was made at or after this time.
    #[serde(
        default,
        with = "crate::clock::millis::option",
        rename = "claimed_at",
        skip_serializing_if = "Option::is_none"
    )]
    pub claimed: Option<Timestamp>,
    /// Since when its provider may have it, without that being known: from then on it is nobody else's, and nothing denies it.
    #[serde(
        default,
        with = "crate::clock::millis::option",
        rename = "unsure_since",
        skip_serializing_if = "Option::is_none"
    )]
    pub unsure: Option<Timestamp>,
    /// Since when a rule of ours has held it after it was tried.
    #[serde(
        default,
        with = "crate::clock::millis::option",
        rename = "held_since",
        skip_serializing_if = "Option::is_none"
    )]
    pub held: Option<Timestamp>,
    /// Until when the claim's holder may call the provider.
    #[serde(
        default,
        with = "crate::clock::millis::option",
        rename = "lease_until",
        skip_serializing_if = "Option::is_none"
    )]
    pub lease: Option<Timestamp>,
    #[serde(
        default,
        with = "crate::clock::millis::option",
        rename = "sent_at",
        skip_serializing_if = "Option::is_none"
    )]
    pub sent: Option<Timestamp>,
    #[serde(
        default,
        with = "crate::clock::millis::option",
        rename = "delivered_at",
        skip_serializing_if = "Option::is_none"
    )]
    pub delivered: Option<Timestamp>,
    #[serde(
        default,
        with = "crate::clock::millis::option",
        rename = "ended_at",
        skip_serializing_if = "Option::is_none"
    )]
    pub ended: Option<Timestamp>,
    #[serde(
        default,
        with = "crate::clock::millis::option",
        rename = "opened_at",
        skip_serializing_if = "Option::is_none"
    )]
    pub opened: Option<Timestamp>,
    #[serde(
        default,
        with = "crate::clock::millis::option",
        rename = "clicked_at",
        skip_serializing_if = "Option::is_none"
    )]
    pub clicked: Option<Timestamp>,
    /// When the sweep looks at it, unless something happens before.
    #[serde(
        default,
        with = "crate::clock::millis::option",
        rename = "due_at",
        skip_serializing_if = "Option::is_none"
    )]
    pub due: Option<Timestamp>,
}

impl Times {
    /// The times of a message made now.
    pub fn new(created: Timestamp) -> Self {
        Self {
            created,
            scheduled: None,
            rescheduled: None,
            not_before: None,
            valid_until: None,
            started: None,
            claimed: None,
            unsure: None,
            held: None,
            lease: None,
            sent: None,
            delivered: None,
            ended: None,
            opened: None,
            clicked: None,
            due: None,
        }
    }
}

/// The template a message was rendered from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TemplateUse {
    pub name: String,
    pub version: u32,
    pub locale: String,
    /// The variant of a split test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

/// Whether the provider was chosen for good, or may be another one that sends on the same channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderChoice {
    #[default]
    Fixed,
    /// The named one while it does well, else another of the channel's.
    Preferred,
    /// Whichever of the channel's providers does best.
    Any,
}

/// Where the recipient's address comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressSource {
    /// The request, or what the message is about, names this address: it goes there or nowhere.
    #[default]
    Given,
    /// The person's profile: it goes to the address they have when it is sent.
    Profile,
}

/// What the client ties a message to. Its words, never interpreted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Links {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booking_id: Option<String>,
}

impl Links {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A message to be sent instead of one that cannot arrive. Sealed with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fallback {
    pub channel: Channel,
    pub to: String,
    #[serde(default)]
    pub address_source: AddressSource,
    pub content: Content,
    pub template: Option<TemplateUse>,
    pub provider: ProviderName,
    pub choice: ProviderChoice,
}

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From us.
    Outbound,
    /// To us.
    Inbound,
}

/// That a rule lets a message wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold<'a> {
    pub until: Timestamp,
    /// The rule's word.
    pub because: &'a str,
}

/// What the encrypted secrets of a task's messages are bound to.
pub fn secrets_context(task: MessageId) -> String {
    format!("secrets/{task}")
}

impl Message {
    /// What comes to us has a status of its own.
    pub fn direction(&self) -> Direction {
        if self.status == Status::Received { Direction::Inbound } else { Direction::Outbound }
    }

    /// Until when it is held, and why, if it is.
    pub fn hold(&self) -> Option<Hold<'_>> {
        let until = self.times.not_before.filter(|_| self.status == Status::Held)?;
        Some(Hold { until, because: &self.decision.reason })
    }

    /// What a provider client needs of it.
    ///
    /// Who the decision leaves out is not in it, so every call of one claim carries the same.
    pub fn outgoing(&self) -> Outgoing {
        Outgoing {
            id: self.id,
            channel: self.channel,
            to: self.to.clone(),
            from: self.from.clone(),
            content: self.sent_content(),
            category: self.links.category.clone(),
            unsubscribe: None,
            valid_until: self.times.valid_until,
            tracked: true,
            keypress: None,
        }
    }

    fn sent_content(&self) -> Content {
        let mut content = self.content.clone();
        if let Content::Email(email) = &mut content {
            let stays: Vec<bool> = email.further().map(|(field, _)| !self.decision.leaves_out(&field)).collect();
            let mut stays = stays.into_iter();
            email.others.retain(|_| stays.next().unwrap_or_default());
        }
        content
    }
}
