//! `POST /api/communication/reschedule/{task_id}`: another time for what has not been sent.

use axum::Json;
use axum::extract::{Path, State};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body, Caller};

use crate::App;
use crate::reschedule::{RescheduleRequest, RescheduleResponse, reschedule};

/// Reschedule a communication
///
/// Moves every message of the task that no worker has begun to send, earlier or later. What a rule holds is asked about
/// again at the new time. Only the caller that sent it may, or one with `settings:manage`. Needs the scope `communication:send`.
#[utoipa::path(
    post, path = "/api/communication/reschedule/{task_id}", tag = "Communication",
    operation_id = "reschedule_communication",
    params(("task_id" = String, Path, description = "The id the send answered with")),
    request_body = RescheduleRequest,
    responses(
        (status = 200, description = "Rescheduled", body = RescheduleResponse),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        (status = 404, description = "No such task of the caller's", body = ErrorBody),
        (status = 409, description = "Too late: it was sent, or it ended; `status` says which", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["communication:send"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(task_id): Path<String>,
    body: Body<RescheduleRequest>,
) -> Result<Json<RescheduleResponse>, ApiError> {
    let messages = super::own_task(&app.road, &caller, &task_id).await?;
    reschedule(&app, &caller.subject, &messages, &body.value).await.map(Json)
}
