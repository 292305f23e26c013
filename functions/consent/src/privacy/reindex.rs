//! `POST /api/communication/privacy/reindex`: everything that is found by an address's fingerprint is brought under the active
//! generation of the lookup key. `GET`: how far that is.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Caller};
use switchboard::privacy::reseal::{Progress, WalkKind};

use crate::App;

/// How far carrying fingerprints forward is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ReindexResponse {
    success: bool,
    reindex_id: String,
    /// `running` or `completed`.
    #[schema(example = "running")]
    status: &'static str,
    /// The generation of the lookup key that everything is stored under afterwards.
    #[schema(example = "2")]
    generation: String,
    requested_by: String,
    #[schema(value_type = String, format = DateTime)]
    requested_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    completed_at: Option<Timestamp>,
    /// What was found so far. The generation before need not be read any more when a walk ended with all of it 0.
    found: ReindexCounts,
}

/// What was found under the fingerprints of an earlier generation.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ReindexCounts {
    /// Rows that were brought under the active one.
    moved: u64,
    /// Rows that somebody else changed at that moment.
    overtaken: u64,
    /// Rows whose sealed part no key opens. They stay where they are.
    unopened: u64,
}

fn view(Progress { walk, counts: found }: Progress) -> ReindexResponse {
    ReindexResponse {
        success: true,
        status: walk.status(),
        completed_at: walk.completed(),
        reindex_id: walk.id,
        generation: walk.key,
        requested_by: walk.by,
        requested_at: walk.began,
        found: ReindexCounts { moved: found.resealed, overtaken: found.overtaken, unopened: found.unopened },
    }
}

/// Bring everything under the active lookup key
///
/// After a new generation of the secret `…/lookup` was made the active one. While a walk is on its way that one is answered. Needs the
/// scope `settings:manage`.
#[utoipa::path(
    post, path = "/api/communication/privacy/reindex", tag = "Privacy", operation_id = "start_reindex",
    responses(
        (status = 202, description = "It is being done; ask the same address how far it is (GET)", body = ReindexResponse),
        Refusals,
    ),
    security(("bearer" = ["settings:manage"])),
)]
pub async fn start_reindex(
    State(app): State<App>,
    caller: Caller,
) -> Result<(StatusCode, Json<ReindexResponse>), ApiError> {
    let progress = app.privacy.reseals.ask(WalkKind::Reindex, &caller.subject).await?;
    Ok((StatusCode::ACCEPTED, Json(view(progress))))
}

/// How far bringing everything under the active lookup key is
///
/// The present walk, or the last. Needs the scope `settings:manage`.
#[utoipa::path(
    get, path = "/api/communication/privacy/reindex", tag = "Privacy", operation_id = "reindex",
    responses(
        (status = 200, description = "How far it is", body = ReindexResponse),
        (status = 404, description = "Nobody asked for it", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["settings:manage"])),
)]
pub async fn reindex(State(app): State<App>) -> Result<Json<ReindexResponse>, ApiError> {
    let progress = app.privacy.reseals.progress(WalkKind::Reindex).await?;
    let progress = progress.ok_or_else(|| ApiError::not_found("Nothing was brought under another lookup key"))?;
    Ok(Json(view(progress)))
}
