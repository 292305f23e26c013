//! One message's next step, by its status.

use std::time::{Duration, SystemTime};

use switchboard::message::{Lane, Message, MessageId, Status};
use switchboard::provider::ProviderName;
use switchboard::telemetry::DeliveryMetrics;

use crate::room::NoRoom;
use crate::{App, StepError, ask, attempt, charge, follow, inbound, recordings, resolve};

/// When a message comes again for which there was no room.
const AGAIN: Duration = Duration::from_secs(5);

/// What a step did, for the log and the metrics.
#[derive(Debug)]
pub(crate) struct Done {
    /// `sent`, `retrying`, `uncertain`, `failed`, `blocked`, or why nothing was done: `waiting`, `taken`, `ended` …
    pub(crate) outcome: &'static str,
    /// Whom it was sent through, where it was.
    pub(crate) provider: Option<ProviderName>,
    /// How long the provider took to answer, in milliseconds.
    pub(crate) provider_call: Option<f64>,
    /// From accept, or the time it was due, to the provider's answer, in milliseconds.
    pub(crate) accept_to_provider: Option<f64>,
}

impl Done {
    pub(crate) fn nothing(outcome: &'static str) -> Self {
        Self { outcome, provider: None, provider_call: None, accept_to_provider: None }
    }
}

/// Takes a message one step further.
pub(crate) async fn take(app: &App, id: MessageId) -> Result<(), StepError> {
    let Some(stored) = app.road.messages.find(id).await? else {
        tracing::warn!(message.id = %id, "queued, but not in the table: it was erased or has expired");
        return Ok(());
    };
    let _room = match app.room.take(&stored).await {
        Ok(room) => room,
        Err(NoRoom) => {
            let lane = stored.lane().unwrap_or(Lane::Standard);
            return Ok(app.road.queues.enqueue(lane, id, AGAIN).await?);
        }
    };
    let message = app.road.messages.open_whole(stored).await?;
    if let Some(done) = recordings::take(app, &message).await? {
        tell(&message, &done);
        return Ok(());
    }
    let done = match message.status {
        Status::Accepted | Status::Scheduled | Status::Held | Status::Retrying => attempt::take(app, &message).await?,
        Status::Sending | Status::Uncertain => resolve::take(app, &message).await?,
        Status::Sent => ask::take(app, &message).await?,
        Status::Undelivered | Status::Failed | Status::Blocked | Status::Cancelled | Status::Expired => {
            follow::take(app, &message).await?
        }
        Status::Received => inbound::take(app, &message).await?,
        Status::Delivered => charge::take(app, &message).await?,
    };
    tell(&message, &done);
    Ok(())
}

fn tell(message: &Message, done: &Done) {
    let provider = done.provider.unwrap_or(message.provider).as_str();
    tracing::info!(
        message.id = %message.id,
        provider.name = provider,
        message.channel = message.channel.as_str(),
        message.lane = message.lane.as_str(),
        message.attempts = message.attempts,
        outcome = done.outcome,
        duration_ms = done.provider_call,
        "step"
    );
    DeliveryMetrics {
        timestamp: SystemTime::now(),
        provider,
        channel: message.channel.as_str(),
        outcome: done.outcome,
        messages: 1,
        provider_call: done.provider_call,
        accept_to_provider: done.accept_to_provider,
    }
    .emit();
}
