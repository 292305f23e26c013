//! `GET /api/communication/privacy/{user_id}/erase`: how far the erasure of a person is.

use axum::Json;
use axum::extract::{Path, State};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Caller};

use super::{ErasureResponse, view};
use crate::App;
use crate::request::person_id;

/// How far an erasure is
///
/// The present one, or the last. People may ask for their own; for others it needs `preferences:manage`.
#[utoipa::path(
    get, path = "/api/communication/privacy/{user_id}/erase", tag = "Privacy", operation_id = "erasure",
    params(("user_id" = String, Path, description = "The person's id")),
    responses(
        (status = 200, description = "How far it is", body = ErasureResponse),
        (status = 404, description = "Nobody asked for it", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(user_id): Path<String>,
) -> Result<Json<ErasureResponse>, ApiError> {
    let person = person_id(&user_id)?;
    caller.may_manage(&person)?;
    let store = &app.privacy.eraser.store;
    let erasure = store.erasure(&person).await?;
    let erasure = erasure.ok_or_else(|| ApiError::not_found("No erasure was asked for"))?;
    let counts = store.counts(&erasure).await?;
    Ok(Json(view(erasure, counts)))
}
