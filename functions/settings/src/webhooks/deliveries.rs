//! `GET /api/v2/communications/webhooks/{id}/deliveries`: what was sent to a subscriber, and how that went.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use switchboard::event::delivery::{Dropped, Outcome};
use switchboard::event::{Delivery, DeliveryId, DeliveryState, EventType, Subscriber};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, paging};
use switchboard::message::MessageId;

use super::find;
use crate::App;

/// Which of them.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// How many, 1 to 100.
    #[param(default = 50)]
    limit: Option<String>,
    /// Where to go on: the `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of deliveries.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DeliveriesAnswer {
    success: bool,
    deliveries: Vec<DeliveryView>,
    /// Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<DeliveryId>,
}

/// One event on its way to the webhook.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DeliveryView {
    /// The `webhook-id` it bears.
    id: DeliveryId,
    #[serde(rename = "type")]
    kind: EventType,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<MessageId>,
    status: DeliveryState,
    /// How often it was tried.
    attempts: u32,
    /// When it is tried next, where that is known to be later than now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    next_attempt_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    last_attempt_at: Option<Timestamp>,
    /// The HTTP status of the last answer; absent if none came.
    #[serde(skip_serializing_if = "Option::is_none")]
    response_code: Option<u16>,
    /// What was wrong with the last try.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    /// How each try ended, the latest last; of more than twenty the latest twenty. One that is under way is not among them.
    tried: Vec<TryView>,
    /// Why it failed though it might be tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped_because: Option<Dropped>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    replayed_at: Option<Timestamp>,
}

/// How one try ended.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TryView {
    /// Which one it was, from 1.
    attempt: u32,
    /// When it ended.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The HTTP status of the answer; absent if none came.
    #[serde(skip_serializing_if = "Option::is_none")]
    response_code: Option<u16>,
    /// What was wrong with it: `status`, `timeout`, `no_connection`, `broken_connection`, `address_not_allowed`, `gone`;
    /// `interrupted`: a worker of ours died, and the event may have arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

const USUAL: u8 = 50;
const MOST: u8 = 100;

/// What was sent to a webhook, the newest event first
///
/// Kept for 30 days. Needs the scope `settings:manage`.
#[utoipa::path(
    get, path = "/api/v2/communications/webhooks/{id}/deliveries", tag = "Outgoing events",
    operation_id = "webhook_deliveries",
    params(("id" = String, Path, description = "The webhook's id"), Page),
    responses(
        (status = 200, description = "A page of deliveries", body = DeliveriesAnswer),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        (status = 404, description = "No such webhook", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["settings:manage"])),
)]
pub async fn handle(
    State(app): State<App>,
    Path(id): Path<String>,
    asked: Result<Query<Page>, QueryRejection>,
) -> Result<Json<DeliveriesAnswer>, ApiError> {
    let Query(page) = asked.map_err(|_| ApiError::bad_request("Invalid query"))?;
    let limit = paging::limit(page.limit.as_deref(), USUAL, MOST)?;
    let before = page.cursor.as_deref().map(cursor).transpose()?;
    let subscriber = find(&app, &id).await?;
    // One more than asked for tells whether there are more.
    let mut found = app.events.deliveries(subscriber.id, before, limit + 1).await?;
    let more = found.len() > usize::from(limit);
    found.truncate(usize::from(limit));
    let next_cursor = found.last().filter(|_| more).map(|last| last.id);
    Ok(Json(DeliveriesAnswer { success: true, deliveries: found.into_iter().map(view).collect(), next_cursor }))
}

/// The delivery a path names, as of now.
pub(super) async fn find_delivery(app: &App, of: &Subscriber, id: &str) -> Result<Delivery, ApiError> {
    let none = || ApiError::not_found("No such delivery");
    let id: DeliveryId = id.parse().map_err(|_| none())?;
    app.events.delivery(of.id, id).await?.ok_or_else(none)
}

fn cursor(text: &str) -> Result<DeliveryId, ApiError> {
    text.parse().map_err(|_| ApiError::invalid_field("cursor", "It must be the next_cursor of an earlier answer"))
}

pub(super) fn view(delivery: Delivery) -> DeliveryView {
    let last = delivery.tried.last();
    DeliveryView {
        id: delivery.id,
        kind: delivery.kind,
        message_id: delivery.message,
        status: delivery.state,
        attempts: delivery.attempts,
        next_attempt_at: delivery.not_before,
        last_attempt_at: last.map(|last| last.at),
        response_code: last.and_then(|last| last.code),
        last_error: last.and_then(|last| last.error.clone()),
        tried: delivery.tried.into_iter().map(try_view).collect(),
        dropped_because: delivery.dropped,
        created_at: delivery.created,
        replayed_at: delivery.replayed,
    }
}

fn try_view(outcome: Outcome) -> TryView {
    TryView { attempt: outcome.attempt, at: outcome.at, response_code: outcome.code, error: outcome.error }
}
