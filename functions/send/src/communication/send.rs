//! `POST /api/communication/send`: a message of a trigger type to a person we know.

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::SendRefusals;
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey};
use switchboard::message::record::{AddressSource, ProviderChoice};
use switchboard::message::short_link::LinkForm;
use switchboard::message::{Channel, Locale, Priority, Trigger};
use switchboard::person::{Person, PersonId};
use switchboard::road::{Accepted, Part, Task, compose};

use super::channels::{Channels, Wish};
use crate::App;
use crate::accept::{Identity, respond, take_read, total_cost};
use crate::rendering::{Variables, render};
use crate::times::{timing, valid_until};

/// What to send, to whom, and why.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct SendRequest {
    user_id: PersonId,
    #[schema(example = "financial_alert")]
    trigger_type: String,
    /// Context data for the trigger's template.
    #[schema(value_type = Object, example = json!({"amount": 100.50, "account": "checking", "threshold": 200.00}))]
    data: Map<String, Value>,
    /// The names of `data` whose values are secret, for example a password reset link. They are filled in only when the
    /// message is handed to its provider; what is stored and shown of it has placeholders in their places.
    #[schema(example = json!([]))]
    secret_variables: Option<Vec<String>>,
    /// `sms`, `email`, `both`, `whatsapp` or `voice`; the trigger's own channel if absent.
    #[schema(example = "sms")]
    channel: Option<String>,
    /// What else to try: `auto` (SMS and calls fall back to e-mail, WhatsApp to SMS, then e-mail), `none`, or channels in
    /// order. If absent: another channel where the person has no address for this one; critical and high priority
    /// also when the message did not arrive.
    #[schema(value_type = Option<String>, example = "auto")]
    fallback: Option<Value>,
    /// `critical`, `high`, `medium` or `low`; the trigger's own priority if absent.
    #[schema(example = "critical")]
    priority: Option<String>,
    /// When to send it (ISO 8601; UTC where it names no zone). A time that has passed means now. `preferred` is the next
    /// time the person likes on the channel, and 10:00 by their own clock where they never said.
    #[schema(example = "2025-01-27T10:00:00Z")]
    scheduled_time: Option<String>,
    /// Links in the text go out short, and count how often they are followed; as the trigger's template
    /// says if absent. SMS only.
    shorten_links: Option<bool>,
    /// It is worthless after this time (ISO 8601), and ends as `expired` instead of being sent.
    #[schema(example = "2025-01-27T18:00:00Z")]
    expires_at: Option<String>,
    /// The language to write in (BCP 47); the person's own if absent.
    #[schema(example = "en")]
    locale: Option<Locale>,
}

/// The send was accepted.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SendResponse {
    success: bool,
    task_id: String,
    /// Estimated cost, in units of the price table's currency.
    #[schema(example = 0.05)]
    cost: f64,
    fallback_used: bool,
    analytics_tracked: bool,
    #[schema(example = "Communication scheduled successfully")]
    message: &'static str,
    /// When it is to be sent, where that is not now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    scheduled_time: Option<Timestamp>,
}

/// Send a communication
///
/// Sends a message of a trigger type on the person's channel, now or at a time. Needs the scope `communication:send`.
#[utoipa::path(
    post, path = "/api/communication/send", tag = "Communication", operation_id = "send_communication",
    params(IdempotencyKey),
    request_body = SendRequest,
    responses(
        (status = 200, description = "Accepted", body = SendResponse),
        (status = 404, description = "Unknown person", body = ErrorBody),
        SendRefusals,
    ),
    security(("bearer" = ["communication:send"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    body: Result<Body<SendRequest>, ApiError>,
) -> Result<Response, ApiError> {
    let sent = async {
        let body = body?;
        let identity = Identity::of(&app, &caller.subject, "send", &key, &body.canonical);
        let task = read(&app, &caller, identity.clone(), body.value).await;
        respond(take_read(&app, identity, task).await?, answer)
    };
    sent.await.map_err(|error: ApiError| error.with("fallback_used", false))
}

fn answer(accepted: &Accepted) -> SendResponse {
    SendResponse {
        success: true,
        task_id: accepted.messages.first().map(|message| message.task.to_string()).unwrap_or_default(),
        cost: total_cost(accepted).units(),
        fallback_used: fallback_used(accepted),
        analytics_tracked: true,
        message: "Communication scheduled successfully",
        scheduled_time: accepted.scheduled(),
    }
}

/// Whether any of it goes out on another channel than was asked for.
pub(super) fn fallback_used(accepted: &Accepted) -> bool {
    accepted.allowed().any(|message| message.asked.is_some())
}

/// The task a request asks for.
pub(super) async fn read(
    app: &App,
    caller: &Caller,
    identity: Identity,
    request: SendRequest,
) -> Result<Task, ApiError> {
    let trigger: Trigger = request.trigger_type.parse().map_err(|_| {
        ApiError::bad_request(format!("Invalid trigger type: {}", request.trigger_type)).with("field", "trigger_type")
    })?;
    let channels = request.channel.as_deref().map(channels).transpose()?;
    let wish = Wish::read(request.fallback.as_ref())?;
    let priority = request.priority.as_deref().map(priority).transpose()?.unwrap_or(trigger.default_priority());
    let (timing, scheduled) = timing(app, request.scheduled_time.as_deref())?;
    let valid_until = valid_until(app, request.expires_at.as_deref(), scheduled)?;
    let person = app.road.people.get(&request.user_id).await?;
    let person = person
        .ok_or_else(|| ApiError::not_found(format!("Unknown user: {}", request.user_id)).with("field", "user_id"))?;
    let lane = priority.lane();
    let Channels { first, instead, asked } = Channels::choose(channels, &wish, trigger, &person, lane);
    let locale = request.locale.as_ref().or(person.locale.as_ref());
    let variables = Variables::read("data", request.data, request.secret_variables)?;
    let (mut parts, mut fallbacks) = (Vec::new(), Vec::new());
    let mut link_form = LinkForm::default();
    for channel in first {
        let (part, form) = part(app, caller, trigger, channel, &person, locale, &variables).await?;
        parts.push(Part { asked, ..part });
        link_form = form;
    }
    for channel in instead {
        let (part, form) = part(app, caller, trigger, channel, &person, locale, &variables).await?;
        fallbacks.push(part);
        link_form = form;
    }
    let task = Task::new(identity.id, caller.subject.clone(), trigger.class(), lane, parts);
    Ok(Task {
        request_hash: identity.request_hash,
        person: Some(person),
        scheduled,
        timing,
        valid_until,
        trigger: Some(trigger),
        link_form: link_form.or(request.shorten_links),
        fallbacks,
        secrets: variables.secrets,
        ..task
    })
}

fn channels(text: &str) -> Result<Vec<Channel>, ApiError> {
    if text == "both" {
        return Ok(vec![Channel::Sms, Channel::Email]);
    }
    text.parse()
        .map(|channel| vec![channel])
        .map_err(|_| ApiError::invalid_field("channel", "It must be sms, email, both, whatsapp or voice"))
}

fn priority(text: &str) -> Result<Priority, ApiError> {
    text.parse().map_err(|_| ApiError::invalid_field("priority", "It must be critical, high, medium or low"))
}

async fn part(
    app: &App,
    caller: &Caller,
    trigger: Trigger,
    channel: Channel,
    person: &Person,
    locale: Option<&Locale>,
    variables: &Variables,
) -> Result<(Part, LinkForm), ApiError> {
    let to = person.destination(channel).ok_or_else(|| {
        let missing = if channel == Channel::Email { "an e-mail address" } else { "a phone number" };
        ApiError::bad_request(format!("User {} does not have {missing}", person.id)).with("field", "channel")
    })?;
    let rendered = render(app, caller, &trigger.into(), channel, locale, person.id.as_str(), variables).await?;
    let part = Part {
        channel,
        to,
        address_source: AddressSource::Profile,
        from: None,
        content: rendered.content,
        template: Some(rendered.template),
        provider: compose::provider(channel),
        choice: ProviderChoice::Any,
        asked: None,
    };
    Ok((part, rendered.link_form))
}
