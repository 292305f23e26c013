//! `POST /api/v2/communications/email`: an e-mail to one or several, with files.

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::SendRefusals;
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey, RecipientLimit};
use switchboard::message::content::Email;
use switchboard::message::record::{AddressSource, Links, ProviderChoice};
use switchboard::message::trigger::Class;
use switchboard::message::{Address, Channel, Content, Priority};
use switchboard::person::unsubscribe::asks_for_link;
use switchboard::provider::ProviderName;
use switchboard::road::{Part, Task};

use super::attachments::{self, AttachmentRequest};
use super::recipients::{self, Addresses};
use crate::App;
use crate::accept::{Identity, accept_read};
use crate::direct::{DirectResponse, answer, listed_sender};
use crate::email::{Words, address, bodies, choice, subject};
use crate::links::link;
use crate::rendering::Variables;
use crate::times::{expiry, instant};

/// An e-mail to one or several.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct V2EmailRequest {
    /// One address or a list. At most 50 recipients in `to`, `cc` and `bcc` together, each address once.
    to: Addresses,
    #[serde(default)]
    cc: Addresses,
    #[serde(default)]
    bcc: Addresses,
    /// One line of at most 998 characters.
    #[schema(example = "Your documents")]
    subject: String,
    /// The plain-text body. At least one of `text` and `html` is needed.
    #[schema(example = "Your documents are attached.")]
    text: Option<String>,
    #[schema(example = "<p>Your documents are attached.</p>")]
    html: Option<String>,
    /// What is filled in: with `variables`, they stand in `subject`, `text` and `html` in double braces, escaped in `html`.
    #[schema(value_type = Option<Object>)]
    variables: Option<Map<String, Value>>,
    /// The names of variables whose values are secret, for example a password reset link. They are filled in only when the
    /// message is handed to its provider; what is stored and shown of it has placeholders in their places.
    #[schema(example = json!([]))]
    secret_variables: Option<Vec<String>>,
    /// At most 20 files of 10 MB together; what a request may carry (6 MB in all) makes that about 4.4 MB.
    #[serde(default)]
    attachments: Vec<AttachmentRequest>,
    /// Where answers go. Also taken as `replyTo` and `reply-to`.
    #[serde(alias = "replyTo", alias = "reply-to")]
    #[schema(example = "support@example.com")]
    reply_to: Option<String>,
    /// The sender; the configured one if absent. A named sender is SendGrid's, and no other provider takes over.
    from: Option<String>,
    /// The client's own references, at most 128 printable characters each; shown with the message.
    #[schema(example = "c-1024")]
    contact_id: Option<String>,
    #[schema(example = "a-77")]
    application_id: Option<String>,
    /// Also told to the provider. `marketing` and `newsletter` need the recipient's agreement and go to one recipient,
    /// with a link to unsubscribe in their headers, and in their words where those say
    /// `https://unsubscribe.invalid/link`; any other is a transactional e-mail.
    #[schema(example = "documents")]
    category: Option<String>,
    /// `critical`, `high`, `medium` (if absent) or `low`: which lane it travels in.
    #[schema(example = "high")]
    priority: Option<String>,
    /// When to send it (ISO 8601; UTC where it names no zone). A time that has passed means now.
    scheduled_time: Option<String>,
    /// It is not sent after this time.
    expires_at: Option<String>,
}

const PATH: &str = "/api/v2/communications/email";

/// The largest request, in bytes: API Gateway's own limit. (Lambda's is 6 MB, the event around the body included.)
pub(crate) const LARGEST_REQUEST: usize = 10 * 1024 * 1024;

/// The categories that are marketing.
const MARKETING: [&str; 2] = ["marketing", "newsletter"];

/// Send an e-mail
///
/// To one or several, with files, now or at a time. A recipient who must not be contacted refuses the whole: 403 names
/// the field. Needs the scope `communication:send`.
#[utoipa::path(
    post, path = PATH, tag = "Communications v2", operation_id = "v2_email",
    params(IdempotencyKey),
    request_body = V2EmailRequest,
    responses(
        (status = 200, description = "Accepted", body = DirectResponse),
        (status = 413, description = "The request is too large", body = ErrorBody),
        SendRefusals,
    ),
    security(("bearer" = ["communication:send"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    limit: RecipientLimit,
    key: IdempotencyKey,
    body: Body<V2EmailRequest>,
) -> Result<Response, ApiError> {
    let identity = Identity::of(&app, &caller.subject, PATH, &key, &body.canonical);
    let from = body.value.from.as_deref().map(|from| sender(&app, from)).transpose();
    let task = from.and_then(|_| read(caller.subject, identity.clone(), body.value, app.road.clock.now()));
    let others = task.as_ref().map_or(0, |task| task.parts.iter().map(others).sum());
    if others > 0 {
        limit.count(1 + others).await?;
    }
    accept_read(&app, identity, task, answer(Channel::Email)).await
}

fn read(caller: String, identity: Identity, request: V2EmailRequest, now: Timestamp) -> Result<Task, ApiError> {
    let (to, others) = recipients::read(request.to, request.cc, request.bcc)?;
    let from = request.from.map(|from| address("from", &from)).transpose()?.map(|from| from.as_str().to_owned());
    let has_variables = request.variables.is_some();
    let variables = Variables::read("variables", request.variables.unwrap_or_default(), request.secret_variables)?;
    let (text, html) = bodies(request.text, request.html)?;
    let words = Words { subject: subject(request.subject)?, text, html };
    let Words { subject, text, html } = if has_variables { words.filled(&variables)? } else { words };
    let email = Email {
        subject,
        text,
        html,
        reply_to: request.reply_to.map(|reply_to| address("reply_to", &reply_to)).transpose()?,
        others,
        attachments: attachments::read(request.attachments)?,
    };
    let others_field = email.further().next().map(|(field, _)| field);
    if let Some(field) = others_field.as_deref().filter(|_| asks_for_link(&email)) {
        let why = "An e-mail with a link to unsubscribe goes to one recipient at a time: the link is theirs";
        return Err(ApiError::invalid_field(field, why));
    }
    let links = Links {
        contact_id: link("contact_id", request.contact_id)?,
        application_id: link("application_id", request.application_id)?,
        category: link("category", request.category)?,
        ..Links::default()
    };
    let priority = request.priority.as_deref().map(priority).transpose()?.unwrap_or(Priority::Medium);
    let scheduled = request.scheduled_time.as_deref().map(|at| instant("scheduled_time", at, now)).transpose()?;
    let valid_until = request.expires_at.as_deref().map(|at| expiry("expires_at", at, scheduled, now)).transpose()?;
    let part = Part {
        channel: Channel::Email,
        to: Address::Email(to),
        address_source: AddressSource::Given,
        choice: choice(from.as_deref(), ProviderChoice::Any),
        from,
        content: Content::Email(email),
        template: None,
        provider: ProviderName::Sendgrid,
        asked: None,
    };
    let class = class(links.category.as_deref());
    if let (Class::Marketing, Some(field)) = (class, others_field) {
        let why = "Marketing goes to one recipient at a time: the link to unsubscribe in it is theirs";
        return Err(ApiError::invalid_field(&field, why));
    }
    let task = Task::new(identity.id, caller, class, priority.lane(), vec![part]);
    let secrets = variables.secrets;
    Ok(Task { request_hash: identity.request_hash, scheduled, valid_until, links, secrets, ..task })
}

/// How many others than the first get it.
fn others(part: &Part) -> usize {
    match &part.content {
        Content::Email(email) => email.others.len(),
        Content::Text(_) | Content::Call(_) => 0,
    }
}

/// Checks that the request may name this sender.
fn sender(app: &App, from: &str) -> Result<String, ApiError> {
    listed_sender(app, address("from", from)?.as_str(), "from")
}

fn class(category: Option<&str>) -> Class {
    let marketing = category.is_some_and(|category| MARKETING.contains(&category.trim().to_lowercase().as_str()));
    if marketing { Class::Marketing } else { Class::Transactional }
}

fn priority(text: &str) -> Result<Priority, ApiError> {
    text.parse().map_err(|_| ApiError::invalid_field("priority", "It must be critical, high, medium or low"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use switchboard::message::content::Place;
    use switchboard::message::{Lane, MessageId};

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn task(change: impl FnOnce(&mut Value)) -> Result<Task, ApiError> {
        let mut body = json!({"to": "a@x.example", "subject": "Hi", "text": "Hello"});
        change(&mut body);
        let identity = Identity { id: MessageId::new(), request_hash: None };
        read("t".to_owned(), identity, serde_json::from_value(body).unwrap(), NOW)
    }

    #[test]
    fn all_of_it_reaches_the_message() {
        let task = task(|body| {
            body["cc"] = json!(["b@x.example"]);
            body["bcc"] = json!("c@x.example");
            body["reply-to"] = json!("r@x.example");
            body["category"] = json!("documents");
            body["contact_id"] = json!("c-1");
            body["priority"] = json!("critical");
            body["scheduled_time"] = json!("1970-01-02T00:00:00Z");
            body["expires_at"] = json!("1970-01-03T00:00:00Z");
            body["attachments"] = json!([{"filename": "a.txt", "content": "SGVsbG8=", "type": "text/plain"}]);
        })
        .unwrap();
        assert_eq!((task.lane, task.class), (Lane::Urgent, Class::Transactional));
        assert_eq!(task.scheduled.unwrap().to_string(), "1970-01-02T00:00:00Z");
        assert_eq!(task.valid_until.unwrap().to_string(), "1970-01-03T00:00:00Z");
        assert_eq!(
            (task.links.contact_id.as_deref(), task.links.category.as_deref()),
            (Some("c-1"), Some("documents"))
        );
        let part = &task.parts[0];
        assert_eq!((part.to.as_str(), part.choice), ("a@x.example", ProviderChoice::Any));
        let Content::Email(email) = &part.content else { panic!("no e-mail") };
        assert_eq!(email.others.iter().map(|other| other.place).collect::<Vec<_>>(), [Place::Cc, Place::Bcc]);
        assert_eq!(email.reply_to.as_ref().unwrap().as_str(), "r@x.example");
        assert_eq!(email.attachments[0].content_type, "text/plain");
    }

    #[test]
    fn a_named_sender_stays_with_its_provider() {
        let task = task(|body| body["from"] = json!("me@x.example")).unwrap();
        assert_eq!((task.parts[0].choice, task.parts[0].provider), (ProviderChoice::Fixed, ProviderName::Sendgrid));
    }

    #[test]
    fn only_marketing_categories_are_marketing() {
        for (category, class) in [
            (Some("marketing"), Class::Marketing),
            (Some(" Newsletter "), Class::Marketing),
            (Some("documents"), Class::Transactional),
            (None, Class::Transactional),
        ] {
            assert_eq!(task(|body| body["category"] = json!(category)).unwrap().class, class, "{category:?}");
        }
    }

    #[test]
    fn marketing_goes_to_one_recipient_at_a_time() {
        for (field, to) in [("cc[0]", json!(["a@x.example"])), ("to[1]", json!(["a@x.example", "b@x.example"]))] {
            let error = task(|body| {
                body["category"] = json!("newsletter");
                body["to"] = to.clone();
                if field == "cc[0]" {
                    body["cc"] = json!("c@x.example");
                }
            });
            assert_eq!(error.expect_err("refused").message(), format!("Invalid value for field: {field}"));
        }
    }

    /// The attack: a mail to somebody whose words ask for their link, and a copy of it to oneself.
    #[test]
    fn email_that_asks_for_an_unsubscribe_link_goes_to_one_recipient() {
        for (field, part) in [("bcc[0]", "text"), ("bcc[0]", "html")] {
            let error = task(|body| {
                body[part] = json!("<a href=\"https://unsubscribe.invalid/link\">Leave</a>");
                body["bcc"] = json!("eve@x.example");
            });
            assert_eq!(error.expect_err("refused").message(), format!("Invalid value for field: {field}"));
        }
        let filled = task(|body| {
            body["text"] = json!("Leave: {{ link }}");
            body["variables"] = json!({"link": "https://unsubscribe.invalid/link"});
            body["cc"] = json!("eve@x.example");
        });
        assert!(filled.is_err());
        assert!(task(|body| body["text"] = json!("Leave: https://unsubscribe.invalid/link")).is_ok());
    }

    #[test]
    fn each_wrong_field_is_named() {
        for (field, value) in [
            ("to", json!([])),
            ("subject", json!("a\nb")),
            ("subject", json!(" ")),
            ("text", json!("x".repeat((1 << 20) + 1))),
            ("from", json!("Me <me@x.example>")),
            ("reply_to", json!("nobody")),
            ("contact_id", json!("x".repeat(129))),
            ("application_id", json!("a\u{7}b")),
            ("priority", json!("extreme")),
            ("scheduled_time", json!("soon")),
            ("expires_at", json!("1969-01-01T00:00:00Z")),
        ] {
            let error = task(|body| body[field] = value.clone()).expect_err("refused");
            assert!(error.message().ends_with(&format!("field: {field}")), "{field}: {}", error.message());
        }
        let neither = task(|body| body["text"] = json!(null)).expect_err("refused");
        assert_eq!(neither.message(), "Missing required field: text");
    }
}
