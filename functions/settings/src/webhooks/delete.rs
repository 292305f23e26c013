//! `DELETE /api/v2/communications/webhooks/{id}`: it gets nothing more.

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use switchboard::event::SubscriberId;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Caller};
use switchboard::store::events::Changed;

use super::{find, not_found};
use crate::App;

/// It is gone.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WebhookRemoved {
    success: bool,
    id: SubscriberId,
}

/// Remove a webhook
///
/// Within five seconds nothing is sent to it any more, also nothing that waits. Needs the scope `settings:manage`.
#[utoipa::path(
    delete, path = "/api/v2/communications/webhooks/{id}", tag = "Outgoing events", operation_id = "remove_webhook",
    params(("id" = String, Path, description = "The webhook's id")),
    responses(
        (status = 200, description = "Removed", body = WebhookRemoved),
        (status = 404, description = "No such webhook", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["settings:manage"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<WebhookRemoved>, ApiError> {
    let id = find(&app, &id).await?.id;
    match app.events.remove_subscriber(id, &caller.subject, app.road.clock.now()).await? {
        Changed::Done => Ok(Json(WebhookRemoved { success: true, id })),
        Changed::Refused => Err(not_found()),
    }
}
