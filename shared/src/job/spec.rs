//! What every row of a job says, and on what ground it may be said.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::message::template::{Ask, Template, TemplateError, TemplateName};
use crate::message::trigger::Class;
use crate::message::{Channel, Content, Locale, Trigger};

/// One wording for all rows. Sealed at rest: it is content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    pub channel: Channel,
    pub class: Class,
    pub wording: Wording,
    /// The variables whose values are secret.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secret_variables: Vec<String>,
    /// When its rows should become messages; `None`: now.
    #[serde(default, with = "crate::clock::millis::option", skip_serializing_if = "Option::is_none")]
    pub scheduled: Option<Timestamp>,
    /// Its messages are worthless after this time.
    #[serde(default, with = "crate::clock::millis::option", skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
}

/// Where the words come from.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wording {
    /// The job's own words: a template of one language.
    Own(Box<Template>),
    /// The template of this name, in the version in force when a row is worked on. A trigger type's is one of them.
    Named {
        name: TemplateName,
        /// The language; each person's own if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        locale: Option<Locale>,
    },
}

impl std::fmt::Debug for Wording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Own(_) => f.write_str("Own[…]"),
            Self::Named { name, .. } => write!(f, "Named[{name}]"),
        }
    }
}

/// What is wrong with a row, for its owner: the column, and why. It quotes nothing of the row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Empty where it is not one column's.
    pub field: String,
    pub error: String,
}

impl Fault {
    pub fn new(field: &str, error: impl Into<String>) -> Self {
        Self { field: field.to_owned(), error: error.into() }
    }
}

impl Spec {
    /// The trigger type, where it is one's.
    pub fn trigger(&self) -> Option<Trigger> {
        match &self.wording {
            Wording::Named { name, .. } => name.trigger(),
            Wording::Own(_) => None,
        }
    }
}

/// What one row says in the job's own words.
pub fn own_words(template: &Template, channel: Channel, variables: &Map<String, Value>) -> Result<Content, Fault> {
    let language = Locale::english();
    let ask = Ask { channel, wanted: None, default: &language, key: "", data: variables };
    let content = template.render("", 0, &ask).map_err(Fault::from)?.content;
    match &content {
        Content::Text(text) if text.body.is_empty() => Err(Fault::new("message", "The message is empty")),
        Content::Email(email) if email.subject.is_empty() => Err(Fault::new("subject", "The subject is empty")),
        Content::Text(_) | Content::Email(_) | Content::Call(_) => Ok(content),
    }
}

impl From<TemplateError> for Fault {
    fn from(error: TemplateError) -> Self {
        match error {
            TemplateError::MissingVariables(names) => {
                Self::new(names.first().map_or("", String::as_str), "Missing variable")
            }
            TemplateError::TooLong { part, most } => {
                Self::new(part, format!("It is longer than {most} characters with these variables"))
            }
            TemplateError::NoContent(channel) => Self::new("", format!("The template has nothing for {channel}")),
            // The engine's words may quote what was filled in.
            TemplateError::Broken(_) => Self::new("", "The message cannot be made with these variables"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::message::template::Parts;

    fn own(parts: Parts) -> Template {
        Template { locales: [(Locale::english(), parts)].into(), ..Template::default() }
    }

    fn variables(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_rows_variables_are_filled_in_and_a_missing_one_is_named() {
        let words = own(Parts { text: Some("Hello {{ name }}".to_owned()), ..Parts::default() });
        let said = |given: Value| own_words(&words, Channel::Sms, &variables(given));
        assert_eq!(said(json!({"name": "Ada"})), Ok(Content::text("Hello Ada")));
        assert_eq!(said(json!({})), Err(Fault::new("name", "Missing variable")));
        assert_eq!(said(json!({"name": "x".repeat(1_600)})).unwrap_err().field, "text");
        let empty = own(Parts { text: Some("{{ name }}".to_owned()), ..Parts::default() });
        let said = own_words(&empty, Channel::Sms, &variables(json!({"name": " "})));
        assert_eq!(said, Err(Fault::new("message", "The message is empty")));
    }

    #[test]
    fn variables_are_escaped_in_html_and_cannot_break_a_subject_line() {
        let words = own(Parts {
            subject: Some("For {{ name }}".to_owned()),
            email: Some("{{ name }}".to_owned()),
            html: Some("<p>{{ name }}</p>".to_owned()),
            ..Parts::default()
        });
        let said = own_words(&words, Channel::Email, &variables(json!({"name": "<b>\r\nBcc: x"}))).unwrap();
        let Content::Email(email) = said else { panic!("no e-mail") };
        assert_eq!(email.subject, "For <b> Bcc: x");
        assert!(email.html.unwrap().starts_with("<p>&lt;b&gt;"));
        assert!(email.text.unwrap().starts_with("<b>"));
    }
}
