//! `GET /api/v2/communications/webhooks/{id}/deliveries/{delivery_id}`: what became of one event.

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use switchboard::http::ApiError;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;

use super::deliveries::{DeliveryView, find_delivery, view};
use super::find;
use crate::App;

/// An answer with one delivery.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DeliveryAnswer {
    success: bool,
    delivery: DeliveryView,
}

/// What became of one event that was sent to a webhook
///
/// As of now. Needs the scope `settings:manage`.
#[utoipa::path(
    get, path = "/api/v2/communications/webhooks/{id}/deliveries/{delivery_id}", tag = "Outgoing events",
    operation_id = "webhook_delivery",
    params(
        ("id" = String, Path, description = "The webhook's id"),
        ("delivery_id" = String, Path, description = "The delivery's id: the `webhook-id` it bears"),
    ),
    responses(
        (status = 200, description = "The delivery", body = DeliveryAnswer),
        (status = 404, description = "No such webhook or delivery", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["settings:manage"])),
)]
pub async fn handle(
    State(app): State<App>,
    Path((id, delivery)): Path<(String, String)>,
) -> Result<Json<DeliveryAnswer>, ApiError> {
    let subscriber = find(&app, &id).await?;
    let found = find_delivery(&app, &subscriber, &delivery).await?;
    Ok(Json(DeliveryAnswer { success: true, delivery: view(found) }))
}
