//! Sends through Mail Send.
//!
//! Source: `/v3/mail/send` in SendGrid's documentation and OpenAPI file. It has no idempotency key and nothing to ask
//! afterwards: our id travels in `custom_args`, and the events that carry it back tell what became of a send without
//! an answer.

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::call::{answer, header};
use super::super::{Accepted, Outgoing, PermanentKind, Provider, ProviderName, Report, Resolution, SendError, Taken};
use super::{SendgridCredentials, Settings, errors};
use crate::message::content::{Attachment, Email, Place};
use crate::message::{Address, Content, EmailAddress, MessageId};

/// SendGrid, with one version of its credentials. Cheap to make.
#[derive(Clone, Debug)]
pub struct Sendgrid {
    http: reqwest::Client,
    settings: Settings,
    credentials: SendgridCredentials,
}

impl Sendgrid {
    pub fn new(http: reqwest::Client, settings: Settings, credentials: SendgridCredentials) -> Self {
        Self { http, settings, credentials }
    }

    fn body(&self, message: &Outgoing) -> Result<Value, SendError> {
        let (Address::Email(to), Content::Email(email)) = (&message.to, &message.content) else {
            return Err(SendError::Permanent {
                kind: PermanentKind::Configuration,
                provider_code: "channel".to_owned(),
                reason: "SendGrid sends e-mail only".to_owned(),
            });
        };
        // The order is SendGrid's rule: text/plain stands before text/html. An empty value is refused.
        let content: Vec<Value> = [("text/plain", &email.text), ("text/html", &email.html)]
            .into_iter()
            .filter_map(|(kind, value)| Some((kind, value.as_deref().filter(|value| !value.is_empty())?)))
            .map(|(kind, value)| json!({"type": kind, "value": value}))
            .collect();
        let mut body = json!({
            "personalizations": [personalization(to, email)],
            "from": self.from(message),
            "subject": email.subject,
            "content": content,
            "custom_args": {"message_id": message.id.to_string()},
        });
        if let Some(reply_to) = &email.reply_to {
            body["reply_to"] = json!({"email": reply_to.as_str()});
        }
        if !email.attachments.is_empty() {
            body["attachments"] = email.attachments.iter().map(attachment).collect();
        }
        if let Some(headers) = message.unsubscribe_headers() {
            body["headers"] = headers;
            // SendGrid's own link would stand beside ours, and we would learn of its clicks late.
            body["tracking_settings"]["subscription_tracking"] = json!({"enable": false});
        }
        if !message.tracked {
            // A rewritten link would lead through SendGrid's servers, and stand in its activity feed.
            body["tracking_settings"]["click_tracking"] = json!({"enable": false, "enable_text": false});
            body["tracking_settings"]["open_tracking"] = json!({"enable": false});
        }
        if let Some(category) = &message.category {
            body["categories"] = json!([plain(category)]);
        }
        Ok(body)
    }

    /// `Name <address>` or a bare address from the client, else the configured sender.
    fn from(&self, message: &Outgoing) -> Value {
        let Some(from) = message.from.as_deref() else {
            return json!({"email": self.credentials.from_email, "name": self.credentials.from_name});
        };
        match from.trim().strip_suffix('>').and_then(|from| from.rsplit_once('<')) {
            Some((name, email)) => {
                json!({"email": email.trim(), "name": name.trim().trim_matches('"')})
            }
            None => json!({"email": from.trim()}),
        }
    }
}

/// Everybody it goes to. An empty list is refused, so a place nobody stands in is left out.
fn personalization(own: &EmailAddress, email: &Email) -> Value {
    let named = |address: &EmailAddress| json!({"email": address.as_str()});
    let mut places = json!({"to": std::iter::once(own).chain(email.at(Place::To)).map(named).collect::<Value>()});
    for (name, place) in [("cc", Place::Cc), ("bcc", Place::Bcc)] {
        let addresses: Vec<Value> = email.at(place).map(named).collect();
        if !addresses.is_empty() {
            places[name] = addresses.into();
        }
    }
    places
}

fn attachment(file: &Attachment) -> Value {
    let mut body = json!({
        "content": file.content,
        "type": file.content_type,
        "filename": file.filename,
        "disposition": "attachment",
    });
    if let Some(id) = &file.content_id {
        body["disposition"] = json!("inline");
        body["content_id"] = json!(id);
    }
    body
}

/// Categories are ASCII ("Ensure that you're only using 7bit encoding", Categories).
fn plain(category: &str) -> String {
    category.chars().map(|c| if c.is_ascii() { c } else { '_' }).collect()
}

#[async_trait]
impl Provider for Sendgrid {
    fn name(&self) -> ProviderName {
        ProviderName::Sendgrid
    }

    async fn send(&self, message: &Outgoing) -> Result<Accepted, SendError> {
        let url = format!("{}/v3/mail/send", self.settings.base_url.trim_end_matches('/'));
        let request = self.http.post(url).bearer_auth(&self.credentials.api_key).json(&self.body(message)?);
        let answer = answer(request).await?;
        match header(&answer.headers, "x-message-id").filter(|id| !id.is_empty()) {
            Some(id) if answer.status.as_u16() == 202 => Ok(Accepted { provider_id: id.to_owned() }),
            Some(_) | None => Err(errors::refused(&answer, self.settings.clock.now())),
        }
    }

    async fn resolve(&self, _: &Outgoing, _: Timestamp, _: &dyn Taken) -> Result<Resolution, SendError> {
        Ok(Resolution::Unknowable)
    }

    async fn fetch(&self, _: MessageId, _: &str) -> Result<Option<Report>, SendError> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
