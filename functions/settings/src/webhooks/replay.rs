//! `POST /api/v2/communications/webhooks/{id}/deliveries/{delivery_id}/replay`: the same event once more.

use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use switchboard::http::ApiError;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;

use super::deliveries::find_delivery;
use super::find;
use super::test::{DeliveryQueued, disabled, queued};
use crate::App;

/// Send an event to a webhook again
///
/// The same bytes under the same `webhook-id`, whether it arrived before or not, with the whole schedule of tries before
/// it. Needs the scope `settings:manage`.
#[utoipa::path(
    post, path = "/api/v2/communications/webhooks/{id}/deliveries/{delivery_id}/replay", tag = "Outgoing events",
    operation_id = "replay_webhook_delivery",
    params(
        ("id" = String, Path, description = "The webhook's id"),
        ("delivery_id" = String, Path, description = "The delivery's id: the `webhook-id` it bears"),
    ),
    responses(
        (status = 202, description = "On its way", body = DeliveryQueued),
        (status = 404, description = "No such webhook or delivery", body = ErrorBody),
        (status = 409, description = "The webhook is disabled, or the delivery is being tried at this moment", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["settings:manage"])),
)]
pub async fn handle(
    State(app): State<App>,
    Path((id, delivery)): Path<(String, String)>,
) -> Result<(StatusCode, Json<DeliveryQueued>), ApiError> {
    let subscriber = find(&app, &id).await?;
    if subscriber.disabled.is_some() {
        return Err(disabled());
    }
    let delivery = find_delivery(&app, &subscriber, &delivery).await?.id;
    match app.events.replay(subscriber.id, delivery, app.road.clock.now()).await? {
        Some(delivery) => Ok(queued(&app, &delivery).await),
        None => Err(ApiError::conflict("The delivery is being tried").details("Look at it again in a minute")),
    }
}
