//! Another time for messages that were accepted and not begun: what both endpoints share.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use switchboard::http::{ApiError, Owned};
use switchboard::message::{Message, Status};
use switchboard::road::timing::plan;
use switchboard::store::messages::Rescheduled;

use crate::App;
use crate::times::instant;

/// The new time.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct RescheduleRequest {
    /// Earlier or later than before (ISO 8601; UTC where it names no zone). A time that has passed means now.
    #[schema(example = "2025-01-27T10:00:00Z")]
    scheduled_time: String,
}

/// It has another time.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RescheduleResponse {
    success: bool,
    #[schema(example = "Communication rescheduled successfully")]
    message: &'static str,
    #[schema(value_type = String, format = DateTime)]
    scheduled_time: Timestamp,
}

/// Moves each of the messages that no worker has begun to send; an error if there is none.
pub(crate) async fn reschedule(
    app: &App,
    by: &str,
    messages: &[Owned<Message>],
    request: &RescheduleRequest,
) -> Result<RescheduleResponse, ApiError> {
    let now = app.road.clock.now();
    let at = instant("scheduled_time", &request.scheduled_time, now)?.max(now);
    if messages.iter().any(|message| message.times.valid_until.is_some_and(|valid| valid <= at)) {
        return Err(ApiError::invalid_field("scheduled_time", "It must be before the message expires"));
    }
    let mut seen = Vec::with_capacity(messages.len());
    for message in messages {
        seen.push(one(app, by, message, at, now).await?);
    }
    if seen.contains(&Rescheduled::Done) {
        let message = "Communication rescheduled successfully";
        return Ok(RescheduleResponse { success: true, message, scheduled_time: at });
    }
    Err(refusal(seen.first().copied().unwrap_or(Rescheduled::NoSuchMessage)))
}

async fn one(
    app: &App,
    by: &str,
    message: &Owned<Message>,
    at: Timestamp,
    now: Timestamp,
) -> Result<Rescheduled, ApiError> {
    let plan = plan(at, now);
    let done = app.road.messages.reschedule(message, at, plan.due, by, now).await?;
    if done == Rescheduled::Done {
        // Asked again after it failed here, it is done again.
        app.road.prolong_links(message, at).await?;
    }
    if let (Rescheduled::Done, Some(pause)) = (done, plan.delay)
        && let Err(error) = app.road.queues.enqueue_message(message, pause).await
    {
        tracing::error!(message.id = %message.id, error = %error, "rescheduled but not queued; the sweep will queue it");
    }
    Ok(done)
}

fn refusal(seen: Rescheduled) -> ApiError {
    let too_late = || ApiError::conflict("Communication can no longer be rescheduled");
    match seen {
        Rescheduled::TooLate(status) => status_of(too_late(), status),
        Rescheduled::TooOften => too_late().details("It was rescheduled too often"),
        Rescheduled::TooFar => {
            ApiError::invalid_field("scheduled_time", "A message with files that was made for now cannot wait so long")
        }
        Rescheduled::Done | Rescheduled::NoSuchMessage => ApiError::not_found("Message not found"),
    }
}

fn status_of(error: ApiError, status: Status) -> ApiError {
    error.details(format!("Its status is {status}")).with("status", status.as_str())
}
