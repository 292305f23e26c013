//! `POST /api/communication/privacy/reseal`: everything sealed is brought under the key that seals now.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Caller};
use switchboard::privacy::reseal::WalkKind;

use super::{ResealResponse, walk_view};
use crate::App;

/// Seal everything anew
///
/// After a new key was made the active one of the secret `…/seal`. While one is on its way that one is answered. Needs the scope
/// `settings:manage`.
#[utoipa::path(
    post, path = "/api/communication/privacy/reseal", tag = "Privacy", operation_id = "start_reseal",
    responses(
        (status = 202, description = "It is being done; ask the same address how far it is (GET)", body = ResealResponse),
        Refusals,
    ),
    security(("bearer" = ["settings:manage"])),
)]
pub async fn handle(State(app): State<App>, caller: Caller) -> Result<(StatusCode, Json<ResealResponse>), ApiError> {
    let progress = app.privacy.reseals.ask(WalkKind::Reseal, &caller.subject).await?;
    Ok((StatusCode::ACCEPTED, Json(walk_view(progress))))
}
