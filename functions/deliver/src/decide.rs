//! May a message go now? Asked before whatever sends: an attempt, and a question that is put by sending again.

use jiff::Timestamp;
use switchboard::clock::plus_seconds;
use switchboard::message::record::{AddressSource, ERASED};
use switchboard::message::{Address, Message, Status};
use switchboard::person::{Decision, NO_ADDRESS, Outcome, Person};
use switchboard::road::EXPIRED;

use crate::jobs::{CANCELLED, PAUSED, Wish};
use crate::{App, StepError};

/// How long a message of a stopped caller waits before it is asked about again.
const STOPPED_SECONDS: i64 = 300;

/// What is to become of a message.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It may go, to whom the decision does not leave out. With its person, as they are now.
    Send(Decision, Option<Box<Person>>),
    /// It waits until the time in the decision.
    Hold(Decision),
    /// Its person is reached at another address by now: it goes there, if it may.
    Readdress(Address),
    End(End),
}

/// How a message ends that must not be sent.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) to: Status,
    pub(crate) reason: String,
    pub(crate) decision: Option<Decision>,
}

pub(crate) async fn decide(app: &App, message: &Message, now: Timestamp) -> Result<Verdict, StepError> {
    let end = |to, reason: &str| Ok(Verdict::End(End { to, reason: reason.to_owned(), decision: None }));
    if let Some(until) = message.times.valid_until.filter(|until| *until <= now) {
        tracing::debug!(message.id = %message.id, until = %until, "worthless by now");
        return end(Status::Expired, EXPIRED);
    }
    let wish = app.jobs.wish(message, now).await?;
    if wish == Wish::End {
        return end(Status::Cancelled, CANCELLED);
    }
    let person = match &message.person {
        Some(id) => app.road.people.get(id).await?,
        None => None,
    };
    if message.erased.is_some() || person.as_ref().is_some_and(|person| person.erasing.is_some()) {
        return end(Status::Cancelled, ERASED);
    }
    if let Some(verdict) = person.as_ref().and_then(|person| another_address(message, person, now)) {
        return Ok(verdict);
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
        Outcome::Held => return Ok(Verdict::Hold(decision)),
        Outcome::Refused => {
            let reason = decision.reason.clone();
            return Ok(Verdict::End(End { to: Status::Blocked, reason, decision: Some(decision) }));
        }
    }
    let decision = app.road.without_unwilling(&message.intent(now), &message.content, decision).await?;
    Ok(Verdict::Send(decision, person.map(Box::new)))
}

/// What is to become of a message to a person whose address is not the one it was accepted for. What its provider may have stays
/// where it went.
fn another_address(message: &Message, person: &Person, now: Timestamp) -> Option<Verdict> {
    let waits = !matches!(message.status, Status::Sending | Status::Uncertain) && message.times.unsure.is_none();
    if message.address_source == AddressSource::Given || !waits || person.only_claims(&message.to) {
        return None;
    }
    match person.address(message.channel) {
        Some(address) if address == message.to => None,
        Some(address) => Some(Verdict::Readdress(address)),
        None => Some(Verdict::End(End {
            to: Status::Blocked,
            reason: NO_ADDRESS.to_owned(),
            decision: Some(Decision::refused_by("ownership", NO_ADDRESS, now)),
        })),
    }
}
