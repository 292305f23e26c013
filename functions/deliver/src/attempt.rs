//! One attempt to send: decide, take a place, claim, call, record. Only who made the claim calls, and a call is made once a claim.
//!
//! Nothing slow stands between the decision and the call: whatever took its time (a place in a line, a quota) is followed by another
//! decision, and what is counted for budgets is counted beside the call.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use switchboard::clock::plus_seconds;
use switchboard::message::fallback::is_mendable;
use switchboard::message::{Address, Message, Micros, Status};
use switchboard::person::Decision;
use switchboard::provider::SendError;
use switchboard::provider::call::CALL_TIMEOUT;
use switchboard::provider::error::LATE;
use switchboard::road::EXPIRED;
use switchboard::road::timing::{delay, plan};
use switchboard::store::messages::Then;

use crate::decide::{End, Verdict, decide};
use crate::outcome::{given_up, outcome, record, waiting};
use crate::quota::{self, Places};
use crate::step::Done;
use crate::{App, StepError, budget, follow, pace, resolve};

/// How long a claim is held. Three times a provider call's longest: while it lasts nobody else asks what became of it.
const LEASE_SECONDS: i64 = 30;

/// How old a decision may be when the claim is made.
const FRESH: Duration = Duration::from_millis(200);

pub(crate) async fn take(app: &App, message: &Message) -> Result<Done, StepError> {
    let now = app.road.clock.now();
    if let Some(at) = message.times.not_before.filter(|at| *at > now) {
        // A record from before it was put off. What is due later than a record can wait, the sweep brings.
        if let Some(pause) = plan(at, now).delay {
            app.road.queues.enqueue_message(message, pause).await?;
        }
        return Ok(Done::nothing("waiting"));
    }
    if message.times.unsure.is_some_and(|since| resolve::is_forgotten(since, now)) {
        // The provider may not know it again: sent now, it could arrive twice.
        let outcome = record(app, message, message.attempts, &given_up(), now).await?;
        return Ok(Done::nothing(outcome));
    }
    let decided = Instant::now();
    let (decision, person) = match decide(app, message, now).await? {
        Verdict::Send(decision, person) => (decision, person),
        Verdict::Hold(decision) => return hold(app, message, &decision, now).await,
        Verdict::Readdress(to) => return readdress(app, message, to, now).await,
        Verdict::End(end) => return stop(app, message, &end, now).await,
    };
    let mut ready = app.routing.prepare(&app.road, message, decision).await;
    let (before, message) = (message, &ready);
    if let Some(held) = budget::hold(app, before, message, &message.decision, now).await {
        return hold(app, message, &held, now).await;
    }
    let places = match quota::take(&app.road, message, person.as_deref(), &message.decision, now).await? {
        Ok(places) => places,
        Err(decision) => return hold(app, message, &decision, now).await,
    };
    let now = app.road.clock.now();
    if decided.elapsed() > FRESH
        && let Some(done) = changed_its_mind(app, before, message, &places, now).await?
    {
        return Ok(done);
    }
    let lease = plus_seconds(now, LEASE_SECONDS);
    if !app.road.messages.claim(message, &message.decision, lease, now).await? {
        return Ok(Done::nothing("taken"));
    }
    ready.times.claimed = Some(now);
    ready.times.started.get_or_insert(now);
    let (done, ()) = futures::join!(call(app, &ready, lease), app.budget.settle(before, &ready, now));
    done
}

/// Decides once more. `Some`: it does not go now after all, and its places are given back. Whom the message leaves out has been
/// decided with its provider; somebody who has said no since is left out by a new attempt.
async fn changed_its_mind(
    app: &App,
    before: &Message,
    message: &Message,
    places: &Places,
    now: Timestamp,
) -> Result<Option<Done>, StepError> {
    let verdict = decide(app, before, now).await?;
    let done = match verdict {
        Verdict::Send(decision, _) if decision.left_out().eq(message.decision.left_out()) => return Ok(None),
        Verdict::Send(decision, _) => {
            let until = plus_seconds(now, 1);
            hold(app, before, &decision.held("recipients", "recipients_changed", until), now).await?
        }
        Verdict::Hold(decision) => hold(app, before, &decision, now).await?,
        Verdict::Readdress(to) => readdress(app, before, to, now).await?,
        Verdict::End(end) => stop(app, before, &end, now).await?,
    };
    places.give_back(&app.road, message).await;
    tracing::debug!(message.id = %message.id, "decided otherwise right before it was sent");
    Ok(Some(done))
}

/// Gives a message the address its person has now; it is attempted there at once. Everything is decided about the new address then.
async fn readdress(app: &App, message: &Message, to: Address, now: Timestamp) -> Result<Done, StepError> {
    let Some(changed) = app.road.messages.readdress(message, to, now).await? else {
        return Ok(Done::nothing("taken"));
    };
    if message.attempts > 0 {
        app.budget.settle(message, &changed, now).await;
    }
    if let Err(error) = app.road.queues.enqueue_message(message, Duration::ZERO).await {
        tracing::error!(message.id = %message.id, error = %error, "readdressed but not queued; the sweep will queue it");
    }
    Ok(Done::nothing("readdressed"))
}

/// Ends a message that must not be sent; one that its provider may have is only not sent again. If that is for its address alone, which
/// nothing can arrive at, something else may be sent instead.
async fn stop(app: &App, message: &Message, end: &End, now: Timestamp) -> Result<Done, StepError> {
    let End { to, reason, decision } = end;
    if message.times.unsure.is_some() {
        let settled = waiting(format!("it may have been taken, and is not sent again: {reason}"), now);
        return Ok(Done::nothing(record(app, message, message.attempts, &settled, now).await?));
    }
    let mends = message.has_fallback() && is_mendable(*to, Some(reason));
    let due = plan(now, now).due;
    let then = if mends || message.attempts > 0 { Then::FollowUp { due } } else { Then::Nothing };
    if !app.road.messages.end(message, *to, reason, decision.as_ref(), &then, now).await? {
        return Ok(Done::nothing("taken"));
    }
    if matches!(then, Then::FollowUp { .. }) {
        let refund = if message.attempts > 0 { message.cost } else { Micros::default() };
        let mut ended = Message { status: *to, reason: Some(reason.clone()), refund, ..message.clone() };
        ended.times.due = Some(due);
        follow::at_once(app, &ended).await;
    }
    Ok(Done::nothing(to.as_str()))
}

/// Lets a message wait as the decision asks; one that would be worthless by then ends now, and the decision says why.
async fn hold(app: &App, message: &Message, decision: &Decision, now: Timestamp) -> Result<Done, StepError> {
    let until = decision.until.unwrap_or_else(|| plus_seconds(now, 60));
    if message.times.valid_until.is_some_and(|valid| valid <= until) {
        let end = End { to: Status::Expired, reason: EXPIRED.to_owned(), decision: Some(decision.clone()) };
        return stop(app, message, &end, now).await;
    }
    let plan = plan(until, now);
    if !app.road.messages.hold(message, decision, until, plan.due, now).await? {
        return Ok(Done::nothing("taken"));
    }
    if let Some(pause) = plan.delay
        && let Err(error) = app.road.queues.enqueue_message(message, pause).await
    {
        tracing::error!(message.id = %message.id, error = %error, "held but not queued; the sweep will queue it");
    }
    Ok(Done::nothing("held"))
}

/// Calls the provider and records its answer. The claim is ours.
async fn call(app: &App, message: &Message, lease: Timestamp) -> Result<Done, StepError> {
    let attempt = message.attempts + 1;
    let started = Instant::now();
    let answer = if in_time(app.road.clock.now(), lease) {
        app.providers.send(message).await
    } else {
        // The claim took so long that it might run out during the call. Nothing was sent.
        Err(SendError::Transient {
            provider_code: LATE.to_owned(),
            reason: "claimed too late".to_owned(),
            retry_after: None,
        })
    };
    let took = started.elapsed();
    let now = app.road.clock.now();
    let throttled = if let Err(SendError::Throttled { retry_after, .. }) = &answer { Some(*retry_after) } else { None };
    let answer = app.routing.weigh(&app.road, message, answer, took).await;
    let sent = answer.is_ok();
    let settled = outcome(answer, message, attempt, now);
    let outcome = record(app, message, attempt, &settled, now).await?;
    if let Some(asked) = throttled {
        pace::stand_still(app, message, asked, now).await;
    }
    let due = message.times.not_before.unwrap_or(message.times.created);
    #[expect(clippy::cast_precision_loss, reason = "a duration in milliseconds")]
    let waited = (now.as_millisecond() - due.as_millisecond()) as f64;
    let provider_call = Some(took.as_secs_f64() * 1000.0);
    Ok(Done { outcome, provider: Some(message.provider), provider_call, accept_to_provider: sent.then_some(waited) })
}

/// Whether a call begun now ends before the claim does.
fn in_time(now: Timestamp, lease: Timestamp) -> bool {
    delay(lease, now) > CALL_TIMEOUT
}

/// Uniform in 0 to 1.
pub(crate) fn random() -> f64 {
    let mut bytes = [0; 4];
    match aws_lc_rs::rand::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_be_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_not_begun_that_could_outlast_the_claim() {
        const NOW: Timestamp = Timestamp::UNIX_EPOCH;
        let lease = plus_seconds(NOW, LEASE_SECONDS);
        assert!(in_time(NOW, lease));
        assert!(!in_time(plus_seconds(NOW, 20), lease));
        assert!(!in_time(plus_seconds(NOW, 40), lease));
    }
}
