//! `/api/communication/*`: sends by trigger type.

pub mod batch;
pub mod cancel;
mod channels;
pub mod reschedule;
pub mod send;
pub mod status;
pub mod track;
pub mod trigger_types;

use switchboard::http::ApiError;
use switchboard::message::{Message, MessageId};
use switchboard::road::Road;

/// The messages of a task. An id that is none of ours is a task that does not exist.
async fn task(road: &Road, task_id: &str) -> Result<Vec<Message>, ApiError> {
    let not_found = || ApiError::not_found("Task not found");
    let id: MessageId = task_id.parse().map_err(|_| not_found())?;
    road.task(id).await?.ok_or_else(not_found)
}
