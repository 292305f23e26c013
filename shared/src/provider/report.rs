//! What a provider's callback (or a status we fetched) says of a message, in our words.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator;

use super::{PermanentKind, ProviderName};
use crate::message::engagement::Deed;
use crate::message::record::{CallFacts, Recording};
use crate::message::{Address, Channel, EmailAddress, MessageId, Status};
use crate::person::{Reason, Scope};

/// One thing a provider says of one message. Holds no address and no content: it may wait in a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub provider: ProviderName,
    /// Our id, where the callback carries it (StatusCallback query, custom_args, tags).
    pub message_id: Option<MessageId>,
    /// The provider's id of the message, where the callback carries it.
    pub provider_id: Option<String>,
    /// The same for every repetition of the same callback (Twilio: status and error code; SendGrid: sg_event_id; Resend: svix-id).
    pub key: String,
    pub event: Event,
    /// When it happened, as the provider says; when we got it, where it does not say.
    pub at: Timestamp,
    /// Keyed fingerprint of the address it is about, where the callback names exactly one: an e-mail has several recipients,
    /// and what becomes of the others is not what becomes of the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// The provider's error code or reason class, for the trail: `30003`, `bounce`, `Permanent`.
    pub provider_code: Option<String>,
    /// How a call went, where it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallFacts>,
    /// What was recorded in it, where it tells that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<Box<Recording>>,
}

impl Report {
    /// What stands beside it in a message's trail: the provider's code, else how the call went.
    pub fn detail(&self) -> Option<String> {
        let call = self.call.as_ref().map(ToString::to_string).filter(|told| !told.is_empty());
        let recording = || self.recording.as_ref().map(|recording| format!("{} s", recording.seconds));
        self.provider_code.clone().or(call).or_else(recording)
    }

    /// The arrival that it proves without being told as one, as a report of its own: who complains of a message has it. Asked,
    /// a provider may say no more than the last that became of a message.
    #[must_use]
    pub fn arrival(&self) -> Option<Self> {
        let key = format!("{}:arrived", self.key);
        (self.event == Event::Complained).then(|| Self { event: Event::Delivered, key, ..self.clone() })
    }
}

/// Makes an address's keyed fingerprint. Callbacks are read where there is a key and written down without an address.
pub type Fingerprint<'a> = &'a dyn Fn(&Address) -> String;

/// The fingerprint of an e-mail address as a callback spells it.
pub(super) fn about(text: &str, of: Fingerprint<'_>) -> Option<String> {
    EmailAddress::parse(text).ok().map(|address| of(&Address::Email(address)))
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The provider has it (queued, processed, sent …).
    Sent,
    Delivered,
    /// It will not arrive, and why.
    Undelivered(PermanentKind),
    /// It is late; the provider keeps trying. Changes no status.
    Deferred,
    Opened,
    /// A program opened it, not its reader.
    OpenedByMachine,
    Clicked,
    Complained,
    /// From everything the provider sends for us.
    Unsubscribed,
    /// From one kind of mail.
    UnsubscribedKind,
    /// To one kind of mail again, which they had left there.
    ResubscribedKind,
    /// Something was recorded in a call.
    Recorded,
    /// Somebody's call to us is over.
    Ended,
    /// Known to the provider, of no meaning to us: acknowledged, recorded nowhere.
    Ignored,
}

impl Event {
    /// The status it moves a message to, if any. Engagement does not change delivery, but who opened it has received it; a
    /// program may open it before the mailbox takes it, or instead of it.
    pub fn status(self) -> Option<Status> {
        match self {
            Self::Sent => Some(Status::Sent),
            Self::Delivered | Self::Opened | Self::Clicked => Some(Status::Delivered),
            Self::Undelivered(_) => Some(Status::Undelivered),
            Self::Deferred
            | Self::OpenedByMachine
            | Self::Complained
            | Self::Unsubscribed
            | Self::UnsubscribedKind
            | Self::ResubscribedKind
            | Self::Recorded
            | Self::Ended
            | Self::Ignored => None,
        }
    }

    /// What somebody did with the message, if it says that.
    pub fn deed(self) -> Option<Deed> {
        match self {
            Self::Opened => Some(Deed::Opened),
            Self::OpenedByMachine => Some(Deed::OpenedByMachine),
            Self::Clicked => Some(Deed::Clicked),
            Self::Sent
            | Self::Delivered
            | Self::Undelivered(_)
            | Self::Deferred
            | Self::Complained
            | Self::Unsubscribed
            | Self::UnsubscribedKind
            | Self::ResubscribedKind
            | Self::Recorded
            | Self::Ended
            | Self::Ignored => None,
        }
    }

    /// Whether something follows from it beyond its own message: an address that must not be used any more, an hour at which
    /// somebody reads, another message instead.
    pub fn is_followed_up(self) -> bool {
        match self {
            Self::Undelivered(_)
            | Self::Opened
            | Self::Clicked
            | Self::Complained
            | Self::Unsubscribed
            | Self::UnsubscribedKind
            | Self::ResubscribedKind => true,
            Self::Sent
            | Self::Delivered
            | Self::Deferred
            | Self::OpenedByMachine
            | Self::Recorded
            | Self::Ended
            | Self::Ignored => false,
        }
    }

    /// Whether it says something of the address it is about, on some channel.
    pub fn is_about_address(self) -> bool {
        self == Self::ResubscribedKind || Channel::iter().any(|channel| self.about_address(channel).is_some())
    }

    /// Why the address it is about must not be used any more on this channel, and what for, if it says so. Whom a provider
    /// will send nothing any more, nobody sends anything.
    pub fn about_address(self, channel: Channel) -> Option<(Reason, Scope)> {
        match self {
            Self::Complained => Some((Reason::Complaint, Scope::All)),
            Self::Unsubscribed => Some((Reason::Unsubscribe, Scope::All)),
            Self::UnsubscribedKind => Some((Reason::Unsubscribe, Scope::Marketing)),
            Self::Undelivered(kind) => kind.about_address(channel).map(|reason| (reason, Scope::All)),
            Self::Sent
            | Self::Delivered
            | Self::Deferred
            | Self::Opened
            | Self::OpenedByMachine
            | Self::Clicked
            | Self::ResubscribedKind
            | Self::Recorded
            | Self::Ended
            | Self::Ignored => None,
        }
    }

    /// Its name in a message's trail.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Undelivered(_) => "undelivered",
            Self::Deferred => "deferred",
            Self::Opened => "opened",
            Self::OpenedByMachine => "opened_by_machine",
            Self::Clicked => "clicked",
            Self::Complained => "complained",
            Self::Unsubscribed | Self::UnsubscribedKind => "unsubscribed",
            Self::ResubscribedKind => "resubscribed",
            Self::Recorded => "recorded",
            Self::Ended => "ended",
            Self::Ignored => "ignored",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_proves_that_the_message_arrived() {
        let told = |event| Report {
            provider: ProviderName::Resend,
            message_id: Some(crate::testing::sample_id("t")),
            provider_id: None,
            key: "last_event:complained".to_owned(),
            event,
            at: Timestamp::UNIX_EPOCH,
            recipient: None,
            provider_code: None,
            call: None,
            recording: None,
        };
        let complained = told(Event::Complained);
        let arrival = complained.arrival().unwrap();
        assert_eq!(arrival.event.status(), Some(Status::Delivered));
        assert_ne!(arrival.key, complained.key, "both are noted");
        assert_eq!((arrival.message_id, arrival.at), (complained.message_id, complained.at));
        for event in [Event::Sent, Event::Deferred, Event::OpenedByMachine, Event::Ignored] {
            assert_eq!(told(event).arrival(), None, "{event:?}");
        }
    }
}
