//! One try of one delivery: claim, call, record.
//!
//! The claim has a lease, so that of two records of the same delivery one makes the call. A worker that dies with it leaves
//! the row as it is; when the lease has run out the sweep, or the record, has it tried again, with the same id.

use std::time::Duration;

use jiff::Timestamp;
use switchboard::clock::plus_seconds;
use switchboard::event::delivery::{Dropped, Outcome};
use switchboard::event::payload::with_person;
use switchboard::event::{Answer, Delivery, DeliveryState, Disabled, EventType, Subscriber};
use switchboard::queue::EventWork;
use switchboard::road::timing::plan;
use switchboard::store::events::{Changed, Held};
use switchboard::telemetry;
use tokio::time::Instant;

use crate::concurrency::{SLOW, Underway};
use crate::places::{APART_SECONDS, HOLD_SECONDS, Place, Turn};
use crate::{App, StepError};

/// How soon one comes back that found no place.
const BUSY_SECONDS: i64 = 5;
/// How late the record of one that was put off may be before the sweep queues another.
const LATE_SECONDS: i64 = 600;

/// Makes a try, if it is time for one.
pub(crate) async fn take(app: &App, work: EventWork) -> Result<(), StepError> {
    let Some(delivery) = app.events.delivery(work.subscriber, work.delivery).await? else {
        tracing::warn!(webhook.id = %work.subscriber, delivery.id = %work.delivery, "queued, but not in the table: it has expired");
        return Ok(());
    };
    let now = app.clock.now();
    // Whatever of these it is, the sweep comes back to it in time.
    let waits = [delivery.not_before, delivery.lease].into_iter().flatten().any(|until| until > now);
    if delivery.state != DeliveryState::Pending || waits {
        tell(&delivery, None, "not_due");
        return Ok(());
    }
    let to = match addressee(app, &delivery).await? {
        Ok(to) => to,
        Err(why) => return end(app, &delivery, why).await,
    };
    if to.is_apart(now) && !work.apart && delivery.kind != EventType::Test {
        // Its slow answers take no worker from the others.
        app.queues.enqueue_event(EventWork { apart: true, ..work }, Duration::ZERO).await?;
        tell(&delivery, None, "put_apart");
        return Ok(());
    }
    let place = app.places.of(to.id);
    let entry = enter(app, &place, &to, &delivery).await?;
    let _underway = match entry {
        Entry::In(underway) => underway,
        Entry::Later(at) => return wait(app, &delivery, at).await,
    };
    let now = app.clock.now();
    // As of now: whoever was erased meanwhile is named no more.
    let person = match delivery.message {
        Some(message) => app.owners.of(message).await?,
        None => None,
    };
    let body = with_person(&delivery.body, person.as_ref())?;
    let Some(claimed) = app.events.claim(&delivery, now).await? else {
        tell(&delivery, None, "taken");
        return Ok(());
    };
    let answer = call(app, &to, &place, &claimed, body).await?;
    record(app, &to, &place, &claimed, answer).await
}

/// Calls the subscriber. One that is slow too often is told its events apart, all workers know it before this call ends.
async fn call(
    app: &App,
    to: &Subscriber,
    place: &Place,
    claimed: &Delivery,
    body: String,
) -> Result<Answer, StepError> {
    let began = Instant::now();
    let call = app.caller.call(to, claimed.id, body, app.clock.now());
    tokio::pin!(call);
    let answer = match tokio::time::timeout(SLOW, &mut call).await {
        Ok(answer) => answer?,
        Err(_) => {
            if place.is_slow() {
                put_apart(app, to).await;
            }
            call.await?
        }
    };
    place.answered(matches!(answer, Answer::Taken { .. } | Answer::Gone), began.elapsed());
    Ok(answer)
}

/// If that cannot be noted, it is with the next slow answer.
async fn put_apart(app: &App, to: &Subscriber) {
    let now = app.clock.now();
    match app.events.put_apart(to.id, now, plus_seconds(now, APART_SECONDS)).await {
        Ok(true) => {
            tracing::warn!(webhook.id = %to.id, webhook.host = to.target.host(), "a slow webhook is told its events apart");
            telemetry::count("events_apart", 1);
        }
        Ok(false) => {}
        Err(error) => tracing::warn!(webhook.id = %to.id, error = %error, "a slow webhook was not put apart"),
    }
}

/// Whether a try may be made.
enum Entry<'a> {
    /// Now, while this is held.
    In(Underway<'a>),
    /// Not before.
    Later(Timestamp),
}

/// Asks for a place. A test is what somebody waits for, and is never many: it is made also while nothing else is.
async fn enter<'a>(app: &App, place: &'a Place, to: &Subscriber, delivery: &Delivery) -> Result<Entry<'a>, StepError> {
    let turn = |now| if delivery.kind == EventType::Test { Turn::Call } else { place.turn(to, now) };
    // Whoever is held does not wait for a place, and nobody gets one for one that was held meanwhile.
    if let Turn::Later(until) = turn(app.clock.now()) {
        return Ok(Entry::Later(delivery.waits_until(until, app.clock.now())));
    }
    let Some(underway) = place.take().await else {
        let now = app.clock.now();
        return Ok(Entry::Later(delivery.waits_until(plus_seconds(now, BUSY_SECONDS), now)));
    };
    let now = app.clock.now();
    let until = match turn(now) {
        Turn::Call => None,
        Turn::Later(until) => Some(until),
        Turn::Probe => match app.events.hold(to.id, now, plus_seconds(now, HOLD_SECONDS)).await? {
            Held::Mine | Held::ByNobody => None,
            Held::Until(until) => {
                place.hold(until);
                Some(until)
            }
        },
    };
    Ok(until.map_or(Entry::In(underway), |until| Entry::Later(delivery.waits_until(until, now))))
}

/// Puts a delivery off that nobody tried: it counts as no try.
async fn wait(app: &App, delivery: &Delivery, at: Timestamp) -> Result<(), StepError> {
    let plan = plan(at, app.clock.now());
    // Its record comes, also when it stands behind many: the sweep need not put more behind it.
    let look = plan.delay.map_or(plan.due, |_| plus_seconds(at, LATE_SECONDS));
    if !app.events.waits(delivery, app.clock.now(), at, look).await? {
        tell(delivery, None, "taken");
        return Ok(());
    }
    tell(delivery, None, "put_off");
    if let Some(delay) = plan.delay {
        queue_again(app, delivery, delay).await;
    }
    Ok(())
}

async fn queue_again(app: &App, delivery: &Delivery, delay: Duration) {
    let work = EventWork { subscriber: delivery.subscriber, delivery: delivery.id, apart: false };
    if let Err(error) = app.queues.enqueue_event(work, delay).await {
        tracing::warn!(delivery.id = %delivery.id, error = %error, "not queued again, the sweep will");
    }
}

/// Who is called, or why nobody is. What is known of subscribers may be some seconds old. That will do to send to one; what
/// nobody sends is lost, so that is looked up as of now, and so is whoever was asked for by name: one that an administrator
/// enabled or pointed elsewhere a moment ago is tested as it is.
async fn addressee(app: &App, delivery: &Delivery) -> Result<Result<Subscriber, Dropped>, StepError> {
    if !delivery.is_asked_for() {
        let known = app.subscribers.get(delivery.subscriber).await?;
        if let Some(to) = known.filter(|to| to.drops(delivery).is_none()) {
            return Ok(Ok(to));
        }
    }
    let now = app.events.subscriber(delivery.subscriber).await?;
    Ok(now.ok_or(Dropped::WebhookRemoved).and_then(|to| to.drops(delivery).map_or(Ok(to), Err)))
}

/// Nobody is called: there is nobody to call any more.
async fn end(app: &App, delivery: &Delivery, why: Dropped) -> Result<(), StepError> {
    app.events.dropped(delivery, why).await?;
    tell(delivery, None, why.as_str());
    Ok(())
}

/// How the present try ended.
fn outcome(claimed: &Delivery, at: Timestamp, code: Option<u16>, error: Option<&str>) -> Outcome {
    Outcome { attempt: claimed.attempts, at, code, error: error.map(str::to_owned) }
}

async fn record(
    app: &App,
    to: &Subscriber,
    place: &Place,
    claimed: &Delivery,
    answer: Answer,
) -> Result<(), StepError> {
    let at = app.clock.now();
    match answer {
        Answer::Taken { code } => {
            let outcome = outcome(claimed, at, Some(code), None);
            app.events.arrived(claimed, &outcome).await?;
            tell(claimed, Some(&outcome), "delivered");
            if place.took(to, at) {
                app.events.took(to.id, at).await?;
            }
        }
        Answer::Gone => {
            let outcome = outcome(claimed, at, Some(410), Some("gone"));
            app.events.given_up(claimed, &outcome).await?;
            tell(claimed, Some(&outcome), "ended");
            disable(app, to, Disabled::Gone).await?;
        }
        Answer::Refused { code, retry_after } => {
            let outcome = outcome(claimed, at, Some(code), Some("status"));
            failed(app, to, place, claimed, &outcome, retry_after).await?;
        }
        Answer::NoAnswer { error } => {
            let outcome = outcome(claimed, at, None, Some(error));
            failed(app, to, place, claimed, &outcome, None).await?;
        }
    }
    Ok(())
}

async fn failed(
    app: &App,
    to: &Subscriber,
    place: &Place,
    claimed: &Delivery,
    outcome: &Outcome,
    asked: Option<Duration>,
) -> Result<(), StepError> {
    // First of all: whatever of the rest fails, this worker knows.
    let held = place.failed(outcome.at);
    match claimed.next_try(asked, outcome.at) {
        Some(at) => {
            let plan = plan(at, outcome.at);
            let put_off = app.events.put_off(claimed, outcome, at, plan.due).await?;
            tell(claimed, Some(outcome), "retrying");
            if let (true, Some(delay)) = (put_off, plan.delay) {
                // The sweep would, a minute later.
                queue_again(app, claimed, delay).await;
            }
        }
        None => {
            app.events.given_up(claimed, outcome).await?;
            tell(claimed, Some(outcome), "failed");
        }
    }
    app.events.failed(to, outcome.at).await?;
    if let Some(until) = held {
        app.events.hold(to.id, outcome.at, until).await?;
    }
    if to.failing.is_some_and(|failing| failing.is_long(outcome.at)) {
        // What is known of it may be some seconds old: it is disabled for what it is now.
        if let Some(now) = app.events.subscriber(to.id).await?.filter(|now| now.is_hopeless(outcome.at)) {
            disable(app, &now, Disabled::Failing).await?;
        }
    }
    Ok(())
}

async fn disable(app: &App, to: &Subscriber, why: Disabled) -> Result<(), StepError> {
    if app.events.disable(to, why, app.clock.now()).await? == Changed::Done {
        tracing::error!(webhook.id = %to.id, webhook.host = to.target.host(), reason = why.as_str(), "webhook disabled");
        telemetry::count("events_disabled", 1);
    }
    Ok(())
}

fn tell(delivery: &Delivery, outcome: Option<&Outcome>, what: &'static str) {
    tracing::info!(
        webhook.id = %delivery.subscriber,
        delivery.id = %delivery.id,
        message.id = delivery.message.map(tracing::field::display),
        event.type = delivery.kind.as_str(),
        delivery.attempts = delivery.attempts,
        http.status = outcome.and_then(|outcome| outcome.code),
        error = outcome.and_then(|outcome| outcome.error.as_deref()),
        outcome = what,
        "delivery"
    );
    let counted = match what {
        "delivered" => "events_delivered",
        "retrying" => "events_retrying",
        "put_off" => "events_put_off",
        "failed" | "ended" | "webhook_disabled" | "webhook_removed" | "event_unsubscribed" => "events_failed",
        _ => return,
    };
    telemetry::count(counted, 1);
}
