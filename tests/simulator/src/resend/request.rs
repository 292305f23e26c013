//! What a request to send an e-mail may say, and Resend's refusals.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Email, answer::Error};
use crate::store::{Channel, Detail, Direction, File, NewMessage, Provider, Status};

const FIELDS: &[&str] = &[
    "attachments",
    "bcc",
    "cc",
    "from",
    "headers",
    "html",
    "reply_to",
    "scheduled_at",
    "subject",
    "tags",
    "template",
    "text",
    "to",
    "topic_id",
];

const FORMAT: &str = "The email address needs to follow the `email@example.com` or `Name <email@example.com>` format.";

/// Checks a request and spreads it over its recipients.
pub(super) fn messages(body: &Value, id: &str, our_id: Option<&str>, strict: bool) -> Result<Vec<NewMessage>, Error> {
    let body = body.as_object().ok_or_else(|| invalid("The request body must be a JSON object."))?;
    if strict && let Some(name) = body.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(invalid(format!("Unrecognized field `{name}`.")));
    }
    let from = required_text(body, "from")?;
    if !is_address(from) {
        return Err(Error::new(422, "invalid_from_address", format!("Invalid `from` field. {FORMAT}")));
    }
    let to = addresses(body, "to")?.ok_or_else(|| missing("to"))?;
    if to.len() > 50 {
        return Err(invalid("The `to` field must have at most 50 recipients."));
    }
    let template = body.get("template");
    let subject = match template {
        Some(_) => body.get("subject").and_then(Value::as_str).unwrap_or_default(),
        None => required_text(body, "subject")?,
    };
    let email = Email {
        to,
        cc: addresses(body, "cc")?.unwrap_or_default(),
        bcc: addresses(body, "bcc")?.unwrap_or_default(),
        reply_to: addresses(body, "reply_to")?.unwrap_or_default(),
        tags: tags(body)?,
        headers: headers(body)?,
        attachments: attachments(body)?,
        scheduled_at: scheduled_at(body)?,
    };
    let (html, text) = (optional_text(body, "html")?, optional_text(body, "text")?);
    match template {
        Some(template) => check_template(template, html.is_some() || text.is_some())?,
        None if html.is_none() && text.is_none() => return Err(invalid("Missing `html` or `text` field.")),
        None => {}
    }
    let media: Vec<String> = email.attachments.iter().map(|file| file.filename.clone()).collect();
    let status = if email.scheduled_at.is_some() { Status::Scheduled } else { Status::Queued };
    let tagged = email.tags.iter().find(|(name, _)| name == "message_id").map(|(_, value)| value.clone());
    let email = Arc::new(email);
    let text = text.or_else(|| template.map(|template| format!("[template {template}]")));
    let message = |to: &String| NewMessage {
        id: id.to_owned(),
        provider: Provider::Resend,
        channel: Channel::Email,
        direction: Direction::Outbound,
        to: bare(to).to_owned(),
        from: from.to_owned(),
        subject: Some(subject.to_owned()),
        text: text.clone(),
        html: html.clone(),
        media: media.clone(),
        our_id: our_id.map(str::to_owned).or_else(|| tagged.clone()),
        status,
        detail: Detail::Resend(Arc::clone(&email)),
    };
    Ok(email.to.iter().chain(&email.cc).chain(&email.bcc).map(message).collect())
}

/// The address within `Name <address>`.
pub(super) fn bare(address: &str) -> &str {
    match address.rsplit_once('<') {
        Some((_, rest)) => rest.trim_end().trim_end_matches('>'),
        None => address.trim(),
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(422, "validation_error", message)
}

fn missing(name: &str) -> Error {
    Error::new(422, "missing_required_field", format!("Missing `{name}` field."))
}

fn required_text<'b>(body: &'b Map<String, Value>, name: &str) -> Result<&'b str, Error> {
    match body.get(name) {
        None | Some(Value::Null) => Err(missing(name)),
        Some(Value::String(text)) if text.trim().is_empty() => Err(missing(name)),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(invalid(format!("The `{name}` field must be a `string`."))),
    }
}

fn optional_text(body: &Map<String, Value>, name: &str) -> Result<Option<String>, Error> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(_) => Err(invalid(format!("The `{name}` field must be a `string`."))),
    }
}

/// One address or a list of them; `None` when there is none.
fn addresses(body: &Map<String, Value>, name: &str) -> Result<Option<Vec<String>>, Error> {
    let list = match body.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(list)) => {
            let text = |value: &Value| value.as_str().map(str::to_owned);
            list.iter()
                .map(text)
                .collect::<Option<_>>()
                .ok_or_else(|| invalid(format!("Invalid `{name}` field. {FORMAT}")))?
        }
        Some(_) => return Err(invalid(format!("The `{name}` field must be a `string` or an array of `string`."))),
    };
    match list.iter().all(|address| is_address(address)) {
        true => Ok(Some(list).filter(|list| !list.is_empty())),
        false => Err(invalid(format!("Invalid `{name}` field. {FORMAT}"))),
    }
}

fn is_address(address: &str) -> bool {
    let framed = address.contains('<') || address.contains('>');
    let well_framed = address.trim_end().ends_with('>') && address.matches('<').count() == 1;
    let address = bare(address);
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    let bad = |c: char| c.is_whitespace() || c.is_control() || "<>,;@".contains(c);
    (!framed || well_framed)
        && !local.is_empty()
        && !local.contains(bad)
        && !domain.contains(bad)
        && domain.contains('.')
        && domain.split('.').all(|label| !label.is_empty())
}

fn tags(body: &Map<String, Value>) -> Result<Vec<(String, String)>, Error> {
    let Some(tags) = body.get("tags") else { return Ok(Vec::new()) };
    let tags = tags.as_array().ok_or_else(|| invalid("The `tags` field must be an array."))?;
    let plain = |text: &&str| {
        (1..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    let part = |tag: &Value, name: &str| tag.get(name).and_then(Value::as_str).filter(plain).map(str::to_owned);
    tags.iter()
        .map(|tag| Some((part(tag, "name")?, part(tag, "value")?)))
        .collect::<Option<_>>()
        .ok_or_else(|| invalid("Tags should only contain ASCII letters, numbers, underscores, or dashes."))
}

fn headers(body: &Map<String, Value>) -> Result<Vec<(String, String)>, Error> {
    let Some(headers) = body.get("headers") else { return Ok(Vec::new()) };
    let pair = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    headers
        .as_object()
        .and_then(|headers| headers.iter().map(pair).collect())
        .ok_or_else(|| invalid("The `headers` field must be an object of strings."))
}

fn scheduled_at(body: &Map<String, Value>) -> Result<Option<Timestamp>, Error> {
    let Some(at) = body.get("scheduled_at") else { return Ok(None) };
    let parsed = at.as_str().and_then(|at| at.parse().ok());
    parsed.map(Some).ok_or_else(|| invalid("The `scheduled_at` field must be a valid ISO 8601 date."))
}

fn check_template(template: &Value, has_content: bool) -> Result<(), Error> {
    if has_content {
        return Err(invalid("The `template` field cannot be used with `html` or `text`."));
    }
    match template.get("id").and_then(Value::as_str) {
        Some(_) => Ok(()),
        None => Err(Error::new(422, "missing_required_field", "Missing `template.id` field.")),
    }
}

/// Files come in base64, or are fetched from a `path`; what is fetched has no size here.
fn attachments(body: &Map<String, Value>) -> Result<Vec<File>, Error> {
    let list = body.get("attachments").and_then(Value::as_array).into_iter().flatten();
    list.map(|attachment| {
        let text = |name| attachment.get(name).and_then(Value::as_str);
        let invalid = |why: &str| Error::new(422, "invalid_attachment", why);
        let Some(name) = text("filename").or(text("path")) else {
            return Err(invalid("Attachment must have a `filename`."));
        };
        let content = match (text("content"), text("path")) {
            (Some(content), _) => content,
            (None, Some(_)) => "",
            (None, None) => return Err(invalid("Attachment must have either a `content` or `path`.")),
        };
        let file = File::new(name, text("content_type"), text("content_id"), content);
        file.ok_or_else(|| invalid("The `content` of an attachment must be base64."))
    })
    .collect()
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
