//! `POST /api/v2/communications/webhooks/{id}/test`: an event to try it with.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::Serialize;
use switchboard::event::payload::test_body;
use switchboard::event::{Delivery, DeliveryId, EventType};
use switchboard::http::ApiError;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::queue::EventWork;

use super::find;
use crate::App;

/// It is on its way.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DeliveryQueued {
    success: bool,
    /// The `webhook-id` it bears.
    delivery_id: DeliveryId,
}

/// Send a test event to a webhook
///
/// A `webhook.test`, signed and tried again like any other; its deliveries tell how it went. Needs the scope
/// `settings:manage`.
#[utoipa::path(
    post, path = "/api/v2/communications/webhooks/{id}/test", tag = "Outgoing events", operation_id = "test_webhook",
    params(("id" = String, Path, description = "The webhook's id")),
    responses(
        (status = 202, description = "On its way", body = DeliveryQueued),
        (status = 404, description = "No such webhook", body = ErrorBody),
        (status = 409, description = "It is disabled", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["settings:manage"])),
)]
pub async fn handle(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<DeliveryQueued>), ApiError> {
    let subscriber = find(&app, &id).await?;
    if subscriber.disabled.is_some() {
        return Err(disabled());
    }
    let now = app.road.clock.now();
    let body = test_body(subscriber.id, now).map_err(ApiError::internal)?;
    let delivery = Delivery::new(
        DeliveryId::of_test(app.road.seal.ids(), subscriber.id, now),
        subscriber.id,
        EventType::Test,
        None,
        body,
        now,
    );
    app.events.add_delivery(&delivery).await?;
    Ok(queued(&app, &delivery).await)
}

pub(super) fn disabled() -> ApiError {
    ApiError::conflict("The webhook is disabled").details("Enable it first")
}

/// Queues a delivery that is in the table. If that fails, the sweep does it a minute later.
pub(super) async fn queued(app: &App, delivery: &Delivery) -> (StatusCode, Json<DeliveryQueued>) {
    let work = EventWork { subscriber: delivery.subscriber, delivery: delivery.id, apart: false };
    if let Err(error) = app.road.queues.enqueue_event(work, Duration::ZERO).await {
        tracing::warn!(delivery.id = %delivery.id, error = %error, "not queued, the sweep will");
    }
    (StatusCode::ACCEPTED, Json(DeliveryQueued { success: true, delivery_id: delivery.id }))
}
