//! `GET /api/communication/privacy/reseal`: how far sealing anew is.

use axum::Json;
use axum::extract::State;
use switchboard::http::ApiError;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::privacy::reseal::WalkKind;

use super::{ResealResponse, walk_view};
use crate::App;

/// How far sealing anew is
///
/// The present walk, or the last. Needs the scope `settings:manage`.
#[utoipa::path(
    get, path = "/api/communication/privacy/reseal", tag = "Privacy", operation_id = "reseal",
    responses(
        (status = 200, description = "How far it is", body = ResealResponse),
        (status = 404, description = "Nobody asked for it", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["settings:manage"])),
)]
pub async fn handle(State(app): State<App>) -> Result<Json<ResealResponse>, ApiError> {
    let progress = app.privacy.reseals.progress(WalkKind::Reseal).await?;
    let progress = progress.ok_or_else(|| ApiError::not_found("Nothing was sealed anew"))?;
    Ok(Json(walk_view(progress)))
}
