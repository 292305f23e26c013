//! What was recorded in a call of somebody who was erased meanwhile, told too late for their erasure: it is deleted where it
//! is kept, and then nothing of it is left here either.

use switchboard::message::Message;

use crate::step::Done;
use crate::{App, StepError};

/// `None`: there is nothing of the kind.
pub(crate) async fn take(app: &App, message: &Message) -> Result<Option<Done>, StepError> {
    if message.erased.is_none() || message.recordings.is_empty() {
        return Ok(None);
    }
    for recording in &message.recordings {
        app.providers.recordings.remove(&recording.id).await?;
    }
    app.road.messages.unrecorded(message).await?;
    Ok(Some(Done::nothing("unrecorded")))
}
