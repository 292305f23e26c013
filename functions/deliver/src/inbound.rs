//! A text somebody wrote to us: what follows from it is done, once.

use switchboard::message::Message;
use switchboard::telemetry;

use crate::step::Done;
use crate::{App, StepError};

pub(crate) async fn take(app: &App, message: &Message) -> Result<Done, StepError> {
    if message.times.due.is_none() {
        return Ok(Done::nothing("received"));
    }
    let attended = app.road.attend(message, app.providers.numbers()).await?;
    let answered = match &attended.answered {
        Ok(id) => id.to_string(),
        Err(why) => why.as_str().to_owned(),
    };
    tracing::info!(message.id = %message.id, heeded = attended.heeded.as_str(), answered, "attended to");
    telemetry::count("inbound_attended", 1);
    Ok(Done::nothing("attended"))
}
