//! What a provider call can end in, said by what the caller can do about it.
//!
//! * [`SendError::Transient`]: the provider did not take the message, and says or implies "later";
//! * [`SendError::Throttled`]: the provider turned the message away unread, because too many came at once. The attempt does not
//!   count, and whoever sends by the same sender waits;
//! * [`SendError::Repeatable`]: it may have taken the message, and the same request again is the same message to it: "later",
//!   and at no other provider;
//! * [`SendError::Permanent`]: it did not take it and never will as it is;
//! * [`SendError::Uncertain`]: it may have taken it. Never sent again before the provider was asked.
//!
//! Reasons are our own words. A provider's message is never copied: it quotes addresses and content.
//! [`BadSignature`] and [`MalformedCallback`] are what can be wrong with a callback.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};

use crate::message::Channel;
use crate::person::Reason;

/// The code of a call that was not made, because the claim had run on too long.
pub const LATE: &str = "late";

/// Why a provider call did not end with the message accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    #[error("{provider_code}: {reason}")]
    Transient { provider_code: String, reason: String, retry_after: Option<Duration> },
    #[error("{provider_code}: {reason}")]
    Throttled { provider_code: String, reason: String, retry_after: Option<Duration> },
    #[error("{provider_code}: {reason}")]
    Repeatable { provider_code: String, reason: String, retry_after: Option<Duration> },
    #[error("{provider_code}: {reason}")]
    Permanent { kind: PermanentKind, provider_code: String, reason: String },
    #[error("{reason}")]
    Uncertain {
        /// Set where the provider did answer, with a failure of its own (`500`): then it most likely has nothing.
        provider_code: Option<String>,
        reason: String,
    },
}

/// Why the provider will never take this message. Stored and shown as the message's reason.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum PermanentKind {
    /// The address does not exist or cannot take this kind of message.
    InvalidNumber,
    InvalidEmail,
    /// The recipient opted out at the provider; a suppression is written.
    OptedOut,
    /// The recipient blocked the sender.
    RecipientBlocked,
    /// Text, subject, media or attachment refused.
    Content,
    /// A provider template or its variables refused.
    Template,
    /// WhatsApp: outside the 24-hour window, only a template may be sent.
    OutsideWindow,
    /// The sender, the region or the account is not set up for this.
    Configuration,
    /// The credentials were refused.
    Credentials,
    /// The carrier or provider filtered it.
    Filtered,
    /// The account's quota is used up.
    Quota,
    /// The handset or mailbox could not be reached.
    Unreachable,
    /// Anything else the provider says is final.
    Rejected,
}

impl PermanentKind {
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// It will strike every message alike, and only an operator can end it.
    pub fn is_alert(self) -> bool {
        matches!(self, Self::Configuration | Self::Credentials)
    }

    /// What it says of the address on this channel, whatever is sent there: its owner said no, or nothing arrives. A
    /// carrier that blocks a text (Twilio's 30004) says it of the text; on WhatsApp it is the person who blocks.
    pub fn about_address(self, channel: Channel) -> Option<Reason> {
        match self {
            Self::OptedOut => Some(Reason::OptOut),
            Self::RecipientBlocked => (channel == Channel::Whatsapp).then_some(Reason::OptOut),
            Self::InvalidNumber => Some(Reason::InvalidNumber),
            Self::InvalidEmail => Some(Reason::HardBounce),
            Self::Content
            | Self::Template
            | Self::OutsideWindow
            | Self::Configuration
            | Self::Credentials
            | Self::Filtered
            | Self::Quota
            | Self::Unreachable
            | Self::Rejected => None,
        }
    }

    /// It is about our account at the provider, not about the message: another provider may well take it.
    pub fn is_of_the_account(self) -> bool {
        matches!(self, Self::Configuration | Self::Credentials | Self::Quota)
    }
}

impl SendError {
    /// The error of a call that only asks: whatever broke on the way, nothing was sent, so it may be asked again.
    pub fn of_a_question(self) -> Self {
        match self {
            Self::Uncertain { reason, .. } => {
                Self::Transient { provider_code: "no_answer".to_owned(), reason, retry_after: None }
            }
            Self::Repeatable { provider_code, reason, retry_after } => {
                Self::Transient { provider_code, reason, retry_after }
            }
            certain @ (Self::Transient { .. } | Self::Throttled { .. } | Self::Permanent { .. }) => certain,
        }
    }
}

/// A callback that is not proven to come from the provider. The text is for our log; the sender only learns "no".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid signature: {0}")]
pub struct BadSignature(pub &'static str);

/// A callback that does come from the provider but cannot be read; answered with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed callback: {0}")]
pub struct MalformedCallback(pub &'static str);
