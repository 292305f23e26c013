//! What was recorded in a call stays with the provider until it is deleted there. That is done here with the message itself
//! when that expires, and for somebody who was erased before the recording was told: then nothing of it is left here either.

use switchboard::message::Message;

use crate::step::Done;
use crate::{App, StepError};

/// `None`: there is nothing of the kind (any more), and the message's own step may be due.
pub(crate) async fn take(app: &App, message: &Message) -> Result<Option<Done>, StepError> {
    if message.erased.is_none() || message.recordings.is_empty() {
        return Ok(None);
    }
    let recordings: Vec<String> = message.recordings.iter().map(|recording| recording.id.clone()).collect();
    remove(app, &recordings).await?;
    let is_all = app.road.messages.unrecorded(message).await?;
    Ok((!(is_all && message.status.may_cost_else())).then(|| Done::nothing("unrecorded")))
}

/// Deletes recordings at the provider. What is gone is deleted: it may be asked for again.
pub(crate) async fn remove(app: &App, recordings: &[String]) -> Result<(), StepError> {
    for recording in recordings {
        app.providers.recordings.remove(recording).await?;
    }
    Ok(())
}
