//! `GET /api/v2/communications/switches/{scope}`: whether a caller is stopped.

use axum::Json;
use axum::extract::{Path, State};
use switchboard::http::ApiError;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;

use super::{SwitchView, scope, view};
use crate::App;

/// Get a kill switch
///
/// Needs the scope `settings:manage`.
#[utoipa::path(
    get, path = "/api/v2/communications/switches/{scope}", tag = "Kill switches", operation_id = "switch",
    params(("scope" = String, Path, description = "`all`, or the subject of a caller's token")),
    responses(
        (status = 200, description = "The switch", body = SwitchView),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["settings:manage"])),
)]
pub async fn handle(State(app): State<App>, Path(name): Path<String>) -> Result<Json<SwitchView>, ApiError> {
    let name = scope(&name)?;
    Ok(Json(view(name, app.road.controls.switch(name).await?)))
}
