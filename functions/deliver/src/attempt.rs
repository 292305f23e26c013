//! One attempt to send: decide, take a place, claim, call, record. Only who made the claim calls, and a call is made once a claim.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use switchboard::clock::plus_seconds;
use switchboard::message::fallback::is_mendable;
use switchboard::message::record::ERASED;
use switchboard::message::{Message, Status};
use switchboard::person::{Decision, Outcome};
use switchboard::provider::call::CALL_TIMEOUT;
use switchboard::provider::error::LATE;
use switchboard::provider::{Accepted, PermanentKind, SendError};
use switchboard::road::EXPIRED;
use switchboard::road::timing::{Patience, delay, plan, retry_at};
use switchboard::store::StoreError;
use switchboard::store::messages::{Costs, Settled, Then, Untaken};

use crate::jobs::{CANCELLED, PAUSED, Wish};
use crate::quota::{self, Places};
use crate::step::Done;
use crate::{App, StepError, budget, pace};

/// How long a claim is held. Three times a provider call's longest: while it lasts nobody else asks what became of it.
const LEASE_SECONDS: i64 = 30;

/// How long a message of a stopped caller waits before it is asked about again.
const STOPPED_SECONDS: i64 = 300;

/// How long after a call of unknown outcome the provider is asked: it may still be working on it.
const FIRST_QUESTION_SECONDS: i64 = 15;

pub(crate) async fn take(app: &App, message: &Message) -> Result<Done, StepError> {
    let now = app.road.clock.now();
    if let Some(at) = message.times.not_before.filter(|at| *at > now) {
        // A record from before it was put off. What is due later than a record can wait, the sweep brings.
        if let Some(pause) = plan(at, now).delay {
            app.road.queues.enqueue(message.lane, message.id, pause).await?;
        }
        return Ok(Done::nothing("waiting"));
    }
    if let Some(until) = message.times.valid_until.filter(|until| *until <= now) {
        tracing::debug!(message.id = %message.id, until = %until, "worthless by now");
        return end(app, message, Status::Expired, EXPIRED, None, now).await;
    }
    let wish = app.jobs.wish(message, now).await?;
    if wish == Wish::End {
        return end(app, message, Status::Cancelled, CANCELLED, None, now).await;
    }
    let person = match &message.person {
        Some(id) => app.road.people.get(id).await?,
        None => None,
    };
    if person.as_ref().is_some_and(|person| person.erasing.is_some()) {
        return end(app, message, Status::Cancelled, ERASED, None, now).await;
    }
    let decision = app.road.decide(&message.intent(now), person.as_ref()).await?.still_without(&message.decision);
    let decision = app.road.within_window(&message.intent(now), &message.content, decision).await;
    let decision = match wish {
        Wish::WaitUntil(until) if decision.is_allowed() => decision.held("job", PAUSED, until),
        Wish::WaitUntil(_) | Wish::Go | Wish::End => decision,
    };
    let decision = match app.road.controls.stopped(&message.caller, message.channel, now).await? {
        Some(reason) if decision.is_allowed() => {
            decision.held("kill_switch", reason, plus_seconds(now, STOPPED_SECONDS))
        }
        Some(_) | None => decision,
    };
    match decision.outcome {
        Outcome::Allowed => {}
        Outcome::Held => return hold(app, message, &decision, now).await,
        Outcome::Refused => {
            return refuse(app, message, &decision, now).await;
        }
    }
    let decision = app.road.without_unwilling(&message.intent(now), &message.content, decision).await?;
    let (before, message) = (message, &app.routing.prepare(&app.road, message, decision).await);
    if let Some(held) = budget::hold(app, before, message, &message.decision, now).await {
        return hold(app, message, &held, now).await;
    }
    let places = match quota::take(&app.road, message, person.as_ref(), &message.decision, now).await? {
        Ok(places) => places,
        Err(decision) => return hold(app, message, &decision, now).await,
    };
    let now = app.road.clock.now();
    let lease = plus_seconds(now, LEASE_SECONDS);
    if !app.road.messages.claim(message, &message.decision, lease, now).await? {
        return Ok(Done::nothing("taken"));
    }
    app.budget.settle(before, message, now).await;
    call(app, message, lease, places).await
}

/// Ends a message nobody claimed.
async fn end(
    app: &App,
    message: &Message,
    to: Status,
    reason: &str,
    decision: Option<&Decision>,
    now: Timestamp,
) -> Result<Done, StepError> {
    let ended = app.road.messages.end(message, to, reason, decision, &Then::Nothing, now).await?;
    Ok(Done::nothing(if ended { to.as_str() } else { "taken" }))
}

/// Ends a message that must not be sent. If that is for its address alone, which nothing can arrive at, the record comes
/// again and sees to what is to be sent instead.
async fn refuse(app: &App, message: &Message, decision: &Decision, now: Timestamp) -> Result<Done, StepError> {
    let (to, reason) = (Status::Blocked, decision.reason.as_str());
    if !message.has_fallback() || !is_mendable(to, Some(reason)) {
        return end(app, message, to, reason, Some(decision), now).await;
    }
    let then = Then::Fallback { due: plan(now, now).due };
    if !app.road.messages.end(message, to, reason, Some(decision), &then, now).await? {
        return Ok(Done::nothing("taken"));
    }
    if let Err(error) = app.road.queues.enqueue(message.lane, message.id, Duration::ZERO).await {
        tracing::error!(message.id = %message.id, error = %error, "next step not queued; the sweep will queue it");
    }
    Ok(Done::nothing(to.as_str()))
}

/// Lets a message wait as the decision asks; one that would be worthless by then ends now, and the decision says why.
async fn hold(app: &App, message: &Message, decision: &Decision, now: Timestamp) -> Result<Done, StepError> {
    let until = decision.until.unwrap_or_else(|| plus_seconds(now, 60));
    if message.times.valid_until.is_some_and(|valid| valid <= until) {
        return end(app, message, Status::Expired, EXPIRED, Some(decision), now).await;
    }
    let plan = plan(until, now);
    if !app.road.messages.hold(message, decision, until, plan.due, now).await? {
        return Ok(Done::nothing("taken"));
    }
    if let Some(pause) = plan.delay
        && let Err(error) = app.road.queues.enqueue(message.lane, message.id, pause).await
    {
        tracing::error!(message.id = %message.id, error = %error, "held but not queued; the sweep will queue it");
    }
    Ok(Done::nothing("held"))
}

/// Calls the provider and records its answer. The claim is ours.
async fn call(app: &App, message: &Message, lease: Timestamp, places: Places) -> Result<Done, StepError> {
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
    if let Err(SendError::Throttled { retry_after, .. }) = &answer {
        pace::stand_still(app, message, *retry_after, now).await;
    }
    let answer = app.routing.weigh(&app.road, message, answer, took).await;
    let sent = answer.is_ok();
    let settled = outcome(answer, message, attempt, now);
    if let Settled::Failed { reason, .. } = &settled {
        learn(app, message, reason, now).await?;
        places.give_back(&app.road, message).await;
    }
    let outcome = record(app, message, attempt, &settled, now).await?;
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

/// What an answer means for the message.
fn outcome(answer: Result<Accepted, SendError>, message: &Message, attempt: u32, now: Timestamp) -> Settled {
    match answer {
        Ok(accepted) => Settled::Sent { provider_id: accepted.provider_id },
        Err(SendError::Transient { provider_code, reason, retry_after }) => {
            let again = Again { attempt, provider_code, detail: reason, because: Untaken::Failed };
            again.settled(message, retry_at(attempt, retry_after, random(), now), now)
        }
        Err(SendError::Throttled { provider_code, reason, retry_after }) => {
            let again = Again { attempt, provider_code, detail: reason, because: Untaken::Busy };
            again.settled(message, retry_at(attempt, retry_after, random(), now), now)
        }
        Err(SendError::Repeatable { provider_code, reason, retry_after }) => {
            let again = Again { attempt, provider_code, detail: reason, because: Untaken::Unsure };
            again.settled(message, retry_at(attempt, retry_after, random(), now), now)
        }
        Err(SendError::Permanent { kind, provider_code, reason }) => Settled::refused(kind, provider_code, reason),
        Err(SendError::Uncertain { provider_code, reason }) => Settled::Uncertain {
            due: plan(plus_seconds(now, FIRST_QUESTION_SECONDS), now).due,
            provider_code,
            detail: reason,
        },
    }
}

/// The provider does not have the message: another attempt, or the end of them.
pub(crate) struct Again {
    pub(crate) attempt: u32,
    pub(crate) provider_code: String,
    pub(crate) detail: String,
    pub(crate) because: Untaken,
}

impl Again {
    pub(crate) fn settled(self, message: &Message, at: Timestamp, now: Timestamp) -> Settled {
        if !self.is_last(message, now) {
            return Settled::Retry {
                at,
                due: plan(at, now).due,
                provider_code: self.provider_code,
                detail: self.detail,
                because: self.because,
            };
        }
        Settled::Failed {
            reason: "attempts_exhausted".to_owned(),
            provider_code: Some(self.provider_code),
            detail: format!("{} attempts, the last one: {}", self.attempt, self.detail),
            costs: Costs::Nothing,
            then: Then::Nothing,
        }
    }

    fn is_last(&self, message: &Message, now: Timestamp) -> bool {
        let patience = Patience::of(message.class);
        match self.because {
            Untaken::Busy => {
                let begun = message.times.started.unwrap_or(now);
                now >= plus_seconds(begun, patience.busy_seconds)
            }
            Untaken::Failed | Untaken::Unsure => self.attempt.saturating_sub(message.throttled) >= patience.attempts,
        }
    }
}

/// The same end, followed by what is to be sent instead, where there is something and it may help.
fn followed(settled: &Settled, message: &Message, now: Timestamp) -> Settled {
    let mut settled = settled.clone();
    if let Settled::Failed { reason, then, .. } = &mut settled
        && message.has_fallback()
        && is_mendable(Status::Failed, Some(reason))
    {
        *then = Then::Fallback { due: plan(now, now).due };
    }
    settled
}

/// Records an outcome, gives back what was counted for a message that nobody took, and queues the next step, where there is one.
pub(crate) async fn record(
    app: &App,
    message: &Message,
    attempt: u32,
    settled: &Settled,
    now: Timestamp,
) -> Result<&'static str, StepError> {
    let settled = &followed(settled, message, now);
    if !app.road.messages.settle(message.id, attempt, settled, now).await? {
        // A callback was faster. If it was sent, that is what the callback said too.
        return Ok(if matches!(settled, Settled::Sent { .. }) { "sent" } else { "overtaken" });
    }
    if let Settled::Failed { costs: Costs::Nothing, .. } = settled {
        app.budget.give_back(message, message.cost, now).await;
    }
    let next = match settled {
        Settled::Retry { at, .. } => plan(*at, now).delay,
        Settled::Uncertain { .. } => Some(delay(plus_seconds(now, FIRST_QUESTION_SECONDS), now)),
        Settled::Failed { then: Then::Fallback { .. }, .. } => Some(Duration::ZERO),
        Settled::Sent { .. } | Settled::Failed { then: Then::Nothing, .. } => None,
    };
    if let Some(pause) = next
        && let Err(error) = app.road.queues.enqueue(message.lane, message.id, pause).await
    {
        tracing::error!(message.id = %message.id, error = %error, "next step not queued; the sweep will queue it");
    }
    Ok(settled.status().as_str())
}

/// What a refusal says of the address is remembered: whoever said no to the provider said no to us.
pub(crate) async fn learn(app: &App, message: &Message, reason: &str, now: Timestamp) -> Result<(), StoreError> {
    let Ok(kind) = reason.parse::<PermanentKind>() else { return Ok(()) };
    let target = app.road.people.target(&message.to);
    app.road.learn(&target, message.channel, kind, message.provider, now).await
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
    use switchboard::message::Channel;
    use switchboard::message::trigger::Class;
    use switchboard::testing::sample_message;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn busy() -> SendError {
        SendError::Throttled { provider_code: "http_429".into(), reason: "too many requests".into(), retry_after: None }
    }

    fn broken() -> SendError {
        SendError::Transient { provider_code: "503".into(), reason: "the provider failed".into(), retry_after: None }
    }

    /// A message that was first tried `age` seconds ago.
    fn message(class: Class, throttled: u32, age: i64) -> Message {
        let mut message = sample_message(NOW);
        message.class = class;
        message.throttled = throttled;
        message.times.started = Some(plus_seconds(NOW, -age));
        message
    }

    #[test]
    fn a_failing_provider_is_tried_again_until_the_attempts_are_used_up() {
        for (class, attempts) in [(Class::Security, 5), (Class::Transactional, 8), (Class::Marketing, 6)] {
            let message = message(class, 0, 60);
            assert!(
                matches!(outcome(Err(broken()), &message, 1, NOW), Settled::Retry { at, due, .. } if at > NOW && due > at)
            );
            assert!(matches!(outcome(Err(broken()), &message, attempts - 1, NOW), Settled::Retry { .. }));
            let end = outcome(Err(broken()), &message, attempts, NOW);
            let Settled::Failed { reason, .. } = end else { panic!("no end") };
            assert_eq!(reason, "attempts_exhausted");
        }
    }

    #[test]
    fn a_busy_provider_uses_up_no_attempts_but_patience() {
        let waiting = message(Class::Security, 20, 599);
        assert!(matches!(outcome(Err(busy()), &waiting, 21, NOW), Settled::Retry { because: Untaken::Busy, .. }));
        assert!(matches!(outcome(Err(broken()), &waiting, 21, NOW), Settled::Retry { because: Untaken::Failed, .. }));
        assert!(matches!(outcome(Err(busy()), &message(Class::Security, 20, 600), 21, NOW), Settled::Failed { .. }));
    }

    #[test]
    fn an_unknown_outcome_is_never_a_retry() {
        let error = SendError::Uncertain { provider_code: None, reason: "no answer".into() };
        for attempt in 1..20 {
            let message = message(Class::Marketing, 0, 60);
            assert!(matches!(outcome(Err(error.clone()), &message, attempt, NOW), Settled::Uncertain { .. }));
        }
    }

    #[test]
    fn an_end_that_another_channel_may_mend_is_followed_by_it() {
        let mut message = message(Class::Transactional, 0, 0);
        let refused = |kind: PermanentKind| Settled::refused(kind, "21211".into(), "no".into());
        let then = |message: &Message, kind| {
            let settled = followed(&refused(kind), message, NOW);
            if let Settled::Failed { then, .. } = settled { then } else { panic!("{settled:?}") }
        };
        assert_eq!(then(&message, PermanentKind::InvalidNumber), Then::Nothing);
        message.fallback_to = vec![Channel::Email];
        assert!(matches!(then(&message, PermanentKind::InvalidNumber), Then::Fallback { .. }));
        assert_eq!(then(&message, PermanentKind::OptedOut), Then::Nothing);
    }

    #[test]
    fn a_call_is_not_begun_that_could_outlast_the_claim() {
        let lease = plus_seconds(NOW, LEASE_SECONDS);
        assert!(in_time(NOW, lease));
        assert!(!in_time(plus_seconds(NOW, 20), lease));
        assert!(!in_time(plus_seconds(NOW, 40), lease));
    }
}
