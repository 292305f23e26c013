//! `GET /api/v2/communications/webhooks`: all subscribers.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use switchboard::http::ApiError;
use switchboard::http::refusals::Refusals;

use super::{WebhookView, view};
use crate::App;

/// All of them.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WebhooksAnswer {
    success: bool,
    webhooks: Vec<WebhookView>,
}

/// All webhooks, the oldest first
///
/// There are at most 20. Needs the scope `settings:manage`.
#[utoipa::path(
    get, path = "/api/v2/communications/webhooks", tag = "Outgoing events", operation_id = "webhooks",
    responses((status = 200, description = "All of them", body = WebhooksAnswer), Refusals),
    security(("bearer" = ["settings:manage"])),
)]
pub async fn handle(State(app): State<App>) -> Result<Json<WebhooksAnswer>, ApiError> {
    let (subscribers, now) = (app.events.subscribers().await?, app.road.clock.now());
    let webhooks = subscribers.iter().map(|subscriber| view(subscriber, now)).collect();
    Ok(Json(WebhooksAnswer { success: true, webhooks }))
}
