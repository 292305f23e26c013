//! What a message is here: one delivery to one address, whichever provider carried it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{resend, sendgrid, twilio};

/// Who carried it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Provider {
    Twilio,
    Sendgrid,
    Resend,
}

/// What it looks like to the person who gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Channel {
    Sms,
    Whatsapp,
    Email,
    Voice,
}

/// Outbound: a client sent it through the provider. Inbound: a person wrote it (`POST /_sim/inbound`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Direction {
    Outbound,
    Inbound,
}

/// Where a message is, in the words of its provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Status {
    Accepted,
    Scheduled,
    Queued,
    Processed,
    Deferred,
    Sending,
    Sent,
    Delivered,
    Read,
    Undelivered,
    Failed,
    Dropped,
    Bounced,
    Complained,
    Suppressed,
    Canceled,
    Received,
    Ringing,
    InProgress,
    Completed,
    Busy,
    NoAnswer,
}

impl Status {
    /// As Twilio's `status` and Resend's `last_event` spell it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Scheduled => "scheduled",
            Self::Queued => "queued",
            Self::Processed => "processed",
            Self::Deferred => "deferred",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
            Self::Bounced => "bounced",
            Self::Complained => "complained",
            Self::Suppressed => "suppressed",
            Self::Canceled => "canceled",
            Self::Received => "received",
            Self::Ringing => "ringing",
            Self::InProgress => "in-progress",
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::NoAnswer => "no-answer",
        }
    }
}

/// What only one provider knows about a message.
#[derive(Debug, Clone)]
pub(crate) enum Detail {
    Twilio(Box<twilio::Detail>),
    Call(Box<twilio::calls::Detail>),
    Sendgrid(Arc<sendgrid::Envelope>),
    Resend(Arc<resend::Email>),
}

/// A message before the store gives it its place.
#[derive(Debug, Clone)]
pub(crate) struct NewMessage {
    /// The provider's id; several recipients of one e-mail share it.
    pub(crate) id: String,
    pub(crate) provider: Provider,
    pub(crate) channel: Channel,
    pub(crate) direction: Direction,
    /// As the request wrote it: `whatsapp:+…` keeps its prefix.
    pub(crate) to: String,
    pub(crate) from: String,
    pub(crate) subject: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) html: Option<String>,
    pub(crate) media: Vec<String>,
    /// The client's own id for the message, where it gave one.
    pub(crate) our_id: Option<String>,
    pub(crate) status: Status,
    pub(crate) detail: Detail,
}

/// A message the store holds.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) seq: u32,
    pub(crate) content: NewMessage,
    pub(crate) status: Status,
    pub(crate) error_code: Option<u32>,
    pub(crate) received_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) sent_at: Option<Timestamp>,
    /// What makes two messages the same message, see [`super::identity`].
    pub(crate) identity: u64,
    pub(crate) deleted: bool,
}

/// An address as an index key: no channel prefix, no case.
pub(crate) fn address_key(address: &str) -> String {
    address.strip_prefix("whatsapp:").unwrap_or(address).trim().to_ascii_lowercase()
}
