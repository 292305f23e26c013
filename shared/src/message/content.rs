//! What a message says, rendered and ready for its provider.

mod texts;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use texts::{Markup, spoken};

use super::EmailAddress;
use super::received::Received;

/// The longest subject line, in characters (RFC 5322 §2.1.1).
pub const LONGEST_SUBJECT: usize = 998;

/// What stands for the link with which an e-mail's reader unsubscribes ([`crate::person::unsubscribe`]) until it is handed to its
/// provider. It reads as an address, so that it is shown as one; `.invalid` belongs to nobody (RFC 2606).
pub const UNSUBSCRIBE_LINK: &str = "https://unsubscribe.invalid/link";

/// The content of one message. Sealed at rest, never logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// SMS or WhatsApp.
    Text(Text),
    Email(Email),
    Call(Call),
}

/// A text and up to ten media URLs.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    pub body: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<String>,
    /// WhatsApp: an approved template, sent instead of the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<ProviderTemplate>,
    /// What came with it, where it is a text somebody wrote to us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<Received>,
}

/// A template the provider keeps (Twilio Content: `ContentSid`, `ContentVariables`).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderTemplate {
    pub sid: String,
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
}

/// A subject, at least one of the two bodies, and who else gets it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Email {
    pub subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<EmailAddress>,
    /// Everybody but the message's own recipient.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Recipient>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

/// A further recipient of an e-mail.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    pub place: Place,
    pub address: EmailAddress,
}

/// Where a further recipient stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    To,
    Cc,
    Bcc,
}

/// A file that goes with an e-mail.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    pub filename: String,
    pub content_type: String,
    /// Base64, as both providers take it.
    pub content: String,
    /// Set where the HTML shows it inline (`cid:…`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_id: Option<String>,
}

/// A call: what is said in it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    pub script: Script,
    pub machine: MachineDetection,
}

/// Where a call's words come from.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Script {
    /// Spoken as it stands, in this language (BCP 47) or the account's own.
    Say {
        text: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<String>,
    },
    /// Instructions (TwiML) fetched from there when the call is answered.
    Url(String),
    /// Our own voice menu.
    Menu,
}

/// Whether the provider listens if a machine answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MachineDetection {
    #[default]
    Off,
    On,
}

impl Content {
    /// A text without media.
    pub fn text(body: impl Into<String>) -> Self {
        Self::Text(Text { body: body.into(), ..Text::default() })
    }

    /// The same without what can be large: an e-mail's bodies and files.
    #[must_use]
    pub fn outline(&self) -> Self {
        match self {
            Self::Text(_) | Self::Call(_) => self.clone(),
            Self::Email(email) => Self::Email(Email {
                subject: email.subject.clone(),
                reply_to: email.reply_to.clone(),
                others: email.others.clone(),
                text: None,
                html: None,
                attachments: Vec::new(),
            }),
        }
    }
}

impl Email {
    /// Everybody but the message's own recipient (who is `to[0]`), each with the field they stand in: `to[1]`, `cc[0]` …
    pub fn further(&self) -> impl Iterator<Item = (String, &Recipient)> {
        let (mut to, mut cc, mut bcc) = (1..usize::MAX, 0..usize::MAX, 0..usize::MAX);
        self.others.iter().map(move |recipient| {
            let (name, place) = match recipient.place {
                Place::To => ("to", to.next()),
                Place::Cc => ("cc", cc.next()),
                Place::Bcc => ("bcc", bcc.next()),
            };
            (format!("{name}[{}]", place.unwrap_or_default()), recipient)
        })
    }

    /// The addresses that stand in one place, in order; the message's own recipient is not among them.
    pub fn at(&self, place: Place) -> impl Iterator<Item = &EmailAddress> {
        self.others.iter().filter(move |other| other.place == place).map(|other| &other.address)
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text[{} bytes, {} media]", text.body.len(), text.media.len()),
            Self::Email(email) => write!(f, "Email[{} others, {} files]", email.others.len(), email.attachments.len()),
            Self::Call(_) => f.write_str("Call[…]"),
        }
    }
}

macro_rules! hidden {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "[…]"))
            }
        }
    )*};
}

hidden!(Text, ProviderTemplate, Email, Recipient, Attachment, Call, Script);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_further_recipient_has_the_name_of_its_field() {
        let other = |place| Recipient { place, address: EmailAddress::parse("a@x.example").unwrap() };
        let places = [Place::To, Place::Cc, Place::To, Place::Cc, Place::Bcc];
        let email = Email { others: places.into_iter().map(other).collect(), ..Email::default() };
        let fields: Vec<String> = email.further().map(|(field, _)| field).collect();
        assert_eq!(fields, ["to[1]", "cc[0]", "to[2]", "cc[1]", "bcc[0]"]);
        assert_eq!(email.at(Place::Cc).count(), 2);
    }
}
