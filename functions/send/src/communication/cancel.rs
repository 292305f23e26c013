//! `POST /api/communication/cancel/{task_id}`: cancels what has not been sent.

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Caller};
use switchboard::message::Status;

use crate::App;

/// It is cancelled.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CancelResponse {
    success: bool,
    #[schema(example = "Communication cancelled successfully")]
    message: &'static str,
}

/// Cancel a communication
///
/// Cancels every message of the task that no worker has begun to send. Cancelling twice is the same as once. Only the
/// caller that sent it may, or one with `settings:manage`. Needs the scope `communication:send`.
#[utoipa::path(
    post, path = "/api/communication/cancel/{task_id}", tag = "Communication", operation_id = "cancel_communication",
    params(("task_id" = String, Path, description = "The id the send answered with")),
    responses(
        (status = 200, description = "Cancelled", body = CancelResponse),
        (status = 404, description = "No such task of the caller's", body = ErrorBody),
        (status = 409, description = "Too late: it was sent, or it ended", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["communication:send"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(task_id): Path<String>,
) -> Result<Json<CancelResponse>, ApiError> {
    let mut statuses = Vec::new();
    for message in super::own_task(&app.road, &caller, &task_id).await? {
        let (after, _) = app.road.messages.cancel(message.id, &caller.subject, app.road.clock.now()).await?;
        statuses.push(after.map_or(message.status, |after| after.status));
    }
    if statuses.contains(&Status::Cancelled) {
        return Ok(Json(CancelResponse { success: true, message: "Communication cancelled successfully" }));
    }
    let status = statuses.first().map_or("unknown", |status| status.as_str());
    Err(ApiError::conflict("Communication can no longer be cancelled").details(format!("Its status is {status}")))
}
