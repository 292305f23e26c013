//! A no, whichever endpoint it comes by.

use std::collections::BTreeSet;

use switchboard::http::{ApiError, Caller, Origin};
use switchboard::ledger::Event;
use switchboard::message::Channel;
use switchboard::person::PersonId;
use switchboard::person::events::CONSENT_REVOKED;

use crate::App;
use crate::request::{LONGEST_REASON, short};

/// What somebody says no to.
#[derive(Debug)]
pub(super) struct No {
    pub(super) channels: Vec<Channel>,
    /// The trigger types; none means all.
    pub(super) message_types: BTreeSet<String>,
    pub(super) reason: Option<String>,
    /// How the ledger calls it.
    pub(super) event: &'static str,
}

/// What the ledger says it came by.
const SOURCE: &str = "api";

/// Puts it on record.
pub(super) async fn say(app: &App, caller: &Caller, origin: Origin, person: &PersonId, no: No) -> Result<(), ApiError> {
    let No { channels, message_types, reason, event } = no;
    let reason = short("reason", reason, LONGEST_REASON)?;
    let now = app.road.clock.now();
    let told = |told: Event| {
        if told.name != CONSENT_REVOKED {
            return told;
        }
        let told = Event { name: event, ..told };
        match &reason {
            // In the client's words: it may say anything about anybody.
            Some(reason) => told.with_personal("reason", reason.as_str()),
            None => told,
        }
    };
    let witness = origin.witness(caller, SOURCE, now);
    let change = app.road.people.change(person, &witness, |person| {
        let events = person.recorded(|person| {
            for channel in &channels {
                person.revoke(*channel, message_types.clone(), SOURCE.to_owned(), now);
            }
        });
        events.into_iter().map(told).collect()
    });
    change.await?;
    Ok(())
}
