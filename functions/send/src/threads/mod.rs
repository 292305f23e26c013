//! `/api/v2/communications/threads/*`: conversations. A thread is a person's (`user:123`: what went to them and to their
//! addresses, and what came from there) or an address's (`address:…`, by its fingerprint, where nobody is known by it).

pub mod messages;

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use switchboard::http::ApiError;
use switchboard::message::content::Script;
use switchboard::message::received::Media;
use switchboard::message::record::{CallFacts, Recording};
use switchboard::message::{Channel, Content, Direction, Message, Status};
use switchboard::person::{Holders, PersonId};
use switchboard::seal::Seal;
use switchboard::seal::lookup::is_fingerprint;

/// Which conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Thread {
    Person(PersonId),
    /// By its fingerprint.
    Address(String),
}

impl Thread {
    /// The thread a message belongs to; of an erased one nobody can say.
    pub(crate) fn of(message: &Message, seal: &Seal) -> Option<Self> {
        match (&message.person, message.erased) {
            (Some(person), _) => Some(Self::Person(person.clone())),
            (None, Some(_)) => None,
            (None, None) => Some(Self::Address(seal.fingerprint(&message.to))),
        }
    }

    /// Whether what stands in a list of this thread is of it. An address may be shared, or have been somebody else's: what names
    /// another person is theirs, and what names nobody is of the time in which the address was one person's alone.
    pub(crate) fn has(&self, message: &Message, holders: Option<&Holders>) -> bool {
        match self {
            Self::Person(person) => match (&message.person, holders) {
                (Some(whose), _) => whose == person,
                (None, Some(holders)) => holders.makes_party(person, None, message.times.created),
                (None, None) => false,
            },
            Self::Address(_) => true,
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, ApiError> {
        let thread = match text.split_once(':') {
            Some(("user", id)) => PersonId::path(id).map(Self::Person),
            Some(("address", fingerprint)) => {
                is_fingerprint(fingerprint).then(|| Self::Address(fingerprint.to_owned()))
            }
            Some(_) | None => None,
        };
        let why = "It must be user: and a person's id, or the thread_id of a message";
        thread.ok_or_else(|| ApiError::invalid_field("thread_id", why))
    }
}

impl fmt::Display for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(person) => write!(f, "user:{person}"),
            Self::Address(fingerprint) => write!(f, "address:{fingerprint}"),
        }
    }
}

/// One message of a conversation, with what it says.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Said {
    id: String,
    direction: Direction,
    channel: Channel,
    status: Status,
    /// Why it ended without arriving.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    user_id: Option<PersonId>,
    provider_id: Option<String>,
    #[serde(flatten)]
    words: Words,
    /// A call: how it went.
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<CallFacts>,
    /// What was recorded in it, the latest last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recordings: Vec<Recording>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Since when nothing of it is left, because its recipient asked for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    erased_at: Option<Timestamp>,
}

/// What a message says.
#[derive(Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Words {
    /// An e-mail's subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// A one-time code reads `[code]`. Absent: it was too large to be kept with the message, or a template of the provider's.
    text: Option<String>,
    /// Its files: ours by their address, others' as the provider keeps them.
    media: Vec<MediaView>,
    /// WhatsApp: what its writer calls themself.
    #[serde(skip_serializing_if = "Option::is_none")]
    profile_name: Option<String>,
    /// WhatsApp: the payload of the button they tapped.
    #[serde(skip_serializing_if = "Option::is_none")]
    button: Option<String>,
}

/// A file.
#[derive(Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MediaView {
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    /// The provider's id of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
}

impl From<Media> for MediaView {
    fn from(media: Media) -> Self {
        Self { url: media.url, content_type: media.content_type, sid: media.sid }
    }
}

impl Words {
    pub(crate) fn of(content: Content) -> Self {
        match content {
            Content::Text(text) => {
                let received = text.received.unwrap_or_default();
                let ours = text.media.into_iter().map(|url| MediaView { url, content_type: None, sid: None });
                Self {
                    subject: None,
                    text: Some(text.body).filter(|body| !body.is_empty()),
                    media: ours.chain(received.media.into_iter().map(MediaView::from)).collect(),
                    profile_name: received.profile_name,
                    button: received.button,
                }
            }
            Content::Email(email) => Self { subject: Some(email.subject), text: email.text, ..Self::default() },
            Content::Call(call) => match call.script {
                Script::Say { text, .. } => Self { text: Some(text), ..Self::default() },
                Script::Url(_) | Script::Menu => Self::default(),
            },
        }
    }
}

fn said(message: Message) -> Said {
    Said {
        id: message.id.to_string(),
        direction: message.direction(),
        channel: message.channel,
        status: message.status,
        reason: message.reason,
        user_id: message.person,
        provider_id: message.provider_id,
        words: Words::of(message.content),
        call: message.call,
        recordings: message.recordings,
        created_at: message.times.created,
        erased_at: message.erased,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threads_id_is_read_as_it_is_written_and_nothing_else_is_one() {
        let address = format!("address:2~{}-_", "aB3".repeat(13) + "xy");
        for text in ["user:123", "user:a:b", &address] {
            assert_eq!(Thread::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "123", "user:", "address:", "address:+14155552671", "address:0123456789abcdef/", "task:1"] {
            assert!(Thread::parse(text).is_err(), "{text}");
        }
    }
}
