//! Templates: data to content, per channel and language.
//!
//! [`source`]: what a version of a template holds, and what is wrong with one · [`engine`] fills a text, [`dialect`] and
//! [`filters`] say what a text may use · [`variant`]: which half of a split test a person is in · [`render`]: a template
//! becomes a message's content · [`page`]: the HTML form of a plain e-mail · [`shipped`]: the templates that are always
//! there. Where a name's current version comes from is the matter of [`crate::road::templates`].

mod dialect;
mod engine;
mod filters;
mod page;
mod render;
pub mod shipped;
mod source;
#[cfg(test)]
mod tests;
mod variant;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use render::{Ask, Rendered};
pub use source::{Fault, Parts, Template, Variant, WhatsappTemplate};

use super::{Channel, Locale, Trigger};
use engine::Escape;

/// The version of the shipped templates. Stored versions count from 1.
pub const SHIPPED_VERSION: u32 = 0;

/// The longest text of an SMS or WhatsApp message, in characters. Twilio refuses longer ones with 21617.
pub const LONGEST_TEXT: usize = 1600;

/// The variable every e-mail's template has without being given it: the link with which its reader unsubscribes.
pub const UNSUBSCRIBE_VARIABLE: &str = "unsubscribe_url";

/// Why a template gave no content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The template prints these variables and the data does not have them.
    #[error("missing variable: {}", .0.join(", "))]
    MissingVariables(Vec<String>),
    #[error("the template cannot be rendered: {0}")]
    Broken(String),
    /// What came out is longer than its channel takes.
    #[error("the rendered {part} has more than {most} characters")]
    TooLong { part: &'static str, most: usize },
    #[error("the template has nothing for the channel {0}")]
    NoContent(Channel),
}

/// A template's name: 1 to 64 small letters, digits and underscores. A trigger's template has the trigger's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "booking_confirmation")]
pub struct TemplateName(String);

/// What was given is not a template's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not 1 to 64 of a to z, 0 to 9 and _")]
pub struct NotATemplateName;

impl TemplateName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The trigger whose template it is.
    pub fn trigger(&self) -> Option<Trigger> {
        self.0.parse().ok()
    }
}

impl FromStr for TemplateName {
    type Err = NotATemplateName;

    fn from_str(text: &str) -> Result<Self, NotATemplateName> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let is_name = (1..=64).contains(&text.len()) && text.bytes().all(fits);
        is_name.then(|| Self(text.to_owned())).ok_or(NotATemplateName)
    }
}

impl TryFrom<String> for TemplateName {
    type Error = NotATemplateName;

    fn try_from(text: String) -> Result<Self, NotATemplateName> {
        text.parse()
    }
}

impl From<TemplateName> for String {
    fn from(name: TemplateName) -> Self {
        name.0
    }
}

impl From<Trigger> for TemplateName {
    fn from(trigger: Trigger) -> Self {
        Self(trigger.as_str().to_owned())
    }
}

impl fmt::Display for TemplateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Fills a text a client sent with variables (`Hello {{ name }}`).
pub fn fill_text(source: &str, variables: &Map<String, Value>) -> Result<String, TemplateError> {
    engine::fill(source, variables, &Locale::english(), Escape::None).map(|filled| render::printable(&filled.text))
}

/// Whether a text is a template at all: what is wrong with it, if anything is.
pub fn check_text(source: &str) -> Result<(), TemplateError> {
    engine::compiles(source)
}
