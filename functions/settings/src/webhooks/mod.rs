//! `/api/v2/communications/webhooks/*`: who is told of events. [`create`], [`list`], [`get`], [`put`], [`delete`] ·
//! [`rotate`]: another secret · [`test`]: an event to try it with · [`deliveries`], [`replay`]: what was sent, and again.

pub mod create;
pub mod delete;
pub mod deliveries;
pub mod delivery;
pub mod get;
pub mod list;
pub mod put;
pub mod replay;
pub mod rotate;
pub mod test;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use switchboard::event::subscriber::LONGEST_DESCRIPTION;
use switchboard::event::target::NotATarget;
use switchboard::event::{Disabled, EventType, Subscriber, SubscriberId, Target};
use switchboard::http::ApiError;

use crate::App;

/// A subscriber, as it is asked for.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookRequest {
    /// Where events are sent: https, a host with a public address, at most 2048 characters.
    #[schema(example = "https://hooks.example.com/switchboard")]
    url: String,
    /// Which events, at least one.
    events: BTreeSet<String>,
    /// At most 256 characters.
    #[schema(example = "Order service")]
    description: Option<String>,
    /// `enabled` if absent. Enabling one again forgets its failures.
    state: Option<WebhookState>,
}

/// Whether a subscriber gets events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WebhookState {
    Enabled,
    Disabled,
}

/// A subscriber.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WebhookView {
    id: SubscriberId,
    url: String,
    events: BTreeSet<EventType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    state: WebhookState,
    /// Why it is disabled: `administrator`, `gone` (it answered 410) or `failing` (nothing but failures for five days,
    /// three of them at least an hour apart).
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_because: Option<Disabled>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    disabled_at: Option<Timestamp>,
    /// Since when nothing but failures came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    failing_since: Option<Timestamp>,
    /// Until when the secret before the present one signs too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    previous_secret_until: Option<Timestamp>,
    /// Who registered it: the token's subject.
    created_by: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// An answer with one subscriber.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WebhookAnswer {
    success: bool,
    webhook: WebhookView,
}

/// An answer with a subscriber and its new secret.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WebhookWithSecret {
    success: bool,
    webhook: WebhookView,
    /// Verify events with it (Standard Webhooks). It is shown this once.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=")]
    secret: String,
}

fn view(subscriber: &Subscriber, now: Timestamp) -> WebhookView {
    WebhookView {
        id: subscriber.id,
        url: subscriber.target.as_str().to_owned(),
        events: subscriber.wants.clone(),
        description: subscriber.description.clone(),
        state: if subscriber.disabled.is_none() { WebhookState::Enabled } else { WebhookState::Disabled },
        disabled_because: subscriber.disabled.map(|(why, _)| why),
        disabled_at: subscriber.disabled.map(|(_, at)| at),
        failing_since: subscriber.failing.map(|failing| failing.since),
        previous_secret_until: subscriber.secrets.overlap_until(now),
        created_by: subscriber.maker.clone(),
        created_at: subscriber.created,
        updated_at: subscriber.updated,
    }
}

/// A request, read.
#[derive(Debug)]
struct Wanted {
    target: Target,
    wants: BTreeSet<EventType>,
    description: Option<String>,
    state: WebhookState,
}

impl Wanted {
    /// Reads a request; its URL's host must lead somewhere allowed now.
    async fn read(app: &App, request: WebhookRequest) -> Result<Self, ApiError> {
        let url = |why: NotATarget| ApiError::invalid_field("url", why.to_string());
        let target = Target::read(&request.url, app.reach).map_err(url)?;
        let wants = events(&request.events)?;
        let description = request.description.map(description).transpose()?;
        target.resolve(app.reach).await.map_err(url)?;
        Ok(Self { target, wants, description, state: request.state.unwrap_or(WebhookState::Enabled) })
    }

    /// Since when it is disabled, and why. One that was disabled stays so for its first reason.
    fn disabled(&self, before: Option<(Disabled, Timestamp)>, now: Timestamp) -> Option<(Disabled, Timestamp)> {
        match self.state {
            WebhookState::Enabled => None,
            WebhookState::Disabled => Some(before.unwrap_or((Disabled::Administrator, now))),
        }
    }
}

fn events(names: &BTreeSet<String>) -> Result<BTreeSet<EventType>, ApiError> {
    if names.is_empty() {
        return Err(ApiError::invalid_field("events", "It must name at least one event"));
    }
    let known = |name: &String| name.parse().ok().filter(|kind| EventType::subscribable().any(|known| known == *kind));
    names
        .iter()
        .map(|name| {
            known(name).ok_or_else(|| {
                let all: Vec<&str> = EventType::subscribable().map(EventType::as_str).collect();
                ApiError::invalid_field("events", format!("It must hold some of: {}", all.join(", ")))
            })
        })
        .collect()
}

fn description(text: String) -> Result<String, ApiError> {
    let fits = (1..=LONGEST_DESCRIPTION).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    let why = || format!("It must be 1 to {LONGEST_DESCRIPTION} characters");
    fits.then_some(text).ok_or_else(|| ApiError::invalid_field("description", why()))
}

/// The subscriber a path names.
async fn find(app: &App, id: &str) -> Result<Subscriber, ApiError> {
    let id: SubscriberId = id.parse().map_err(|_| not_found())?;
    app.events.subscriber(id).await?.ok_or_else(not_found)
}

fn not_found() -> ApiError {
    ApiError::not_found("No such webhook")
}

/// It changed between our look and our write.
fn changed_meanwhile() -> ApiError {
    ApiError::conflict("The webhook was changed meanwhile").details("Nothing was changed; look at it and try again")
}
