//! What a message says, rendered and ready for its provider.

use serde::{Deserialize, Serialize};

/// The content of one message. Sealed at rest, never logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// SMS or WhatsApp: text and up to ten media URLs.
    Text {
        body: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        media: Vec<String>,
    },
    /// E-mail: a subject and at least one of the two bodies.
    Email {
        subject: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        html: Option<String>,
    },
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text { body, media } => write!(f, "Text[{} bytes, {} media]", body.len(), media.len()),
            Self::Email { .. } => f.write_str("Email[…]"),
        }
    }
}
