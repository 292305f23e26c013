//! `GET /api/v2/communications/auto-replies`: what is answered by itself.

use axum::Json;
use axum::extract::State;
use switchboard::http::ApiError;
use switchboard::http::refusals::Refusals;

use super::AutoRepliesView;
use crate::App;

/// The automatic answers
///
/// What is answered by itself to a text that is one of these words. Needs the scope `settings:manage`.
#[utoipa::path(
    get, path = "/api/v2/communications/auto-replies", tag = "Messages", operation_id = "auto_replies",
    responses(
        (status = 200, description = "All of them", body = AutoRepliesView),
        Refusals,
    ),
    security(("bearer" = ["settings:manage"])),
)]
pub async fn handle(State(app): State<App>) -> Result<Json<AutoRepliesView>, ApiError> {
    let replies = app.road.templates.catalog.auto_replies().await?.unwrap_or_default();
    Ok(Json(AutoRepliesView { success: true, replies }))
}
