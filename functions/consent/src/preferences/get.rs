//! `GET /api/communication/preferences/{user_id}`: what a person prefers.

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Caller};

use super::{PreferencesView, view};
use crate::App;
use crate::request::person_id;

/// What a person prefers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PreferencesResponse {
    success: bool,
    preferences: PreferencesView,
}

/// Preferences of a person
///
/// People may read their own; for others it needs `preferences:manage`.
#[utoipa::path(
    get, path = "/api/communication/preferences/{user_id}", tag = "Consent", operation_id = "preferences",
    params(("user_id" = String, Path, description = "The person's id")),
    responses(
        (status = 200, description = "Their preferences", body = PreferencesResponse),
        (status = 404, description = "Unknown person", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(user_id): Path<String>,
) -> Result<Json<PreferencesResponse>, ApiError> {
    let id = person_id(&user_id)?;
    caller.may_manage(&id)?;
    let person = app.road.people.get(&id).await?;
    let person = person.ok_or_else(|| ApiError::not_found(format!("Unknown user: {id}")).with("field", "user_id"))?;
    Ok(Json(PreferencesResponse { success: true, preferences: view(person) }))
}
