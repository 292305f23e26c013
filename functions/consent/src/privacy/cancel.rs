//! `DELETE /api/communication/privacy/{user_id}/erase`: cancels an erasure that has not begun.

use axum::Json;
use axum::extract::{Path, State};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Caller, Origin};
use switchboard::privacy::erasure::Cancellation;

use super::{ErasureResponse, view};
use crate::App;
use crate::request::person_id;

/// Cancel an erasure
///
/// Cancels the erasure that waits for the end of its cooling-off period. The cancellation is final for this request, and
/// repeating it changes nothing; the person may ask for another erasure. Once the erasure has begun the answer is 409. People may
/// cancel their own; for others it needs `preferences:manage`. The link in the notice does the same without a token.
#[utoipa::path(
    delete, path = "/api/communication/privacy/{user_id}/erase", tag = "Privacy", operation_id = "cancel_erasure",
    params(("user_id" = String, Path, description = "The person's id")),
    responses(
        (status = 200, description = "It is cancelled", body = ErasureResponse),
        (status = 404, description = "Nobody asked for an erasure", body = ErrorBody),
        (status = 409, description = "The erasure has begun", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    Path(user_id): Path<String>,
) -> Result<Json<ErasureResponse>, ApiError> {
    let person = person_id(&user_id)?;
    caller.may_manage(&person)?;
    let witness = origin.witness(&caller, "api", app.road.clock.now());
    let eraser = &app.privacy.eraser;
    match eraser.cancel(&person, None, &witness).await? {
        Cancellation::Cancelled(erasure) => {
            let counts = eraser.store.counts(&erasure).await?;
            Ok(Json(view(*erasure, counts)))
        }
        Cancellation::TooLate => Err(ApiError::conflict("The erasure has begun")),
        Cancellation::NotFound => Err(ApiError::not_found("No erasure was asked for")),
    }
}
