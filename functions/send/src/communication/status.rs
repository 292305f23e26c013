//! `GET /api/communication/status/{task_id}`: what became of a task, in the words its clients know.

use axum::Json;
use axum::extract::{Path, State};
use jiff::Timestamp;
use serde::Serialize;
use switchboard::http::ApiError;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::message::fallback::is_mendable;
use switchboard::message::{Channel, Message, Status};

use crate::App;

/// A task's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum TaskState {
    /// Accepted or scheduled, not begun.
    Pending,
    /// Being sent, or sent and not yet known to have arrived.
    Started,
    /// Another attempt is due.
    Retry,
    /// Delivered.
    Success,
    /// Ended without arriving; the result says why.
    Failure,
    /// Cancelled.
    Revoked,
}

/// What became of a task.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TaskStatus {
    task_id: String,
    status: TaskState,
    result: TaskResult,
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    started: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    succeeded: Option<Timestamp>,
    /// Another channel was used than was asked for, or something was sent instead of what did not arrive.
    fallback_used: bool,
    /// The task's messages: one a channel, then what was sent instead of one that did not arrive.
    messages: Vec<PartStatus>,
}

/// The outcome, as far as it is known.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TaskResult {
    /// The provider's id of the (first) message.
    message_id: Option<String>,
    delivered: bool,
    #[schema(value_type = Option<String>, format = DateTime)]
    delivery_time: Option<Timestamp>,
    /// Why it failed, where it did: `opted_out`, `invalid_number`, `attempts_exhausted` …
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// One message of a task.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PartStatus {
    id: String,
    channel: Channel,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The message this one was sent instead of.
    #[serde(skip_serializing_if = "Option::is_none")]
    instead_of: Option<String>,
    /// Until when a rule holds it, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    held_until: Option<Timestamp>,
    /// Which rule: `quiet_hours`, `frequency_cap`, `frequency_preference` …
    #[serde(skip_serializing_if = "Option::is_none")]
    held_because: Option<String>,
}

/// Status of a communication
///
/// Needs the scope `communication:read`. `GET /api/v2/communications/messages/{id}` tells the whole story of a message.
#[utoipa::path(
    get, path = "/api/communication/status/{task_id}", tag = "Communication", operation_id = "communication_status",
    params(("task_id" = String, Path, description = "The id the send answered with")),
    responses(
        (status = 200, description = "What became of it", body = TaskStatus),
        (status = 404, description = "No such task", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["communication:read"])),
)]
pub async fn handle(State(app): State<App>, Path(task_id): Path<String>) -> Result<Json<TaskStatus>, ApiError> {
    let messages = super::task(&app.road, &task_id).await?;
    Ok(Json(summary(task_id, &messages)))
}

fn summary(task_id: String, messages: &[Message]) -> TaskStatus {
    let time = |pick: fn(&Message) -> Option<Timestamp>| messages.iter().filter_map(pick).min();
    let delivered = time(|message| message.times.delivered);
    TaskStatus {
        task_id,
        status: state(messages.iter().map(standing)),
        result: TaskResult {
            message_id: messages.iter().find_map(|message| message.provider_id.clone()),
            delivered: delivered.is_some(),
            delivery_time: delivered,
            error: messages.iter().filter(|_| delivered.is_none()).find_map(|message| message.reason.clone()),
        },
        created: time(|message| Some(message.times.created)).unwrap_or_default(),
        started: time(|message| message.times.started),
        succeeded: delivered,
        fallback_used: messages.iter().any(|message| message.asked.is_some()),
        messages: messages
            .iter()
            .map(|message| PartStatus {
                id: message.id.to_string(),
                channel: message.channel,
                status: message.status,
                reason: message.reason.clone(),
                instead_of: message.instead_of.map(|id| id.to_string()),
                held_until: message.hold().map(|hold| hold.until),
                held_because: message.hold().map(|hold| hold.because.to_owned()),
            })
            .collect(),
    }
}

/// Where one message stands. One that ended while something is still to be sent instead is on its way to another try.
fn standing(message: &Message) -> TaskState {
    let is_mended = is_mendable(message.status, message.reason.as_deref()) && message.has_fallback();
    if is_mended && message.times.due.is_some() { TaskState::Retry } else { of(message.status) }
}

fn of(status: Status) -> TaskState {
    match status {
        Status::Accepted | Status::Scheduled | Status::Held => TaskState::Pending,
        Status::Sending | Status::Sent => TaskState::Started,
        Status::Uncertain | Status::Retrying => TaskState::Retry,
        Status::Delivered | Status::Received => TaskState::Success,
        Status::Undelivered | Status::Failed | Status::Blocked | Status::Expired => TaskState::Failure,
        Status::Cancelled => TaskState::Revoked,
    }
}

/// A task has ended when all its messages have: well, if any arrived. Before that it is as far as its slowest message,
/// but begun once any has.
fn state(standings: impl Iterator<Item = TaskState>) -> TaskState {
    let states: Vec<TaskState> = standings.collect();
    let any = |state| states.contains(&state);
    if any(TaskState::Retry) {
        TaskState::Retry
    } else if any(TaskState::Started) {
        TaskState::Started
    } else if any(TaskState::Pending) {
        let begun = states.iter().any(|state| *state != TaskState::Pending);
        if begun { TaskState::Started } else { TaskState::Pending }
    } else if any(TaskState::Success) {
        TaskState::Success
    } else if any(TaskState::Failure) {
        TaskState::Failure
    } else {
        TaskState::Revoked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_word() {
        use Status::*;
        let words = [
            (Accepted, TaskState::Pending),
            (Sending, TaskState::Started),
            (Sent, TaskState::Started),
            (Retrying, TaskState::Retry),
            (Delivered, TaskState::Success),
            (Undelivered, TaskState::Failure),
            (Blocked, TaskState::Failure),
            (Cancelled, TaskState::Revoked),
        ];
        for (status, word) in words {
            assert_eq!(of(status), word, "{status}");
            assert_eq!(state([word].into_iter()), word, "{status}");
        }
        assert_eq!(serde_json::to_value(TaskState::Revoked).unwrap(), "REVOKED");
    }

    #[test]
    fn what_ended_in_vain_is_tried_again_only_if_something_is_sent_instead() {
        let now = Timestamp::UNIX_EPOCH;
        // Its own worker looks at it once more, whatever there is to send.
        let mut message = Message { status: Status::Undelivered, ..switchboard::testing::sample_message(now) };
        message.times.due = Some(now);
        assert_eq!(standing(&message), TaskState::Failure);
        message.fallback_to = vec![Channel::Email];
        assert_eq!(standing(&message), TaskState::Retry);
        let said_no = Message { reason: Some("opted_out".to_owned()), ..message.clone() };
        assert_eq!(standing(&said_no), TaskState::Failure);
        message.times.due = None;
        assert_eq!(standing(&message), TaskState::Failure, "its own state says what came of that");
    }

    #[test]
    fn a_task_on_two_channels_succeeds_when_one_arrived_and_none_is_under_way() {
        use Status::*;
        let of_all = |statuses: &[Status]| state(statuses.iter().copied().map(of));
        assert_eq!(of_all(&[Delivered, Blocked]), TaskState::Success);
        assert_eq!(of_all(&[Delivered, Sent]), TaskState::Started);
        assert_eq!(of_all(&[Delivered, Retrying]), TaskState::Retry);
        assert_eq!(of_all(&[Accepted, Delivered]), TaskState::Started);
        assert_eq!(of_all(&[Failed, Cancelled]), TaskState::Failure);
    }
}
