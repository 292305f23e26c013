//! From a valid mail to messages: one per recipient, custom args and subject of the personalization first.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Envelope, answer::FieldError, rules::Check};
use crate::store::{Channel, Detail, Direction, File, Mail as Everybody, NewMessage, Provider, Status};

/// A checked request.
#[derive(Debug)]
pub(super) struct Mail {
    pub(super) sandbox: bool,
    pub(super) messages: Vec<NewMessage>,
}

/// Parses the body as JSON; SendGrid says no more than `Bad Request` about what is not.
pub(super) fn parse(body: &[u8]) -> Result<Map<String, Value>, Vec<FieldError>> {
    let bad = || vec![FieldError { message: "Bad Request".to_owned(), field: None, help: None }];
    serde_json::from_slice(body).map_err(|_| bad())
}

/// Checks a mail and spreads it over its recipients.
pub(super) fn mail(
    mail: &Map<String, Value>,
    x_message_id: &str,
    strict: bool,
    now: Timestamp,
) -> Result<Mail, Vec<FieldError>> {
    let errors = Check::new(mail, strict, now.as_second()).errors();
    if !errors.is_empty() {
        return Err(errors);
    }
    let sandbox = mail.get("mail_settings").and_then(|settings| settings.pointer("/sandbox_mode/enable"));
    Ok(Mail { sandbox: sandbox == Some(&Value::Bool(true)), messages: messages(mail, x_message_id) })
}

/// The messages of a mail that may or may not be valid.
pub(super) fn messages(mail: &Map<String, Value>, x_message_id: &str) -> Vec<NewMessage> {
    let list = mail.get("personalizations").and_then(Value::as_array);
    list.into_iter().flatten().flat_map(|personalization| spread(mail, personalization, x_message_id)).collect()
}

fn spread(mail: &Map<String, Value>, personalization: &Value, x_message_id: &str) -> Vec<NewMessage> {
    let either = |name: &str| personalization.get(name).or_else(|| mail.get(name));
    let content = |kind: &str| {
        let blocks = mail.get("content")?.as_array()?;
        let block = blocks.iter().find(|block| block.get("type").and_then(Value::as_str) == Some(kind))?;
        block.get("value").and_then(Value::as_str).map(str::to_owned)
    };
    let mut custom_args = mail.get("custom_args").and_then(Value::as_object).cloned().unwrap_or_default();
    custom_args.extend(personalization.get("custom_args").and_then(Value::as_object).cloned().unwrap_or_default());
    let our_id = custom_args.get("message_id").and_then(Value::as_str).map(str::to_owned);
    let categories = mail.get("categories").and_then(Value::as_array).into_iter().flatten();
    let envelope = Arc::new(Envelope {
        x_message_id: x_message_id.to_owned(),
        custom_args,
        categories: categories.filter_map(Value::as_str).map(str::to_owned).collect(),
        mail: envelope_of(mail, personalization),
        send_at: either("send_at").and_then(Value::as_i64),
    });
    let media: Vec<String> = envelope.mail.attachments.iter().map(|file| file.filename.clone()).collect();
    let template =
        mail.get("template_id").and_then(Value::as_str).map(|id| match personalization.get("dynamic_template_data") {
            Some(data) => format!("[template {id} with {data}]"),
            None => format!("[template {id}]"),
        });
    let recipients = ["to", "cc", "bcc"].into_iter().filter_map(|field| personalization.get(field)?.as_array());
    recipients
        .flatten()
        .filter_map(|recipient| recipient.get("email")?.as_str())
        .map(|to| NewMessage {
            id: x_message_id.to_owned(),
            provider: Provider::Sendgrid,
            channel: Channel::Email,
            direction: Direction::Outbound,
            to: to.to_owned(),
            from: mail.get("from").map(address).unwrap_or_default(),
            subject: either("subject").and_then(Value::as_str).map(str::to_owned),
            text: content("text/plain").or_else(|| template.clone()),
            html: content("text/html"),
            media: media.clone(),
            our_id: our_id.clone(),
            status: Status::Queued,
            detail: Detail::Sendgrid(Arc::clone(&envelope)),
        })
        .collect()
}

/// `Name <address>`, or the address alone.
fn address(from: &Value) -> String {
    let text = |name| from.get(name).and_then(Value::as_str).unwrap_or_default();
    match text("name") {
        "" => text("email").to_owned(),
        name => format!("{name} <{}>", text("email")),
    }
}

/// Everybody a personalization names, and the files.
fn envelope_of(mail: &Map<String, Value>, personalization: &Value) -> Everybody {
    let bare = |recipient: &Value| recipient.get("email").and_then(Value::as_str).map(str::to_owned);
    let named = |field: &str| {
        let list = personalization.get(field).and_then(Value::as_array).into_iter().flatten();
        list.filter_map(bare).collect()
    };
    let file = |file: &Value| {
        let text = |name: &str| file.get(name).and_then(Value::as_str);
        File::new(text("filename")?, text("type"), text("content_id"), text("content")?)
    };
    // A personalization's own come over the mail's.
    let headers =
        [mail.get("headers"), personalization.get("headers")].map(|headers| headers.and_then(Value::as_object));
    let headers = headers.into_iter().flatten();
    let files = mail.get("attachments").and_then(Value::as_array).into_iter().flatten();
    Everybody {
        to: named("to"),
        cc: named("cc"),
        bcc: named("bcc"),
        reply_to: mail.get("reply_to").and_then(bare).into_iter().collect(),
        attachments: files.filter_map(file).collect(),
        headers: headers
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect(),
    }
}
