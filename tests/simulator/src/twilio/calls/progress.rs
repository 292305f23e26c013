//! What becomes of a call, and the callbacks that tell.
//!
//! Each change of status is made only from the one before it: a client may cancel or hang up meanwhile, and then the
//! call's end is told instead.

use jiff::Timestamp;

use super::{
    super::{answer::date, callback},
    Detail, Event, Instructions, answer, detail, detail_mut,
    magic::{self, Outcome},
    script,
};
use crate::{
    app::App,
    callbacks::Callback,
    store::{Channel, Handle, Message, Status},
};

/// Where a call is after a step.
enum Step {
    Taken,
    /// The call is over, or gone.
    Over,
}

/// Whether a call in this status has ended.
pub(super) fn is_over(status: Status) -> bool {
    use Status::{Busy, Canceled, Completed, Failed, NoAnswer};
    matches!(status, Busy | Canceled | Completed | Failed | NoAnswer)
}

/// Moves a call from dialling to its end.
pub(super) async fn run(app: App, handle: Handle) {
    let Some(to) = app.store().get(handle).map(|call| call.content.to.clone()) else { return };
    let (answered, party) = match magic::outcome(&to) {
        Outcome::Answered(party) => (true, Some(party)),
        Outcome::Stays => (true, Some(magic::Party::Person)),
        Outcome::Rings | Outcome::Ends(..) => (false, None),
    };
    if let Step::Over = step(&app, handle, Status::Queued, Status::Queued, Event::Initiated).await {
        return;
    }
    if let Step::Over = step(&app, handle, Status::Queued, Status::Ringing, Event::Ringing).await {
        return;
    }
    if answered {
        let _ = app.store().update(handle, |call| {
            if let Some(call) = detail_mut(call) {
                call.answered_by = party.and_then(|party| party.as_str(call.detection));
            }
        });
        if let Step::Over = step(&app, handle, Status::Ringing, Status::InProgress, Event::Answered).await {
            return;
        }
        detected(&app, handle).await;
        talk(&app, handle).await;
    }
    match magic::outcome(&to) {
        Outcome::Ends(status, _) => {
            let _ = step(&app, handle, Status::Ringing, status, Event::Completed).await;
        }
        Outcome::Answered(_) => {
            let _ = step(&app, handle, Status::InProgress, Status::Completed, Event::Completed).await;
        }
        Outcome::Rings | Outcome::Stays => wait_for_the_end(&app, handle).await,
    }
    // The price comes last, and no callback tells of it.
    tokio::time::sleep(app.chance.around(app.config.step)).await;
    let _ = app.store().update(handle, |call| {
        let completed = call.status == Status::Completed;
        if let Some(call) = detail_mut(call) {
            call.priced = completed;
        }
    });
}

/// Moves a call of a person to the client from its answer to its end.
pub(super) async fn run_inbound(app: &App, handle: Handle) {
    if let Step::Over = step(app, handle, Status::Ringing, Status::InProgress, Event::Answered).await {
        return;
    }
    talk(app, handle).await;
    let _ = step(app, handle, Status::InProgress, Status::Completed, Event::Completed).await;
}

/// After a while, moves a call on and tells; tells its end instead where a client has ended it meanwhile.
async fn step(app: &App, handle: Handle, from: Status, to: Status, event: Event) -> Step {
    tokio::time::sleep(app.chance.around(app.config.step)).await;
    let mut status = None;
    let _ = app.store().update(handle, |call| {
        if call.status == from {
            call.status = to;
        }
        let (reached, now) = (call.status, Timestamp::now());
        status = Some(reached);
        if let Some(call) = detail_mut(call) {
            call.started_at = call.started_at.or((reached != Status::Canceled).then_some(now));
            if is_over(reached) {
                call.ended_at = Some(now);
                call.duration = Some(call.duration.unwrap_or_default());
            }
        }
    });
    let Some(over) = status.map(is_over) else { return Step::Over };
    tell(app, handle, if over { Event::Completed } else { event }).await;
    if over { Step::Over } else { Step::Taken }
}

/// Says what is to be said, and what a client has put in its place meanwhile.
async fn talk(app: &App, handle: Handle) {
    let first = app.store().get(handle).cloned();
    let mut next =
        first.and_then(|call| detail(&call).map(|known| known.instructions.clone()).map(|said| (call.clone(), said)));
    while let Some((call, instructions)) = next {
        say(app, handle, &call, &instructions).await;
        next = redirected(app, handle);
    }
}

/// Acts one set of instructions out, and lets the time it takes go by.
async fn say(app: &App, handle: Handle, call: &Message, instructions: &Instructions) {
    let Some(known) = detail(call) else { return };
    let heard = script::act(app, call, known, instructions).await;
    let _ = app.store().update(handle, |call| {
        let mut lines: Vec<String> = call.content.text.take().into_iter().collect();
        lines.extend(heard.lines);
        call.content.text = (!lines.is_empty()).then(|| lines.join("\n"));
        call.error_code = heard.error_code.or(call.error_code);
        if let Some(call) = detail_mut(call) {
            // A call that was answered lasts a second at least.
            let seconds = (call.duration.unwrap_or_default() + heard.seconds).max(1);
            call.duration = Some(call.time_limit.map_or(seconds, |limit| seconds.min(limit)));
        }
    });
    tokio::time::sleep(app.chance.around(app.config.step)).await;
}

/// The call, if it goes on, and what a client has put in place of what was said.
fn redirected(app: &App, handle: Handle) -> Option<(Message, Instructions)> {
    let mut redirect = None;
    let mut store = app.store();
    let call = store.update(handle, |call| redirect = detail_mut(call).and_then(|call| call.redirect.take()))?;
    (call.status == Status::InProgress).then(|| call.clone()).zip(redirect)
}

/// Waits until a client has ended the call, then tells it.
async fn wait_for_the_end(app: &App, handle: Handle) {
    loop {
        let status = app.store().get(handle).map(|call| call.status);
        match status {
            None => return,
            Some(status) if is_over(status) => break,
            Some(_) => match redirected(app, handle) {
                Some((call, instructions)) => say(app, handle, &call, &instructions).await,
                None => tokio::time::sleep(app.config.step).await,
            },
        }
    }
    let _ = step(app, handle, Status::Canceled, Status::Canceled, Event::Completed).await;
}

/// Tells the result of a detection in the background.
async fn detected(app: &App, handle: Handle) {
    let told = app.store().get(handle).and_then(|call| {
        let known = detail(call)?;
        let (url, answered_by) = (known.detection_callback.as_deref()?, known.answered_by?);
        let params: Vec<(String, String)> = [
            ("AccountSid", app.config.twilio_account_sid.clone()),
            ("AnsweredBy", answered_by.to_owned()),
            ("CallSid", call.content.id.clone()),
            ("MachineDetectionDuration", "2500".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
        Some(callback::signed(app, &call.content.id, "detected", url.split('#').next()?, &params))
    });
    if let Some(callback) = told {
        app.outbox.dispatch(app, callback, Channel::Voice).await;
    }
}

async fn tell(app: &App, handle: Handle, event: Event) {
    let mut callback = None;
    let _ = app.store().update(handle, |call| {
        let Some(known) = detail_mut(call).filter(|known| known.events.contains(&event)) else { return };
        let sequence = known.told;
        known.told += 1;
        callback = status_callback(app, call, event, sequence);
    });
    if let Some(callback) = callback {
        app.outbox.dispatch(app, callback, Channel::Voice).await;
    }
}

/// The status callback of a call, if its request named a URL.
fn status_callback(app: &App, call: &Message, event: Event, sequence: u32) -> Option<Callback> {
    let known = detail(call)?;
    // The fragment carries connection overrides; it is neither sent nor signed.
    let url = known.status_callback.as_deref()?.split('#').next()?;
    let status = if event == Event::Initiated { "initiated" } else { call.status.as_str() };
    let mut params = parties(app, call);
    let mut add = |name: &str, value: String| params.push((name.to_owned(), value));
    add("CallStatus", status.to_owned());
    add("CallbackSource", "call-progress-events".to_owned());
    add("SequenceNumber", sequence.to_string());
    add("Timestamp", date(Timestamp::now()));
    if event == Event::Completed {
        for (name, value) in ending(call, known) {
            add(name, value);
        }
    }
    Some(callback::signed(app, &call.content.id, status, url, &params))
}

/// What only the last callback has.
fn ending(call: &Message, known: &Detail) -> Vec<(&'static str, String)> {
    let seconds = known.duration.unwrap_or_default();
    let mut params = vec![("CallDuration", seconds.to_string()), ("Duration", answer::minutes(seconds).to_string())];
    let response = match magic::outcome(&call.content.to) {
        Outcome::Ends(_, response) => response,
        Outcome::Answered(_) | Outcome::Stays | Outcome::Rings => {
            if call.status == Status::Canceled {
                487
            } else {
                200
            }
        }
    };
    params.push(("SipResponseCode", response.to_string()));
    if let Some(answered_by) = known.answered_by {
        params.push(("AnsweredBy", answered_by.to_owned()));
    }
    params
}

/// What every request about a call names: the account, the call, and both ends of the line.
pub(super) fn parties(app: &App, call: &Message) -> Vec<(String, String)> {
    let content = &call.content;
    let mut params: Vec<(String, String)> = [
        ("AccountSid", app.config.twilio_account_sid.as_str()),
        ("ApiVersion", "2010-04-01"),
        ("CallSid", &content.id),
        ("Called", &content.to),
        ("Caller", &content.from),
        ("Direction", super::direction(call)),
        ("From", &content.from),
        ("To", &content.to),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    for end in ["Called", "Caller", "From", "To"] {
        for (part, value) in [("City", ""), ("State", ""), ("Zip", ""), ("Country", "US")] {
            params.push((format!("{end}{part}"), value.to_owned()));
        }
    }
    params
}
