//! What was recorded in a call stays with the provider until it is deleted there. That is done here with the message itself
//! when that expires, and for somebody who was erased before the recording was told: then nothing of it is left here either.

use switchboard::message::Message;

use crate::step::Done;
use crate::{App, StepError};

/// `None`: there is nothing of the kind.
pub(crate) async fn take(app: &App, message: &Message) -> Result<Option<Done>, StepError> {
    if message.erased.is_none() || message.recordings.is_empty() {
        return Ok(None);
    }
    let recordings: Vec<String> = message.recordings.iter().map(|recording| recording.id.clone()).collect();
    remove(app, &recordings).await?;
    app.road.messages.unrecorded(message).await?;
    Ok(Some(Done::nothing("unrecorded")))
}

/// Deletes recordings at the provider. What is gone is deleted: it may be asked for again.
pub(crate) async fn remove(app: &App, recordings: &[String]) -> Result<(), StepError> {
    for recording in recordings {
        app.providers.recordings.remove(recording).await?;
    }
    Ok(())
}
