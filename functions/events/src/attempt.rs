//! One try of one delivery: claim, call, record.
//!
//! The claim has a lease, so that of two records of the same delivery one makes the call. A worker that dies with it leaves
//! the row as it is; when the lease has run out the sweep, or the record, has it tried again, with the same id.

use std::time::Duration;

use jiff::Timestamp;
use switchboard::event::delivery::{Dropped, Outcome};
use switchboard::event::payload::with_person;
use switchboard::event::{Answer, Delivery, DeliveryState, Disabled, Subscriber};
use switchboard::queue::EventWork;
use switchboard::road::timing::plan;
use switchboard::store::events::Changed;
use switchboard::telemetry;

use crate::{App, StepError};

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
    let answer = app.caller.call(&to, claimed.id, body, now).await?;
    record(app, &to, &claimed, answer).await
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

async fn record(app: &App, to: &Subscriber, claimed: &Delivery, answer: Answer) -> Result<(), StepError> {
    let at = app.clock.now();
    match answer {
        Answer::Taken { code } => {
            let outcome = outcome(claimed, at, Some(code), None);
            app.events.arrived(claimed, &outcome).await?;
            tell(claimed, Some(&outcome), "delivered");
            if to.failing_since.is_some() {
                app.events.stops_failing(to.id).await?;
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
            failed(app, to, claimed, &outcome, retry_after).await?;
        }
        Answer::NoAnswer { error } => {
            let outcome = outcome(claimed, at, None, Some(error));
            failed(app, to, claimed, &outcome, None).await?;
        }
    }
    Ok(())
}

async fn failed(
    app: &App,
    to: &Subscriber,
    claimed: &Delivery,
    outcome: &Outcome,
    asked: Option<Duration>,
) -> Result<(), StepError> {
    match claimed.next_try(asked, outcome.at) {
        Some(at) => {
            let plan = plan(at, outcome.at);
            let put_off = app.events.put_off(claimed, outcome, at, plan.due).await?;
            tell(claimed, Some(outcome), "retrying");
            if let (true, Some(delay)) = (put_off, plan.delay) {
                let work = EventWork { subscriber: claimed.subscriber, delivery: claimed.id };
                // The sweep would, a minute later.
                if let Err(error) = app.queues.enqueue_event(work, delay).await {
                    tracing::warn!(delivery.id = %claimed.id, error = %error, "not queued again, the sweep will");
                }
            }
        }
        None => {
            app.events.given_up(claimed, outcome).await?;
            tell(claimed, Some(outcome), "failed");
        }
    }
    if to.failing_since.is_none() {
        app.events.begins_to_fail(to.id, outcome.at).await?;
    } else if to.is_hopeless(outcome.at) {
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
        "failed" | "ended" | "webhook_disabled" | "webhook_removed" | "event_unsubscribed" => "events_failed",
        _ => return,
    };
    telemetry::count(counted, 1);
}
