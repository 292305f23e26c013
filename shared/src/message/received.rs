//! What comes with a text that somebody wrote to us. Sealed with it, and never logged.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::person::words::{Keyword, Reply};

/// The most files that are kept of one text (Twilio: ten at most come with one).
pub const MOST_MEDIA: usize = 10;

/// Everything but the words.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// Its files, by reference: they stay with the provider.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<Media>,
    /// WhatsApp: what its writer calls themself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_name: Option<String>,
    /// WhatsApp: the payload of the button they tapped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub button: Option<String>,
    /// What the provider took it for, and answered it as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_for: Option<Keyword>,
}

/// A file the provider keeps.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// Fetched with the provider's credentials.
    pub url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The provider's id of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
}

impl Received {
    /// What a text means with these words. What its writer was answered is what they asked for.
    pub fn reply(&self, body: &str) -> Reply {
        self.taken_for.map_or_else(|| Reply::read(body), Reply::Keyword)
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Received[{} files]", self.media.len())
    }
}

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Media[…]")
    }
}
