//! A message's place in its sender's line, and lines that stand still because the provider throttles their sender.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use switchboard::clock::{from_millis, plus_seconds};
use switchboard::message::{Lane, Message, Status};
use switchboard::person::Decision;
use switchboard::provider::pacing::{THROTTLED, throttle_key};
use switchboard::road::timing::delay;
use switchboard::telemetry;
use tokio::sync::Mutex;

use crate::App;
use crate::attempt::random;

/// Why a message waits for its place.
pub(crate) const REASON: &str = "sender_pace";

/// A place this near is waited for where we are; one further off in the table.
const NEAR: Duration = Duration::from_millis(300);

/// How long a line stands still when the provider turned somebody away and did not say for how long.
const STANDSTILL_SECONDS: i64 = 1;

/// How long a reading of whether a sender is throttled is believed, in milliseconds.
const BELIEVED_MS: i64 = 1_000;

/// How many senders are remembered. More than that are asked about more often.
const MOST_KNOWN: usize = 1_000;

/// The most by which the messages of a throttled sender come apart again, in milliseconds.
const SPREAD_MS: f64 = 2_000.0;

/// The senders that are throttled, as far as this process knows.
#[derive(Debug, Default)]
pub(crate) struct Throttles(Mutex<HashMap<String, Throttle>>);

#[derive(Clone, Copy, Debug)]
struct Throttle {
    until: Option<Timestamp>,
    read: Timestamp,
}

impl Throttles {
    /// Until when a sender is throttled, if it is now. A store that does not answer is no reason to send nothing.
    async fn of(&self, app: &App, key: &str, now: Timestamp) -> Option<Timestamp> {
        // Held while the store is asked: of the messages of a batch one asks, and the others wait for its answer.
        let mut known = self.0.lock().await;
        let in_force = |throttle: &Throttle| throttle.until.filter(|until| *until > now);
        if let Some(throttle) = known.get(key)
            && (in_force(throttle).is_some() || now.as_millisecond() - throttle.read.as_millisecond() < BELIEVED_MS)
        {
            return in_force(throttle);
        }
        let read = app.road.ephemera.throttled_until(key).await;
        let until = read.inspect_err(|error| tracing::warn!(error = %error, "throttles not asked")).ok()?;
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        let throttle = Throttle { until, read: now };
        known.insert(key.to_owned(), throttle);
        in_force(&throttle)
    }

    /// Notes that a sender is throttled. `false`: it was known to be for about as long, and the others were told.
    async fn note(&self, key: &str, until: Timestamp, now: Timestamp) -> bool {
        let mut known = self.0.lock().await;
        let last = known.get(key).and_then(|throttle| throttle.until);
        known.insert(key.to_owned(), Throttle { until: Some(last.map_or(until, |last| last.max(until))), read: now });
        last.is_none_or(|last| until.as_millisecond() - last.as_millisecond() >= STANDSTILL_SECONDS * 1_000)
    }
}

/// `Some`: the provider throttles the message's sender, and the decision says until when it waits. One that another provider may
/// take does not.
pub(crate) async fn hold_throttled(
    app: &App,
    message: &Message,
    decision: &Decision,
    now: Timestamp,
) -> Option<Decision> {
    let key = throttle_key(message.provider, message.channel, message.from.as_deref(), message.lane)?;
    let until = app.throttles.of(app, &key, now).await?;
    if app.routing.may_go_elsewhere(&app.road, message).await {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "at most two seconds")]
    let spread = (random() * SPREAD_MS) as i64;
    let until = from_millis(until.as_millisecond().saturating_add(spread));
    Some(decision.clone().held("pace", THROTTLED, until))
}

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

/// The provider turned a message away because too many came: nobody else of its sender's need try before.
pub(crate) async fn stand_still(app: &App, message: &Message, asked: Option<Duration>, now: Timestamp) {
    let seconds =
        asked.map_or(STANDSTILL_SECONDS, |asked| i64::try_from(asked.as_secs()).unwrap_or(STANDSTILL_SECONDS));
    let until = plus_seconds(now, seconds.max(1));
    // Whatever lane it came by: those that heed it are the others.
    let key = throttle_key(message.provider, message.channel, message.from.as_deref(), Lane::Standard);
    if let Some(key) = key {
        // All that were under way are turned away at once; the others need to be told once.
        if !app.throttles.note(&key, until, now).await {
            return;
        }
        if let Err(error) = app.road.ephemera.throttle(&key, until).await {
            tracing::warn!(error = %error, "other workers do not know that a sender is throttled");
        }
    }
    let Some(queue) = app.paces.queue(message.provider, message.channel, message.from.as_deref(), message.lane) else {
        return;
    };
    if let Err(error) = app.road.ephemera.stand_still(&queue, until, now).await {
        tracing::warn!(error = %error, "the line was not stopped");
    }
}

#[cfg(test)]
mod tests {
    use switchboard::clock::Clock;
    use switchboard::message::record::ProviderChoice;
    use switchboard::provider::pacing::Paces;
    use switchboard::testing::{dead_aws, dead_budgets, dead_jobs, dead_road, sample_message};

    use super::*;
    use crate::{JobStates, Providers, Routing};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    /// An app whose stores do not answer.
    fn app() -> App {
        let road = dead_road(Clock::fixed(NOW)).unwrap();
        let providers = Providers::dead(&dead_aws(), &road).unwrap();
        let jobs = JobStates::new(dead_jobs(&road).0);
        App::new(road, providers, Routing::new(50, 50), Paces::default(), dead_budgets(), jobs)
    }

    #[tokio::test]
    async fn throttled_sender_that_is_not_paced_stands_still() {
        let (app, message) = (app(), sample_message(NOW));
        let held = async |message: &Message, at| hold_throttled(&app, message, &message.decision, at).await;
        assert_eq!(held(&message, NOW).await, None, "a store that does not answer holds nothing");
        stand_still(&app, &message, Some(Duration::from_secs(30)), NOW).await;
        for lane in [Lane::Standard, Lane::Bulk] {
            let decision = held(&Message { lane, ..message.clone() }, NOW).await.unwrap();
            assert_eq!(decision.reason, THROTTLED);
            let until = decision.until.unwrap();
            assert!(until >= plus_seconds(NOW, 30) && until <= plus_seconds(NOW, 32), "{until}");
        }
        assert_eq!(held(&Message { lane: Lane::Urgent, ..message.clone() }, NOW).await, None);
        assert_eq!(held(&Message { from: Some("+15005550006".into()), ..message.clone() }, NOW).await, None);
        assert_eq!(held(&message, plus_seconds(NOW, 30)).await, None);
        // A shorter wait does not shorten the one that is known.
        stand_still(&app, &message, Some(Duration::from_secs(90)), NOW).await;
        stand_still(&app, &message, None, NOW).await;
        assert!(held(&message, plus_seconds(NOW, 80)).await.is_some());
        let fixed = Message { choice: ProviderChoice::Fixed, ..message };
        assert!(held(&fixed, plus_seconds(NOW, 80)).await.is_some());
    }
}
