//! SendGrid's validation rules, one by one, each with the provider's own words.

use std::collections::HashSet;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use super::{address::is_email, answer::FieldError};

/// Where every error's help points.
const HELP: &str = "http://sendgrid.com/docs/API_Reference/Web_API_v3/Mail/errors.html#message";

const TOP_LEVEL: &[&str] = &[
    "asm",
    "attachments",
    "batch_id",
    "categories",
    "content",
    "custom_args",
    "from",
    "headers",
    "ip_pool_name",
    "mail_settings",
    "personalizations",
    "reply_to",
    "reply_to_list",
    "send_at",
    "subject",
    "template_id",
    "tracking_settings",
];
const PERSONALIZATION: &[&str] = &[
    "bcc",
    "cc",
    "custom_args",
    "dynamic_template_data",
    "from",
    "headers",
    "send_at",
    "subject",
    "substitutions",
    "to",
];

/// Collects what is wrong with one request.
#[derive(Debug)]
pub(super) struct Check<'a> {
    mail: &'a Map<String, Value>,
    strict: bool,
    now: i64,
    errors: Vec<FieldError>,
}

impl<'a> Check<'a> {
    pub(super) fn new(mail: &'a Map<String, Value>, strict: bool, now: i64) -> Self {
        Self { mail, strict, now, errors: Vec::new() }
    }

    /// Runs all rules.
    pub(super) fn errors(mut self) -> Vec<FieldError> {
        if self.strict {
            self.known(self.mail, TOP_LEVEL, "");
        }
        self.from();
        self.personalizations();
        self.subject();
        self.content();
        self.custom_args(self.mail, "");
        self.categories();
        self.attachments();
        self.send_at(self.mail, "");
        self.settings();
        for field in ["reply_to"] {
            if let Some(address) = self.mail.get(field) {
                self.address(address, field, field);
            }
        }
        self.errors
    }

    fn wrong(&mut self, field: impl Into<String>, help: &str, message: impl Into<String>) {
        let help = Some(format!("{HELP}.{help}"));
        self.errors.push(FieldError { message: message.into(), field: Some(field.into()), help });
    }

    fn known(&mut self, object: &Map<String, Value>, names: &[&str], at: &str) {
        for name in object.keys().filter(|name| !names.contains(&name.as_str())) {
            self.wrong(format!("{at}{name}"), name, format!("Additional property {name} is not allowed"));
        }
    }

    fn from(&mut self) {
        match self.mail.get("from") {
            Some(from @ Value::Object(_)) => self.address(from, "from", "from"),
            _ => self.wrong(
                "from",
                "from",
                "The from object must be provided for every email send. It is an object that requires the email \
                 parameter, but may also contain a name parameter.  e.g. {\"email\" : \"example@example.com\"}  or \
                 {\"email\" : \"example@example.com\", \"name\" : \"Example Recipient\"}.",
            ),
        }
    }

    fn address(&mut self, address: &Value, field: &str, help: &str) {
        match address.get("email").and_then(Value::as_str) {
            None => self.wrong(format!("{field}.email"), help, "The email parameter is required."),
            Some(email) if !is_email(email) => {
                self.wrong(format!("{field}.email"), help, "Does not contain a valid address.");
            }
            Some(_) => {}
        }
        if address.get("name").is_some_and(|name| !name.is_string()) {
            self.wrong(format!("{field}.name"), help, "The name parameter must be a string.");
        }
    }

    fn personalizations(&mut self) {
        let list = match self.mail.get("personalizations") {
            Some(Value::Array(list)) if !list.is_empty() => list,
            _ => {
                let message = "The personalizations field is required and must have at least one personalization.";
                return self.wrong("personalizations", "personalizations", message);
            }
        };
        if list.len() > 1000 {
            let message = format!(
                "The personalization block is limited to 1000 personalizations per API request. You have provided {} \
                 personalizations. Please consider splitting this into multiple requests and resending your request.",
                list.len()
            );
            self.wrong("personalizations", "personalizations", message);
        }
        let mut recipients = 0;
        for (index, personalization) in list.iter().enumerate() {
            let at = format!("personalizations.{index}");
            match personalization.as_object() {
                Some(personalization) => recipients += self.personalization(personalization, &at),
                None => self.wrong(at, "personalizations", "Invalid type. Expected: object."),
            }
        }
        if recipients > 1000 {
            let message = "There is a limit of 1000 total recipients (to + cc + bcc) per request.";
            self.wrong("personalizations", "personalizations", message);
        }
    }

    /// Checks one personalization and counts its recipients.
    fn personalization(&mut self, personalization: &Map<String, Value>, at: &str) -> usize {
        if self.strict {
            self.known(personalization, PERSONALIZATION, &format!("{at}."));
        }
        if personalization.get("to").and_then(Value::as_array).is_none_or(Vec::is_empty) {
            let message = "The to array is required for all personalization objects, and must have at least one email \
                           object with a valid email address.";
            self.wrong(format!("{at}.to"), "personalizations.to", message);
        }
        let mut seen = HashSet::new();
        let mut count = 0;
        for field in ["to", "cc", "bcc"] {
            for (index, address) in
                personalization.get(field).and_then(Value::as_array).into_iter().flatten().enumerate()
            {
                count += 1;
                self.address(address, &format!("{at}.{field}.{index}"), &format!("personalizations.{field}"));
                let email = address.get("email").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
                if !email.is_empty() && !seen.insert(email.clone()) {
                    let message = format!(
                        "Each email address in the personalization block should be unique between to, cc, and bcc. We \
                         found the first duplicate instance of [{email}] in the {at}.{field} field."
                    );
                    self.wrong(at, "recipient-errors", message);
                }
            }
        }
        if personalization.contains_key("substitutions") && self.is_dynamic() {
            let message = "Substitutions may not be used with dynamic templating";
            self.wrong(format!("{at}.substitutions"), "substitutions", message);
        }
        self.custom_args(personalization, &format!("{at}."));
        self.send_at(personalization, &format!("{at}."));
        count
    }

    fn template(&self) -> Option<&str> {
        self.mail.get("template_id").and_then(Value::as_str).filter(|id| !id.is_empty())
    }

    fn is_dynamic(&self) -> bool {
        self.template().is_some_and(|id| id.starts_with("d-"))
    }

    fn subject(&mut self) {
        let given = |object: &Value| object.get("subject").and_then(Value::as_str).is_some_and(|text| !text.is_empty());
        let top = self.mail.get("subject").and_then(Value::as_str).is_some_and(|text| !text.is_empty());
        let everywhere = self.mail.get("personalizations").and_then(Value::as_array);
        let everywhere = everywhere.is_some_and(|list| !list.is_empty() && list.iter().all(given));
        if !top && !everywhere && self.template().is_none() {
            let message = "The subject is required. You can get around this requirement if you use a template with a \
                           subject defined or if every personalization has a subject defined.";
            self.wrong("subject", "subject", message);
        }
    }

    fn content(&mut self) {
        let content = match self.mail.get("content") {
            Some(Value::Array(content)) if !content.is_empty() => content,
            _ => {
                if self.template().is_none() {
                    let message = "Unless a valid template_id is provided, the content parameter is required. There \
                                   must be at least one defined content block. We typically suggest both text/plain \
                                   and text/html blocks are included, but only one block is required.";
                    self.wrong("content", "content", message);
                }
                return;
            }
        };
        let text = |block: &Value, name| block.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut html_seen = false;
        for (index, block) in content.iter().enumerate() {
            let kind = text(block, "type");
            if kind.is_empty() {
                let message = "The content type must be a string at least one character in length.";
                self.wrong(format!("content.{index}.type"), "content.type", message);
            }
            if text(block, "value").is_empty() {
                let message = "The content value must be a string at least one character in length.";
                self.wrong(format!("content.{index}.value"), "content.value", message);
            }
            if kind == "text/plain" && html_seen {
                let message = "If present, text/plain and text/html may only be provided once, and text/plain must be \
                               the first content block, followed by text/html.";
                self.wrong("content", "content", message);
            }
            html_seen |= kind == "text/html";
        }
    }

    fn custom_args(&mut self, object: &Map<String, Value>, at: &str) {
        let Some(args) = object.get("custom_args") else { return };
        let field = format!("{at}custom_args");
        match args.as_object() {
            Some(map) => {
                if map.values().any(|value| !value.is_string()) {
                    self.wrong(field.clone(), "custom_args", "The custom_args values must all be strings.");
                }
                if args.to_string().len() > 10_000 {
                    self.wrong(field, "custom_args", "The custom_args may not exceed 10000 bytes.");
                }
            }
            None => self.wrong(field, "custom_args", "Invalid type. Expected: object."),
        }
    }

    fn categories(&mut self) {
        let Some(categories) = self.mail.get("categories") else { return };
        let Some(list) = categories.as_array() else {
            return self.wrong("categories", "categories", "Invalid type. Expected: array.");
        };
        if list.len() > 10 {
            self.wrong("categories", "categories", "A maximum of 10 categories may be provided.");
        }
        if list.iter().any(|category| category.as_str().is_none_or(|text| text.len() > 255)) {
            self.wrong("categories", "categories", "Each category must be a string of at most 255 characters.");
        }
    }

    fn attachments(&mut self) {
        let list = self.mail.get("attachments").and_then(Value::as_array).into_iter().flatten();
        for (index, attachment) in list.enumerate() {
            for name in ["content", "filename"] {
                if attachment.get(name).and_then(Value::as_str).is_none_or(str::is_empty) {
                    let message = format!("The attachment {name} is required.");
                    self.wrong(format!("attachments.{index}.{name}"), &format!("attachments.{name}"), message);
                }
            }
            let text = |name: &str| attachment.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
            if text("content").is_some_and(|content| STANDARD.decode(content).is_err()) {
                let message = "The attachment content must be base64 encoded.";
                self.wrong(format!("attachments.{index}.content"), "attachments.content", message);
            }
            if text("type").is_some_and(|kind| kind.contains([';', '\r', '\n'])) {
                let message = "The attachment type cannot contain ';', or CRLF characters.";
                self.wrong(format!("attachments.{index}.type"), "attachments.type", message);
            }
            if text("disposition").is_some_and(|how| !matches!(how, "inline" | "attachment")) {
                let message = "The attachment disposition must be either inline or attachment.";
                self.wrong(format!("attachments.{index}.disposition"), "attachments.disposition", message);
            }
        }
    }

    fn send_at(&mut self, object: &Map<String, Value>, at: &str) {
        let Some(send_at) = object.get("send_at") else { return };
        let field = format!("{at}send_at");
        match send_at.as_i64() {
            None => self.wrong(field, "send_at", "Invalid type. Expected: integer."),
            Some(seconds) if seconds > self.now + 72 * 3600 => {
                self.wrong(field, "send_at", "Scheduled sends may be at most 72 hours in the future.");
            }
            Some(_) => {}
        }
    }

    fn settings(&mut self) {
        let enable = self.mail.get("mail_settings").and_then(|settings| settings.pointer("/sandbox_mode/enable"));
        if enable.is_some_and(|enable| !enable.is_boolean()) {
            let message = "The sandbox_mode enable parameter must be a boolean.";
            self.wrong("mail_settings.sandbox_mode.enable", "mail_settings.sandbox_mode", message);
        }
    }
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
