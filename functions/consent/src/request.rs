//! What the endpoints' requests have in common.

use std::net::IpAddr;

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use jiff::Timestamp;
use switchboard::http::{ApiError, Caller, Origin};
use switchboard::ledger::{Event, Witness};
use switchboard::person::PersonId;
use switchboard::person::events::{CONSENT_GRANTED, CONSENT_REQUESTED};

/// Whom a path names.
pub(crate) fn person_id(text: &str) -> Result<PersonId, ApiError> {
    PersonId::path(text).ok_or_else(|| ApiError::invalid_field("user_id", "It must be 1 to 128 bytes"))
}

/// A query string as it was meant.
pub(crate) fn query<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, ApiError> {
    query.map(|Query(query)| query).map_err(|error| ApiError::bad_request("Invalid query").details(error.body_text()))
}

/// A short text of the client's, where there is one.
pub(crate) fn short(field: &str, text: Option<String>, longest: usize) -> Result<Option<String>, ApiError> {
    let fits = |text: &String| {
        let controls = text.chars().any(|c| c.is_control() && c != '\n' && c != '\t');
        (1..=longest).contains(&text.chars().count()) && !controls
    };
    let why = || ApiError::invalid_field(field, format!("It must be 1 to {longest} characters"));
    text.map(|text| fits(&text).then_some(text).ok_or_else(why)).transpose()
}

/// The longest reason and the longest text a client may put on record.
pub(crate) const LONGEST_REASON: usize = 256;
const LONGEST_TEXT: usize = 4_000;
const LONGEST_AGENT: usize = 512;

/// What proves a consent, where the client has it.
#[derive(Debug)]
pub(crate) struct Proof {
    ip: Option<IpAddr>,
    agent: Option<String>,
    text: Option<String>,
}

impl Proof {
    pub(crate) fn read(ip: Option<IpAddr>, agent: Option<String>, text: Option<String>) -> Result<Self, ApiError> {
        let (agent, text) = (short("user_agent", agent, LONGEST_AGENT)?, short("consent_text", text, LONGEST_TEXT)?);
        Ok(Self { ip, agent, text })
    }

    /// Who agreed, from where: what the client says of the person's device comes before what the gateway saw of the client.
    pub(crate) fn witness(&self, origin: Origin, caller: &Caller, source: &str, at: Timestamp) -> Witness {
        let named = self.ip.is_some() || self.agent.is_some();
        let origin = if named { Origin { ip: self.ip, agent: self.agent.clone() } } else { origin };
        origin.witness(caller, source, at)
    }

    /// The events, with the text that was shown beside what was agreed to.
    pub(crate) fn beside(&self, events: Vec<Event>) -> Vec<Event> {
        let Some(text) = &self.text else { return events };
        let agreed = |event: &Event| [CONSENT_GRANTED, CONSENT_REQUESTED].contains(&event.name);
        let shown = |event: Event| {
            if agreed(&event) { event.with_personal("text_shown", text.as_str()) } else { event }
        };
        events.into_iter().map(shown).collect()
    }
}
