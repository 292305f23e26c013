//! `GET /api/v2/communications/webhooks/{id}`: one subscriber.

use axum::Json;
use axum::extract::{Path, State};
use switchboard::http::ApiError;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;

use super::{WebhookAnswer, find, view};
use crate::App;

/// One webhook
///
/// Never with its secret. Needs the scope `settings:manage`.
#[utoipa::path(
    get, path = "/api/v2/communications/webhooks/{id}", tag = "Outgoing events", operation_id = "webhook",
    params(("id" = String, Path, description = "The webhook's id")),
    responses(
        (status = 200, description = "The webhook", body = WebhookAnswer),
        (status = 404, description = "No such webhook", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["settings:manage"])),
)]
pub async fn handle(State(app): State<App>, Path(id): Path<String>) -> Result<Json<WebhookAnswer>, ApiError> {
    let subscriber = find(&app, &id).await?;
    Ok(Json(WebhookAnswer { success: true, webhook: view(&subscriber, app.road.clock.now()) }))
}
