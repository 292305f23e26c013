//! `GET /api/v2/communications/voice/menu`: the voice menu, as it is in force or as it was.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;
use switchboard::http::ApiError;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::voice::shipped::{self, SHIPPED_VERSION};

use super::MenuView;
use crate::App;

/// Which version.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MenuQuery {
    /// The one in force if absent; 0: the shipped one.
    #[param(example = 3)]
    version: Option<String>,
}

/// The voice menu
///
/// Needs the scope `settings:manage`.
#[utoipa::path(
    get, path = "/api/v2/communications/voice/menu", tag = "Voice", operation_id = "voice_menu",
    params(MenuQuery),
    responses(
        (status = 200, description = "The menu", body = MenuView),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        (status = 404, description = "No such version", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["settings:manage"])),
)]
pub async fn handle(
    State(app): State<App>,
    query: Result<Query<MenuQuery>, QueryRejection>,
) -> Result<Json<MenuView>, ApiError> {
    let not_found = || ApiError::not_found("Menu not found");
    let query = query.map_err(|error| ApiError::bad_request("Invalid query").details(error.body_text()))?;
    let version = query.version.as_deref().map(str::parse::<u32>).transpose();
    let version = version.map_err(|_| ApiError::invalid_field("version", "It must be a number from 0"))?;
    let catalog = &app.road.templates.catalog;
    let stored = match version {
        None => catalog.menu().await?,
        Some(SHIPPED_VERSION) => None,
        Some(version) => Some(catalog.menu_version(version).await?.ok_or_else(not_found)?),
    };
    let shipped = || shipped::menu().cloned().map(MenuView::shipped);
    stored.map(MenuView::stored).or_else(shipped).map(Json).ok_or_else(not_found)
}
