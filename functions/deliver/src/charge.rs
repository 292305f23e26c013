//! A call that is over is charged for the time it took: it was accepted, and counted against its budgets, at one minute.
//!
//! The row is written first, by one worker; a crash right after it leaves the budget's sum short of one call, which a guard can
//! bear. The row, which is what costs are reported by, is exact.

use switchboard::message::{Message, Micros};
use switchboard::telemetry;

use crate::step::Done;
use crate::{App, StepError};

pub(crate) async fn take(app: &App, message: &Message) -> Result<Done, StepError> {
    if message.times.due.is_none() {
        return Ok(Done::nothing("ended"));
    }
    let seconds = message.call.as_ref().and_then(|call| call.seconds).unwrap_or_default();
    // By what a minute costs, so that a call that comes again is not charged twice.
    let cost = message.estimate.for_seconds(seconds);
    if !app.road.messages.charged(message, cost).await? {
        return Ok(Done::nothing("taken"));
    }
    let more = Micros::new(cost.get().saturating_sub(message.cost.get()));
    if more == Micros::default() {
        return Ok(Done::nothing("ended"));
    }
    app.budget.add(message, more, app.road.clock.now()).await;
    telemetry::count("calls_charged", 1);
    Ok(Done::nothing("charged"))
}
