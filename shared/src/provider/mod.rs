//! How a message leaves, and what comes back: one folder per provider, the same file names in each.
//!
//! * `client.rs`: sends, and answers what became of a send whose outcome we do not know;
//! * `errors.rs`: the provider's error codes, each with what we do about it;
//! * `signature.rs`: whether a callback's raw bytes come from the provider;
//! * `callback.rs`: a callback's bytes to [`Report`]s.
//!
//! [`Provider`] is what `deliver` sees, [`SendError`] what can go wrong, [`Report`] what callbacks become; [`pacing`]: how
//! fast each sender may be used; [`routing`]: which of several providers is used.

#[cfg(test)]
mod any_order;
pub mod call;
pub mod error;
pub mod pacing;
pub mod report;
pub mod resend;
pub mod routing;
pub mod sendgrid;
#[cfg(test)]
pub(crate) mod stub;
pub mod twilio;
pub mod webhook_keys;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use strum::{Display, EnumString, IntoStaticStr};

pub use error::{BadSignature, MalformedCallback, PermanentKind, SendError};
pub use report::{Event, Report};

use crate::message::{Address, Channel, Content, MessageId};

/// The providers we send through.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum ProviderName {
    Twilio,
    Sendgrid,
    Resend,
}

impl ProviderName {
    /// Its stored and spoken name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// One message as a provider client needs it.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub id: MessageId,
    pub channel: Channel,
    pub to: Address,
    /// The sender the client asked for; without it the provider's configured sender is used.
    pub from: Option<String>,
    pub content: Content,
    /// What the client calls its kind, told to the provider where that counts by kinds.
    pub category: Option<String>,
    /// An e-mail that can be left with one click: the address that takes it (RFC 8058).
    pub unsubscribe: Option<String>,
    /// After this time it need not arrive any more.
    pub valid_until: Option<Timestamp>,
    /// Whether the provider may rewrite its links and count who opens it: never where a link is a secret.
    pub tracked: bool,
    /// A call that says its words only to somebody who presses a key: where it goes on then.
    pub keypress: Option<String>,
}

impl Outgoing {
    /// The headers of an e-mail that can be left with one click (RFC 8058 §3.1).
    pub(crate) fn unsubscribe_headers(&self) -> Option<Value> {
        let url = self.unsubscribe.as_deref()?;
        Some(json!({"List-Unsubscribe": format!("<{url}>"), "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}))
    }
}

/// The provider took the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The provider's id of it (Twilio SID, SendGrid X-Message-Id, Resend id).
    pub provider_id: String,
}

/// What asking the provider about a send of unknown outcome brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// It has the message.
    Accepted(Accepted),
    /// It does not have the message (at this time).
    NotFound,
    /// This provider cannot be asked; only its callbacks tell.
    Unknowable,
}

/// A provider, as `deliver` sees it.
#[async_trait]
pub trait Provider: Send + Sync + std::fmt::Debug {
    fn name(&self) -> ProviderName;

    /// Hands the message over. Called only by the holder of the message's claim.
    async fn send(&self, message: &Outgoing) -> Result<Accepted, SendError>;

    /// Asks what became of a send whose outcome is unknown, by a call begun at `since`. What might be it, or another message, is
    /// not taken for it: then the provider cannot be asked.
    ///
    /// `is_taken` tells whether a provider id already belongs to another of our messages, so that two messages with the
    /// same text to the same person are not mistaken for one another.
    async fn resolve(
        &self,
        message: &Outgoing,
        since: Timestamp,
        is_taken: &dyn Taken,
    ) -> Result<Resolution, SendError>;

    /// Asks for the present state of a message it took; `None` where it cannot be asked or does not know it.
    async fn fetch(&self, message: MessageId, provider_id: &str) -> Result<Option<Report>, SendError>;
}

/// Whether a provider id already belongs to a message other than the one being resolved. An id that does not is that
/// message's from then on, so ids are asked for one at a time, the likeliest first.
#[async_trait]
pub trait Taken: Send + Sync {
    async fn is_taken(&self, provider_id: &str) -> Result<bool, SendError>;

    /// The same, and an id that is nobody's stays so.
    async fn is_of_another(&self, provider_id: &str) -> Result<bool, SendError>;
}
