//! A message that ended without arriving: what is to be sent instead is made, once.

use switchboard::message::Message;
use switchboard::message::fallback::is_mendable;

use crate::step::Done;
use crate::{App, StepError};

pub(crate) async fn take(app: &App, message: &Message) -> Result<Done, StepError> {
    if message.times.due.is_none() {
        return Ok(Done::nothing("ended"));
    }
    let mut outcome = "ended";
    if is_mendable(message.status, message.reason.as_deref())
        && let Some(instead) = app.road.fall_back(message, app.providers.secrets(message).await?).await?
    {
        tracing::info!(message.id = %message.id, message.instead = %instead, "falls back");
        outcome = "fell_back";
    }
    app.road.messages.done_with(message).await?;
    Ok(Done::nothing(outcome))
}
