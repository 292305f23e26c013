//! `POST /api/v2/communications/messages/{id}/reschedule`: another time for one message.

use axum::Json;
use axum::extract::{Path, State};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body, Caller};

use crate::App;
use crate::reschedule::{RescheduleRequest, RescheduleResponse, reschedule};

/// Reschedule a message
///
/// Moves this one message, earlier or later, if no worker has begun to send it. Only the caller that sent it
/// may, or one with `settings:manage`. Needs the scope `communication:send`.
#[utoipa::path(
    post, path = "/api/v2/communications/messages/{id}/reschedule", tag = "Messages", operation_id = "reschedule_message",
    params(("id" = String, Path, description = "A message's or a task's id")),
    request_body = RescheduleRequest,
    responses(
        (status = 200, description = "Rescheduled", body = RescheduleResponse),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        (status = 404, description = "No such message of the caller's", body = ErrorBody),
        (status = 409, description = "Too late: it was sent, or it ended; `status` says which", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["communication:send"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body<RescheduleRequest>,
) -> Result<Json<RescheduleResponse>, ApiError> {
    let not_found = || ApiError::not_found("Message not found");
    let message = app.road.messages.story(id.parse().map_err(|_| not_found())?).await?;
    let message = caller.owned(message, not_found)?;
    reschedule(&app, &caller.subject, &[message], &body.value).await.map(Json)
}
