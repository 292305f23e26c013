//! `GET /api/v2/communications/messages/{id}`: why was this (not) sent? One read answers it.

use axum::Json;
use axum::extract::{Path, State};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use strum::IntoEnumIterator;
use switchboard::http::ApiError;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::message::record::{CallFacts, Links, Recording, TemplateUse};
use switchboard::message::trigger::Class;
use switchboard::message::{Channel, Direction, JobId, Lane, Message, Status, Trigger};
use switchboard::person::{Check, Outcome, PersonId};
use switchboard::provider::ProviderName;
use switchboard::seal::Seal;

use crate::App;
use crate::threads::{Thread, Words};

/// A message and its story. Neither the address nor the content of what we sent is in it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MessageView {
    id: String,
    task_id: String,
    direction: Direction,
    /// The conversation it belongs to. Absent where it was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "user:123")]
    thread_id: Option<String>,
    user_id: Option<PersonId>,
    /// What somebody wrote to us, where they did.
    #[serde(skip_serializing_if = "Option::is_none")]
    received: Option<ReceivedView>,
    channel: Channel,
    /// The channel that was asked for, where this is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_asked: Option<Channel>,
    /// The message this one was sent instead of.
    #[serde(skip_serializing_if = "Option::is_none")]
    instead_of: Option<String>,
    /// The message that is (to be) sent instead of this one, if it does not arrive.
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback_id: Option<String>,
    /// The bulk job it is a row of.
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<JobId>,
    /// What the client tied it to.
    #[serde(flatten)]
    links: Links,
    lane: Lane,
    consent_class: Class,
    trigger_type: Option<Trigger>,
    template: Option<TemplateUse>,
    provider: ProviderName,
    provider_id: Option<String>,
    status: Status,
    /// Why it ended without arriving.
    reason: Option<String>,
    provider_code: Option<String>,
    attempts: u32,
    segments: u32,
    cost: f64,
    /// May it be sent, and why: the latest decision with every rule that was looked at.
    decision: DecisionView,
    /// A call: who answered, where that was listened for, how many seconds it lasted, and how far it is.
    call: Option<CallFacts>,
    /// What was recorded in it, the latest last; at most 50.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recordings: Vec<Recording>,
    /// Every step, oldest first.
    trail: Vec<Step>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    scheduled_at: Option<Timestamp>,
    /// It ends unsent after this time.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// Until when it waits, where it waits.
    #[schema(value_type = Option<String>, format = DateTime)]
    not_before: Option<Timestamp>,
    /// Until when a rule holds it, where one does.
    #[schema(value_type = Option<String>, format = DateTime)]
    held_until: Option<Timestamp>,
    /// Which rule: `quiet_hours`, `frequency_cap`, `frequency_preference` …
    held_because: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    sent_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    delivered_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
    /// When it was first opened, by somebody; who clicked has opened.
    #[schema(value_type = Option<String>, format = DateTime)]
    opened_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    clicked_at: Option<Timestamp>,
    /// The first action its client told of.
    #[schema(example = "viewed_forecast")]
    action_taken: Option<String>,
    engagement: EngagementView,
}

/// What people did with it. Nothing of it says whether it was delivered.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EngagementView {
    opens: u32,
    /// Openings by programs that fetch everybody's pictures, as far as its provider can tell.
    machine_opens: u32,
    /// Of links in an e-mail, and of short links in a text.
    clicks: u32,
    /// How often a known program fetched a short link to show what is behind it.
    previews: u32,
    /// Texts that answered it.
    replies: u32,
    #[schema(value_type = Option<String>, format = DateTime)]
    replied_at: Option<Timestamp>,
    /// What its client told of, each once, oldest first.
    actions: Vec<ActionView>,
}

/// Something somebody did after it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ActionView {
    #[schema(example = "viewed_forecast")]
    action: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// As the client told it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
}

/// What somebody wrote to us.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ReceivedView {
    /// Who wrote: a telephone number, or a short code or name.
    from: String,
    /// The number of ours they wrote to.
    to: Option<String>,
    #[serde(flatten)]
    words: Words,
}

/// A decision.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DecisionView {
    outcome: Outcome,
    reason: String,
    /// Until when it has to wait, where the outcome is `held`.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    checks: Vec<Check>,
    #[schema(value_type = String, format = DateTime)]
    decided_at: Timestamp,
}

/// One step of a message's road.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Step {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    event: String,
    /// Who says so: `switchboard` or a provider.
    by: String,
    detail: Option<String>,
}

/// One message and why it was (not) sent
///
/// Needs the scope `communication:read`.
#[utoipa::path(
    get, path = "/api/v2/communications/messages/{id}", tag = "Messages", operation_id = "message",
    params(("id" = String, Path, description = "A message's or a task's id")),
    responses(
        (status = 200, description = "The message", body = MessageView),
        (status = 404, description = "No such message", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["communication:read"])),
)]
pub async fn handle(State(app): State<App>, Path(id): Path<String>) -> Result<Json<MessageView>, ApiError> {
    let not_found = || ApiError::not_found("Message not found");
    let message = app.road.messages.story(id.parse().map_err(|_| not_found())?).await?;
    let message = message.ok_or_else(not_found)?;
    let actions = actions(&app, &message)?;
    Ok(Json(view(message, actions, &app.road.seal)))
}

fn actions(app: &App, message: &Message) -> Result<Vec<ActionView>, ApiError> {
    let opened = message.engagement.actions.iter().map(|(name, action)| {
        let metadata = app.road.messages.open_action(message.id, name, action)?;
        let metadata = metadata.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Ok(ActionView { action: name.clone(), at: action.at, metadata })
    });
    let mut actions = opened.collect::<Result<Vec<_>, ApiError>>()?;
    actions.sort_by_key(|action| action.at);
    Ok(actions)
}

fn view(message: Message, actions: Vec<ActionView>, seal: &Seal) -> MessageView {
    let direction = message.direction();
    let thread_id = Thread::of(&message, seal).map(|thread| thread.to_string());
    let received = (direction == Direction::Inbound && message.erased.is_none()).then(|| ReceivedView {
        from: message.to.as_str().to_owned(),
        to: message.from.clone(),
        words: Words::of(message.content.clone()),
    });
    let held = message.hold().map(|hold| (hold.until, hold.because.to_owned()));
    let (held_until, held_because) = held.unzip();
    let waits = !message.status.is_final() && message.status.is_claimable();
    let fallback_id = message.fallback_id(seal.ids()).map(|id| id.to_string());
    let mut trail: Vec<Step> = message
        .trail
        .into_values()
        .map(|entry| Step { at: entry.at, event: entry.event, by: entry.by, detail: entry.detail })
        .collect();
    trail.sort_by_key(|step| (step.at, place(&step.event)));
    MessageView {
        id: message.id.to_string(),
        task_id: message.task.to_string(),
        direction,
        thread_id,
        user_id: message.person,
        received,
        channel: message.channel,
        channel_asked: message.asked,
        instead_of: message.instead_of.map(|id| id.to_string()),
        fallback_id,
        job_id: message.job,
        links: message.links,
        lane: message.lane,
        consent_class: message.class,
        trigger_type: message.trigger,
        template: message.template,
        provider: message.provider,
        provider_id: message.provider_id,
        status: message.status,
        reason: message.reason,
        provider_code: message.provider_code,
        attempts: message.attempts,
        segments: message.segments,
        cost: message.cost.units(),
        decision: DecisionView {
            outcome: message.decision.outcome,
            reason: message.decision.reason,
            until: message.decision.until,
            checks: message.decision.checks,
            decided_at: message.decision.decided_at,
        },
        call: message.call,
        recordings: message.recordings,
        trail,
        created_at: message.times.created,
        scheduled_at: message.times.rescheduled.or(message.times.scheduled),
        expires_at: message.times.valid_until,
        not_before: message.times.not_before.filter(|_| waits),
        held_until,
        held_because,
        sent_at: message.times.sent,
        delivered_at: message.times.delivered,
        ended_at: message.times.ended,
        opened_at: message.times.opened,
        clicked_at: message.times.clicked,
        action_taken: message.engagement.action_taken,
        engagement: EngagementView {
            opens: message.engagement.opens,
            machine_opens: message.engagement.machine_opens,
            clicks: message.engagement.clicks,
            previews: message.engagement.previews,
            replies: message.engagement.replies,
            replied_at: message.engagement.replied,
            actions,
        },
    }
}

/// Where an event stands among others of the same moment (providers round to seconds): as the road goes, what people do
/// with a message last.
fn place(event: &str) -> usize {
    Status::iter().position(|status| status.as_str() == event).unwrap_or(usize::MAX)
}
