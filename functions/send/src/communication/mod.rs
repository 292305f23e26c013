//! `/api/communication/*`: sends by trigger type.

pub mod batch;
pub mod cancel;
mod channels;
pub mod reschedule;
pub mod send;
pub mod status;
pub mod track;
pub mod trigger_types;

use switchboard::http::{ApiError, Caller, Owned};
use switchboard::message::{Message, MessageId};
use switchboard::road::Road;

/// The messages of a task of the caller's, to control them. Another's is not found.
async fn own_task(road: &Road, caller: &Caller, task_id: &str) -> Result<Vec<Owned<Message>>, ApiError> {
    let messages = task(road, task_id).await?;
    messages.into_iter().map(|message| caller.owned(Some(message), task_not_found)).collect()
}

fn task_not_found() -> ApiError {
    ApiError::not_found("Task not found")
}

/// The messages of a task. An id that is none of ours is a task that does not exist.
async fn task(road: &Road, task_id: &str) -> Result<Vec<Message>, ApiError> {
    let id: MessageId = task_id.parse().map_err(|_| task_not_found())?;
    road.task(id).await?.ok_or_else(task_not_found)
}
