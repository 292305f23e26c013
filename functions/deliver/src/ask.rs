//! A message the provider took and never reported on: callbacks get lost, so it is asked.

use switchboard::message::Message;
use switchboard::road::Applied;
use switchboard::store::messages::{Reported, first_ask};

use crate::step::Done;
use crate::{App, StepError};

pub(crate) async fn take(app: &App, message: &Message) -> Result<Done, StepError> {
    let Some(provider_id) = &message.provider_id else { return Ok(Done::nothing("unreported")) };
    // A record that came twice, or late: the sweep asks when it is time.
    let now = app.road.clock.now();
    let is_time = message.looks > 0 || message.times.sent.is_some_and(|sent| first_ask(sent) <= now);
    let asked_for = message.times.due.is_some() && is_time;
    if !asked_for {
        return Ok(Done::nothing("sent already"));
    }
    let report = match app.providers.fetch(message, provider_id).await {
        Ok(Some(report)) => report,
        Ok(None) => return Ok(Done::nothing("unreported")),
        Err(error) => {
            tracing::warn!(message.id = %message.id, error = %error, "the provider could not be asked");
            return Ok(Done::nothing("unreported"));
        }
    };
    let applied = app.road.apply(&report).await?;
    // In this order: what is only half done is asked for again, since it has not ended.
    let applied = match report.arrival() {
        Some(arrival) => app.road.apply(&arrival).await?,
        None => applied,
    };
    match applied {
        Applied::Reached(_, Reported::Moved(status)) => Ok(Done::nothing(status.as_str())),
        Applied::Reached(..) | Applied::Unmatched | Applied::Ignored => Ok(Done::nothing("unreported")),
    }
}
