//! Sends through the Emails API, and asks there what became of a send without an answer: by sending it again with the
//! same idempotency key, which Resend answers with what it did the first time.
//!
//! Source: "Send Email", "Idempotency Keys" and "Retrieve Email" of Resend's documentation and OpenAPI file.

use async_trait::async_trait;
use jiff::Timestamp;
use reqwest::RequestBuilder;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::call::{Answer, answer};
use super::super::{
    Accepted, Event, Outgoing, PermanentKind, Provider, ProviderName, Report, Resolution, SendError, Taken,
};
use super::{ResendCredentials, Settings, errors, event};
use crate::message::content::{Attachment, Place};
use crate::message::{Address, Content, EmailAddress, MessageId};

/// Resend forgets a key after 24 hours, and would then send again; one hour is left for our clock and its.
const KEY_LIFETIME_SECONDS: i64 = 23 * 60 * 60;

/// Resend, with one version of its credentials. Cheap to make.
#[derive(Clone, Debug)]
pub struct Resend {
    http: reqwest::Client,
    settings: Settings,
    credentials: ResendCredentials,
}

#[derive(Debug, Deserialize)]
struct Created {
    id: String,
}

#[derive(Debug, Deserialize)]
struct Email {
    id: String,
    last_event: Option<String>,
}

impl Resend {
    pub fn new(http: reqwest::Client, settings: Settings, credentials: ResendCredentials) -> Self {
        Self { http, settings, credentials }
    }

    fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        request.bearer_auth(&self.credentials.api_key)
    }

    fn emails(&self) -> String {
        format!("{}/emails", self.settings.base_url.trim_end_matches('/'))
    }

    async fn post(&self, message: &Outgoing) -> Result<Answer, SendError> {
        let request = self.authorized(self.http.post(self.emails()));
        answer(request.header("Idempotency-Key", message.id.to_string()).json(&self.body(message)?)).await
    }

    fn outcome(&self, answer: &Answer) -> Result<Accepted, SendError> {
        if !answer.status.is_success() {
            return Err(errors::refused(answer, self.settings.clock.now()));
        }
        let created: Created = serde_json::from_slice(&answer.body).map_err(|_| unreadable())?;
        Ok(Accepted { provider_id: created.id })
    }

    /// A pure function of the message and the configured sender: the same key must carry the same payload.
    fn body(&self, message: &Outgoing) -> Result<Value, SendError> {
        let (Address::Email(to), Content::Email(email)) = (&message.to, &message.content) else {
            return Err(SendError::Permanent {
                kind: PermanentKind::Configuration,
                provider_code: "channel".to_owned(),
                reason: "Resend sends e-mail only".to_owned(),
            });
        };
        let configured = || mailbox(&self.credentials.from_name, &self.credentials.from_email);
        let mut body = json!({
            "from": message.from.clone().unwrap_or_else(configured),
            "to": std::iter::once(to).chain(email.at(Place::To)).map(EmailAddress::as_str).collect::<Vec<_>>(),
            "subject": email.subject,
            "tags": tags(message),
        });
        for (name, place) in [("cc", Place::Cc), ("bcc", Place::Bcc)] {
            let addresses: Vec<&str> = email.at(place).map(EmailAddress::as_str).collect();
            if !addresses.is_empty() {
                body[name] = json!(addresses);
            }
        }
        let reply_to = email.reply_to.as_ref().map(EmailAddress::as_str);
        for (name, part) in [("text", email.text.as_deref()), ("html", email.html.as_deref()), ("reply_to", reply_to)] {
            if let Some(part) = part {
                body[name] = json!(part);
            }
        }
        if let Some(headers) = message.unsubscribe_headers() {
            body["headers"] = headers;
        }
        if !email.attachments.is_empty() {
            body["attachments"] = email.attachments.iter().map(attachment).collect();
        }
        Ok(body)
    }
}

/// Our id, and the client's kind of message as far as a tag can hold it.
fn tags(message: &Outgoing) -> Value {
    let mut tags = vec![json!({"name": "message_id", "value": message.id.to_string()})];
    if let Some(category) = &message.category {
        tags.push(json!({"name": "category", "value": tag(category)}));
    }
    tags.into()
}

/// Tags hold ASCII letters, digits, `_` and `-`, at most 256 of them.
fn tag(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "_-".contains(c) { c } else { '_' };
    text.chars().take(256).map(plain).collect()
}

fn attachment(file: &Attachment) -> Value {
    let mut body = json!({"content": file.content, "filename": file.filename, "content_type": file.content_type});
    if let Some(id) = &file.content_id {
        body["content_id"] = json!(id);
    }
    body
}

/// `Name <address>`; a name with special characters is quoted (RFC 5322 §3.2.4).
fn mailbox(name: &str, address: &str) -> String {
    let plain = name.chars().all(|c| c.is_alphanumeric() || " !#$%&'*+-/=?^_`{|}~".contains(c));
    match (name.is_empty(), plain) {
        (true, _) => address.to_owned(),
        (false, true) => format!("{name} <{address}>"),
        (false, false) => format!("\"{}\" <{address}>", name.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

#[async_trait]
impl Provider for Resend {
    fn name(&self) -> ProviderName {
        ProviderName::Resend
    }

    async fn send(&self, message: &Outgoing) -> Result<Accepted, SendError> {
        self.outcome(&self.post(message).await?)
    }

    /// Sends again with the same key. Once the key is forgotten that would be a second message, and where the key was
    /// used with another payload Resend does not say what it sent: then only the callbacks tell.
    async fn resolve(&self, message: &Outgoing, since: Timestamp, _: &dyn Taken) -> Result<Resolution, SendError> {
        let age = self.settings.clock.now().as_second().saturating_sub(since.as_second());
        if age > KEY_LIFETIME_SECONDS {
            return Ok(Resolution::Unknowable);
        }
        let answer = self.post(message).await?;
        if errors::was_taken(&answer) {
            return Ok(Resolution::Unknowable);
        }
        self.outcome(&answer).map(Resolution::Accepted)
    }

    async fn fetch(&self, message: MessageId, provider_id: &str) -> Result<Option<Report>, SendError> {
        if provider_id.is_empty() || !provider_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Ok(None);
        }
        let request = self.authorized(self.http.get(format!("{}/{provider_id}", self.emails())));
        let answer = answer(request).await.map_err(SendError::of_a_question)?;
        let now = self.settings.clock.now();
        match answer.status.as_u16() {
            200 => {}
            404 => return Ok(None),
            _ => return Err(errors::refused(&answer, now).of_a_question()),
        }
        let email: Email = serde_json::from_slice(&answer.body).map_err(|_| unreadable().of_a_question())?;
        let last = email.last_event.unwrap_or_default();
        Ok(Some(Report {
            provider: ProviderName::Resend,
            message_id: Some(message),
            provider_id: Some(email.id),
            key: format!("last_event:{last}"),
            event: event(&last).unwrap_or(Event::Ignored),
            at: now,
            recipient: None,
            recording: None,
            provider_code: None,
            call: None,
        }))
    }
}

fn unreadable() -> SendError {
    SendError::Uncertain { provider_code: None, reason: "the provider's answer could not be read".to_owned() }
}

#[cfg(test)]
mod tests;
