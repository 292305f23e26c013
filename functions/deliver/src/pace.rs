//! A message's place in its sender's line.

use std::time::Duration;

use jiff::Timestamp;
use switchboard::clock::plus_seconds;
use switchboard::message::{Message, Status};
use switchboard::person::Decision;
use switchboard::road::timing::delay;
use switchboard::telemetry;

use crate::App;

/// Why a message waits for its place.
pub(crate) const REASON: &str = "sender_pace";

/// A place this near is waited for where we are; one further off in the table.
const NEAR: Duration = Duration::from_millis(300);

/// How long a line stands still when the provider turned somebody away and did not say for how long.
const STANDSTILL_SECONDS: i64 = 1;

/// Reserves the message's place, once. `Some`: it has to wait for it, and the decision says until when. `before`: the message
/// as it came, with the decision it waited by.
pub(crate) async fn wait(
    app: &App,
    before: &Message,
    message: &Message,
    decision: &Decision,
    now: Timestamp,
) -> Option<Decision> {
    // It had its place in this line, and its time came.
    if before.status == Status::Held && before.decision.reason == REASON && before.provider == message.provider {
        return None;
    }
    let queue = app.paces.queue(message.provider, message.channel, message.from.as_deref(), message.lane)?;
    let place = match app.road.ephemera.reserve(&queue, now).await {
        Ok(place) => place,
        // How fast is no reason to send nothing: the provider turns away what is too much.
        Err(error) => {
            tracing::warn!(error = %error, "no place reserved, sent at once");
            telemetry::count("pace_unavailable", 1);
            return None;
        }
    };
    let wait = delay(place, now);
    if wait > NEAR {
        return Some(decision.clone().held("pace", REASON, place));
    }
    tokio::time::sleep(wait).await;
    None
}

/// The provider turned a message away for being too busy: nobody else of its line need try before.
pub(crate) async fn stand_still(app: &App, message: &Message, asked: Option<Duration>, now: Timestamp) {
    let Some(queue) = app.paces.queue(message.provider, message.channel, message.from.as_deref(), message.lane) else {
        return;
    };
    let seconds =
        asked.map_or(STANDSTILL_SECONDS, |asked| i64::try_from(asked.as_secs()).unwrap_or(STANDSTILL_SECONDS));
    if let Err(error) = app.road.ephemera.stand_still(&queue, plus_seconds(now, seconds.max(1)), now).await {
        tracing::warn!(error = %error, "the line was not stopped");
    }
}
