//! What makes an e-mail sendable, whatever the surface: its addresses, its subject, its bodies.

use switchboard::http::ApiError;
use switchboard::message::content::LONGEST_SUBJECT;
use switchboard::message::record::ProviderChoice;
use switchboard::message::template::{Ask, Parts, Template};
use switchboard::message::{Channel, Content, EmailAddress, Locale};

use crate::rendering::{Variables, field, refused};

/// The longest body, in bytes. Mail programs cut off far below it (Gmail: at 102 kB).
const LONGEST_BODY: usize = 1 << 20;

/// The two bodies of an e-mail, of which one may be missing.
pub(crate) type Bodies = (Option<String>, Option<String>);

pub(crate) fn address(field: &str, text: &str) -> Result<EmailAddress, ApiError> {
    EmailAddress::parse(text).map_err(|error| ApiError::invalid_field(field, format!("It is {error}")))
}

pub(crate) fn subject(text: String) -> Result<String, ApiError> {
    if text.trim().is_empty() {
        return Err(ApiError::missing_field("subject"));
    }
    if text.chars().any(char::is_control) || text.chars().count() > LONGEST_SUBJECT {
        let why = format!("It must be one line of at most {LONGEST_SUBJECT} characters");
        return Err(ApiError::invalid_field("subject", why));
    }
    Ok(text)
}

/// At least one body that says something.
pub(crate) fn bodies(text: Option<String>, html: Option<String>) -> Result<Bodies, ApiError> {
    let given = |field: &str, body: Option<String>| match body.filter(|body| !body.trim().is_empty()) {
        Some(body) if body.len() > LONGEST_BODY => {
            Err(ApiError::invalid_field(field, format!("It must be at most {LONGEST_BODY} bytes")))
        }
        body => Ok(body),
    };
    let (text, html) = (given("text", text)?, given("html", html)?);
    if text.is_none() && html.is_none() {
        return Err(ApiError::missing_field("text").details("An e-mail needs text, html or both"));
    }
    Ok((text, html))
}

/// The words of an e-mail.
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) subject: String,
    pub(crate) text: Option<String>,
    pub(crate) html: Option<String>,
}

impl Words {
    /// The same with variables filled in, which stand in it in double braces.
    pub(crate) fn filled(self, variables: &Variables) -> Result<Self, ApiError> {
        let has_html = self.html.is_some();
        let parts = Parts { subject: Some(self.subject), email: self.text, html: self.html, ..Parts::default() };
        let template = Template { locales: [(Locale::english(), parts)].into(), ..Template::default() };
        if let Some(fault) = template.faults().into_iter().next() {
            return Err(ApiError::invalid_field(field(&fault.field, Channel::Email), fault.why));
        }
        let ask =
            Ask { channel: Channel::Email, wanted: None, default: &Locale::english(), key: "", data: &variables.data };
        let rendered = template.render("", 0, &ask).map_err(|error| refused(error, "variables"))?;
        variables.check(&rendered.content)?;
        match rendered.content {
            Content::Email(email) => {
                Ok(Self { subject: subject(email.subject)?, text: email.text, html: email.html.filter(|_| has_html) })
            }
            Content::Text(_) | Content::Call(_) => Err(ApiError::internal("an e-mail has a subject")),
        }
    }
}

/// A sender the client names is known to one provider only, so another one must not take the message over.
pub(crate) fn choice(from: Option<&str>, without: ProviderChoice) -> ProviderChoice {
    if from.is_some() { ProviderChoice::Fixed } else { without }
}
