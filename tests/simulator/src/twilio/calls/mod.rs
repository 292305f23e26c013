//! Twilio Programmable Voice: `/2010-04-01/Accounts/{AC}/Calls`.
//!
//! Read in this order: [`request`] (what is accepted), [`create`] and [`update`] (the endpoints), [`answer`] (the
//! resource), [`progress`] (statuses and callbacks), [`script`] and [`twiml`] (what is said once somebody answers),
//! [`caller`] (what people do in a call), [`inbound`] (people who call), [`recordings`] (what is kept of them), [`fetch`] (reading back), [`magic`] (numbers that
//! fail on purpose).
//!
//! What takes minutes on a real line takes a few steps of the simulator's here; the durations it tells are those the
//! spoken words would take.

mod answer;
mod caller;
mod create;
mod fetch;
mod inbound;
mod magic;
mod progress;
mod recordings;
mod request;
mod script;
mod twiml;
mod update;

use axum::{Router, routing::get};
use jiff::Timestamp;

pub(crate) use self::{
    caller::{Callers, Deed},
    inbound::deliver as call_in,
    recordings::Recordings,
};
use crate::{
    app::App,
    store::{Direction, Message},
};

/// What only a call has.
#[derive(Debug, Clone)]
pub(crate) struct Detail {
    /// What is done once the call is answered.
    instructions: Instructions,
    /// What a client replaced them with while the call was under way.
    redirect: Option<Instructions>,
    status_callback: Option<String>,
    /// The events the status callback is subscribed to.
    events: Vec<Event>,
    /// How many of them were told.
    told: u32,
    detection: Detection,
    /// Where the result of a detection in the background goes.
    detection_callback: Option<String>,
    /// The longest the call may last, in seconds.
    time_limit: Option<u32>,
    /// `human`, `machine_start` …, where that was listened for.
    pub(crate) answered_by: Option<&'static str>,
    /// How long what was said takes, in seconds.
    pub(crate) duration: Option<u32>,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    /// Set a while after the call was completed.
    priced: bool,
}

impl Detail {
    /// Where the call's words come from: the TwiML itself, or its URL.
    pub(crate) fn source(&self) -> &str {
        match &self.instructions {
            Instructions::Twiml(twiml) => twiml,
            Instructions::Url { url, .. } => url,
        }
    }
}

/// Where TwiML comes from.
#[derive(Debug, Clone)]
enum Instructions {
    Twiml(String),
    Url { url: String, fallback: Option<String> },
}

/// The events a status callback can be subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Initiated,
    Ringing,
    Answered,
    /// Any end of a call, good or bad.
    Completed,
}

/// Whether Twilio listens if a machine answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Detection {
    Off,
    /// Tells as soon as it knows.
    Enable,
    /// Tells when the machine's own words have ended.
    MessageEnd,
}

/// As Twilio's `Direction` has it.
fn direction(call: &Message) -> &'static str {
    match call.content.direction {
        Direction::Outbound => "outbound-api",
        Direction::Inbound => "inbound",
    }
}

/// The number that is not the client's.
fn person(call: &Message) -> &str {
    match call.content.direction {
        Direction::Outbound => &call.content.to,
        Direction::Inbound => &call.content.from,
    }
}

/// The endpoints of calls.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/2010-04-01/Accounts/{account}/Calls.json", get(fetch::list).post(create::create))
        .route(
            "/2010-04-01/Accounts/{account}/Calls/{file}",
            get(fetch::one).post(update::update).delete(update::delete),
        )
        .route("/2010-04-01/Accounts/{account}/Recordings/{file}", get(recordings::one).delete(recordings::delete))
}

/// The call a stored message is; `None` for a text or an e-mail.
pub(crate) fn detail(message: &Message) -> Option<&Detail> {
    match &message.content.detail {
        crate::store::Detail::Call(detail) => Some(detail),
        crate::store::Detail::Twilio(_) | crate::store::Detail::Sendgrid(_) | crate::store::Detail::Resend(_) => None,
    }
}

fn detail_mut(message: &mut Message) -> Option<&mut Detail> {
    match &mut message.content.detail {
        crate::store::Detail::Call(detail) => Some(detail),
        crate::store::Detail::Twilio(_) | crate::store::Detail::Sendgrid(_) | crate::store::Detail::Resend(_) => None,
    }
}
