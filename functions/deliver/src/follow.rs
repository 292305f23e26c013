//! What follows from a message's end, done once and again if the worker dies: the address is not used any more, another message goes
//! instead, and what was counted for it is given back. All of it follows from the row; [`Messages::done_with`] ends it.
//!
//! [`Messages::done_with`]: switchboard::store::messages::Messages::done_with

use std::time::Duration;

use switchboard::message::fallback::{OUTCOME_UNKNOWN, is_mendable};
use switchboard::message::{Message, Micros, Status};
use switchboard::provider::PermanentKind;
use switchboard::store::StoreError;
use switchboard::telemetry;

use crate::step::Done;
use crate::{App, StepError, quota};

pub(crate) async fn take(app: &App, message: &Message) -> Result<Done, StepError> {
    if message.times.due.is_none() {
        return Ok(Done::nothing("ended"));
    }
    let mut outcome = "ended";
    if message.erased.is_none() {
        learn(app, message).await?;
        if is_mendable(message.status, message.reason.as_deref())
            && let Some(instead) = app.road.fall_back(message, app.providers.secrets(message).await?).await?
        {
            tracing::info!(message.id = %message.id, message.instead = %instead, "falls back");
            outcome = "fell_back";
        } else if went_nowhere(message) {
            quota::give_back(app, message).await?;
        }
    }
    // The row first, by one worker. A crash right after it leaves a budget's sum a little too high, which a guard can bear.
    if app.road.messages.done_with(message).await? && message.refund > Micros::default() {
        app.budget.give_back(message, message.refund, app.road.clock.now()).await;
        telemetry::count("messages_refunded", 1);
    }
    Ok(Done::nothing(outcome))
}

/// The same right after the end was recorded. If it fails, a record brings the message again, or the sweep.
pub(crate) async fn at_once(app: &App, ended: &Message) {
    let Err(cause) = take(app, ended).await else { return };
    tracing::error!(message.id = %ended.id, error = %cause, "what follows from an end was not done; it comes again");
    if let Err(error) = app.road.queues.enqueue_message(ended, Duration::from_secs(5)).await {
        tracing::error!(message.id = %ended.id, error = %error, "next step not queued; the sweep will queue it");
    }
}

/// It reached nobody, and nothing is sent instead: its places in quotas are free again.
fn went_nowhere(message: &Message) -> bool {
    match message.status {
        Status::Failed => message.reason.as_deref() != Some(OUTCOME_UNKNOWN),
        Status::Blocked | Status::Cancelled | Status::Expired => true,
        Status::Accepted
        | Status::Scheduled
        | Status::Held
        | Status::Sending
        | Status::Uncertain
        | Status::Retrying
        | Status::Sent
        | Status::Delivered
        | Status::Undelivered
        | Status::Received => false,
    }
}

/// What a refusal says of the address is remembered: whoever said no to the provider said no to us.
async fn learn(app: &App, message: &Message) -> Result<(), StoreError> {
    if message.status != Status::Failed {
        return Ok(());
    }
    let Some(Ok(kind)) = message.reason.as_deref().map(str::parse::<PermanentKind>) else { return Ok(()) };
    let target = app.road.people.target(&message.to);
    // As of when it was asked to send: they may have said otherwise since.
    let at = message.times.claimed.unwrap_or_else(|| app.road.clock.now());
    app.road.learn(&target, message.channel, kind, message.provider, at).await
}
