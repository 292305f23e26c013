//! `/api/sms/*`: texts to numbers, one or up to a hundred, texts about bookings, and what became of them. Both spellings of a field that the
//! older products used are taken; refusals name the documented one.

pub mod booking;
pub mod bulk_send;
pub mod message_status;
pub mod resend_booking_confirmation;
pub mod send;
pub mod send_booking_reminder;
pub mod send_bulk;
pub mod status;
pub mod test;
pub mod whatsapp;

use axum::Json;
use axum::response::Response;
use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey, RecipientLimit};
use switchboard::message::short_link::LinkForm;
use switchboard::message::{Channel, Lane, Message, MessageId, MessageSecrets, Status};
use switchboard::road::{Accepted, Task};

use crate::App;
use crate::accept::{Identity, accept_read, take_read};
use crate::direct::{Names, Template, Text, answer};
use crate::many::{AT_A_TIME, MOST, Many, One};
use crate::times::valid_until;

/// A text to a number.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct SmsRequest {
    /// The recipient, in any common spelling.
    #[serde(alias = "to", alias = "toNumber", alias = "phone_number", alias = "phoneNumber")]
    #[schema(example = "+14155552671")]
    to_number: String,
    #[serde(alias = "body", default)]
    #[schema(example = "Your workflow has been approved!")]
    message: String,
    /// The sender; the configured one if absent.
    #[serde(alias = "from", alias = "fromNumber")]
    from_number: Option<String>,
    /// A picture or document, by its address.
    #[serde(alias = "mediaUrl")]
    #[schema(example = "https://example.com/image.jpg")]
    media_url: Option<String>,
    /// Links in the text go out short, and count how often they are followed.
    #[serde(alias = "shortenLinks")]
    shorten_links: Option<bool>,
    /// It is worthless after this time (ISO 8601), and ends as `expired` instead of being sent.
    #[serde(alias = "expiresAt")]
    #[schema(example = "2025-01-27T18:00:00Z")]
    expires_at: Option<String>,
}

/// One text to many numbers.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct BulkSmsRequest {
    /// 1 to 100 numbers, in any common spelling.
    #[serde(alias = "phoneNumbers", alias = "to_numbers", alias = "recipients")]
    #[schema(example = json!(["+14155552671", "+14155552672"]))]
    phone_numbers: Vec<String>,
    #[serde(alias = "body", default)]
    #[schema(example = "Emergency: System maintenance at 10 PM")]
    message: String,
    /// A picture or document, by its address.
    #[serde(alias = "mediaUrl")]
    media_url: Option<String>,
    /// Links in the text go out short, and count how often they are followed.
    #[serde(alias = "shortenLinks")]
    shorten_links: Option<bool>,
    /// It is worthless after this time (ISO 8601), and ends as `expired` instead of being sent.
    #[serde(alias = "expiresAt")]
    #[schema(example = "2025-01-27T18:00:00Z")]
    expires_at: Option<String>,
}

/// What became of each number, in the request's order.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BulkSmsResponse {
    success: bool,
    results: Vec<BulkSmsResult>,
    total: usize,
    successful: usize,
    failed: usize,
    /// Estimated cost, in units of the price table's currency.
    total_cost: f64,
}

/// What became of one number.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BulkSmsResult {
    /// As it came.
    phone_number: String,
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

const NAMES: Names = Names { to: "to_number", from: "from_number", body: "message" };

/// Sends one text.
async fn one(
    app: &App,
    caller: Caller,
    endpoint: &str,
    key: &IdempotencyKey,
    body: Body<SmsRequest>,
    channel: Channel,
) -> Result<Response, ApiError> {
    let identity = Identity::of(app, &caller.subject, endpoint, key, &body.canonical);
    let SmsRequest { to_number, message, from_number, media_url, shorten_links, expires_at } = body.value;
    let link_form = LinkForm::default().or(shorten_links);
    let valid_until = valid_until(app, expires_at.as_deref(), None);
    let template = Template::default();
    let text = Text {
        to: to_number,
        from: from_number,
        body: message,
        media: media_url,
        template,
        names: NAMES,
        secrets: MessageSecrets::default(),
    };
    let task = valid_until.and_then(|valid_until| {
        Ok(Task { valid_until, link_form, ..text.task(app, caller.subject, identity.clone(), channel)? })
    });
    accept_read(app, identity, task, answer(channel)).await
}

/// Sends one text to many numbers.
async fn many(
    app: &App,
    (caller, limit): (Caller, RecipientLimit),
    endpoint: &str,
    key: &IdempotencyKey,
    body: Body<BulkSmsRequest>,
    channel: Channel,
) -> Result<Response, ApiError> {
    let BulkSmsRequest { phone_numbers, message, media_url, shorten_links, expires_at } = body.value;
    let link_form = LinkForm::default().or(shorten_links);
    within_bounds("phone_numbers", phone_numbers.len())?;
    limit.count(phone_numbers.len()).await?;
    let valid_until = valid_until(app, expires_at.as_deref(), None);
    let text = |to| Text {
        to,
        from: None,
        body: message.clone(),
        media: media_url.clone(),
        template: Template::default(),
        names: NAMES,
        secrets: MessageSecrets::default(),
    };
    let texts = phone_numbers.into_iter().map(|number: String| (number.clone(), Ok(text(number)))).collect();
    each(app, &caller, (endpoint, key, &body.canonical), texts, channel, (valid_until, link_form)).await
}

/// Whether a request's list has a number of entries we take.
pub(crate) fn within_bounds(field: &str, length: usize) -> Result<(), ApiError> {
    let bounds = || ApiError::invalid_field(field, format!("It must hold 1 to {MOST} entries; a bulk job takes more"));
    (1..=MOST).contains(&length).then_some(()).ok_or_else(bounds)
}

/// Sends each of many texts, in the lane that delays nobody else. A text that could not be
/// made is refused by itself.
pub(crate) async fn each(
    app: &App,
    caller: &Caller,
    (endpoint, key, canonical): (&str, &IdempotencyKey, &str),
    texts: Vec<(String, Result<Text, ApiError>)>,
    channel: Channel,
    (valid_until, link_form): (Result<Option<Timestamp>, ApiError>, LinkForm),
) -> Result<Response, ApiError> {
    let work = texts.into_iter().enumerate().map(|(place, (number, text))| {
        let valid_until = valid_until.clone();
        async move {
            let identity = Identity::of_item(app, &caller.subject, endpoint, key, canonical, place);
            let task = text
                .and_then(|text| text.task(app, caller.subject.clone(), identity.clone(), channel))
                .and_then(|task| Ok(Task { lane: Lane::Bulk, link_form, valid_until: valid_until?, ..task }));
            (number, take_read(app, identity, task).await)
        }
    });
    let done: Vec<(String, Result<Accepted, ApiError>)> = stream::iter(work).buffered(AT_A_TIME).collect().await;
    // What is wrong for each of them is wrong with the request, unless it is a repeated one.
    match valid_until {
        Err(error) if done.iter().all(|(_, taken)| taken.is_err()) => Err(error),
        Ok(_) | Err(_) => Ok(Many::new(done)?.answer(summary)),
    }
}

fn summary(many: Many<String>) -> BulkSmsResponse {
    let (total, successful, failed) = (many.each.len(), many.successful, many.failed());
    let result = |one: One<String>| BulkSmsResult {
        phone_number: one.of,
        success: one.error.is_none(),
        message_id: one.task_id,
        error: one.error,
    };
    let total_cost = many.cost.units();
    let results = many.each.into_iter().map(result).collect();
    BulkSmsResponse { success: true, results, total, successful, failed, total_cost }
}

/// What became of a message.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MessageStatus {
    success: bool,
    message_id: String,
    /// The provider's id; absent until the provider has it.
    message_sid: Option<String>,
    #[serde(rename = "type")]
    channel: Channel,
    status: Status,
    #[schema(value_type = Option<String>, format = DateTime)]
    sent_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    delivered_at: Option<Timestamp>,
    /// Why it ended without arriving.
    error: Option<String>,
    /// The provider's code behind it.
    error_code: Option<String>,
}

/// A message by our id or the provider's.
pub(crate) async fn message_status(app: &App, id: &str) -> Result<Json<MessageStatus>, ApiError> {
    let found = find(app, id).await?;
    found.map(|message| Json(view(message))).ok_or_else(|| ApiError::not_found("Message not found"))
}

/// The message with this id, ours or the provider's.
pub(crate) async fn find(app: &App, id: &str) -> Result<Option<Message>, ApiError> {
    let own = match id.parse::<MessageId>() {
        Ok(own) => Some(own),
        Err(_) => app.road.messages.find_by_provider_id(id).await?,
    };
    match own {
        Some(own) => Ok(app.road.messages.story(own).await?),
        None => Ok(None),
    }
}

fn view(message: Message) -> MessageStatus {
    MessageStatus {
        success: true,
        message_id: message.id.to_string(),
        message_sid: message.provider_id,
        channel: message.channel,
        status: message.status,
        sent_at: message.times.sent,
        delivered_at: message.times.delivered,
        error: message.reason,
        error_code: message.provider_code,
    }
}
