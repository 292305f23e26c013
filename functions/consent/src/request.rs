//! What the endpoints' requests have in common.

use std::net::IpAddr;

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use jiff::Timestamp;
use switchboard::http::{ApiError, Caller, Origin, Scope, SecondFactorAssertion};
use switchboard::ledger::{Event, Stated, Witness};
use switchboard::message::Address;
use switchboard::person::PersonId;
use switchboard::person::events::{CONSENT_GRANTED, CONSENT_REQUESTED};
use switchboard::person::profile::SetBy;
use switchboard::twofactor::Action;

use crate::App;

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

/// Whose word an address is that this caller gives: an administrator's is on file, a person's own is a claim.
pub(crate) fn set_by(caller: &Caller) -> SetBy {
    if caller.require(Scope::ManagePreferences).is_ok() { SetBy::Manager } else { SetBy::Person }
}

/// Checks that this caller may put an address in the place of the one in force: in the place of one that was proven, a person's own
/// token needs a fresh assertion of their second factor, where they have one.
pub(crate) async fn may_change_address(
    app: &App,
    set_by: SetBy,
    person: &PersonId,
    to: &Address,
    assertion: &SecondFactorAssertion,
) -> Result<(), ApiError> {
    if set_by == SetBy::Manager {
        return Ok(());
    }
    let Some(before) = app.road.people.get(person).await? else { return Ok(()) };
    if before.would_replace_proven(to) {
        assertion.require(&app.actions, person, Action::ChangeAddress).await?;
    }
    Ok(())
}

/// The longest reason and the longest text a client may put on record.
pub(crate) const LONGEST_REASON: usize = 256;
const LONGEST_TEXT: usize = 4_000;
const LONGEST_AGENT: usize = 512;

/// What the client says of how somebody agreed: it stands in the ledger as the client's word, beside what we saw.
#[derive(Debug)]
pub(crate) struct Evidence {
    stated: Stated,
    text: Option<String>,
}

impl Evidence {
    pub(crate) fn read(ip: Option<IpAddr>, agent: Option<String>, text: Option<String>) -> Result<Self, ApiError> {
        let (agent, text) = (short("user_agent", agent, LONGEST_AGENT)?, short("consent_text", text, LONGEST_TEXT)?);
        Ok(Self { stated: Stated { ip, agent }, text })
    }

    /// Who agreed, from where: what the gateway saw, and what the client says.
    pub(crate) fn witness(&self, origin: Origin, caller: &Caller, source: &str, at: Timestamp) -> Witness {
        Witness { stated: self.stated.clone(), ..origin.witness(caller, source, at) }
    }

    /// The events, with the text that was shown beside what was agreed to, and its SHA-256: that stays when the text goes.
    pub(crate) fn beside(&self, events: Vec<Event>) -> Vec<Event> {
        let Some(text) = &self.text else { return events };
        let agreed = |event: &Event| [CONSENT_GRANTED, CONSENT_REQUESTED].contains(&event.name);
        let hash = hex(digest(&SHA256, text.as_bytes()).as_ref());
        let shown = |event: Event| {
            if !agreed(&event) {
                return event;
            }
            event.with("text_sha256", hash.as_str()).with_personal("text_shown", text.as_str())
        };
        events.into_iter().map(shown).collect()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
