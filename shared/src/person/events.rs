//! What the ledger says of people: not what was asked for, but what became different by it. So no change goes unwritten,
//! and nothing is written of what did not change.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::consent::{ChannelConsent, Pending, Standing, Statement};
use super::{Person, Preferences};
use crate::ledger::Event;
use crate::message::{Address, Channel};

/// An address was registered, or another one instead.
pub const ADDRESS_CHANGED: &str = "address_changed";
/// They say that an address is theirs.
pub const ADDRESS_CLAIMED: &str = "address_claimed";
/// An address was proven to be theirs: by which way, and when.
pub const ADDRESS_VERIFIED: &str = "address_verified";
/// Somebody else proved an address that was theirs.
pub const ADDRESS_PROOF_ENDED: &str = "address_proof_ended";
/// They agreed.
pub const CONSENT_GRANTED: &str = "consent_granted";
/// They are asked to confirm that they agreed.
pub const CONSENT_REQUESTED: &str = "consent_requested";
/// They do not agree any more, or what they agreed to was about another address.
pub const CONSENT_REVOKED: &str = "consent_revoked";
/// A no does not count any more, and what they say instead is nothing.
pub const REVOCATION_LIFTED: &str = "revocation_lifted";
/// They said no to everything, or to a kind of message.
pub const OPTED_OUT: &str = "opted_out";
/// They prefer something else.
pub const PREFERENCES_CHANGED: &str = "preferences_changed";

impl Person {
    /// Changes them; what became different by it.
    pub fn recorded(&mut self, change: impl FnOnce(&mut Self)) -> Vec<Event> {
        let before = self.clone();
        change(self);
        between(&before, self)
    }
}

fn between(before: &Person, after: &Person) -> Vec<Event> {
    let mut events = Vec::new();
    for (kind, channel) in [("phone", Channel::Sms), ("email", Channel::Email)] {
        let (old, new) = (before.address(channel), after.address(channel));
        let (proven, proof) = (before.proof(channel), after.proof(channel));
        if old != new {
            let mut event = Event::new(ADDRESS_CHANGED).with("kind", kind);
            for (name, address) in [("from", &old), ("to", &new)] {
                if let Some(address) = address {
                    event = event.with_personal(name, address.as_str());
                }
            }
            events.push(event);
        }
        let claimed = after.claim(channel).filter(|claimed| before.claim(channel).as_ref() != Some(claimed));
        if claimed.is_some() && old.as_ref() != claimed.as_ref() {
            events.push(about(Event::new(ADDRESS_CLAIMED).with("kind", kind), claimed.as_ref()));
        }
        if let Some(proof) = proof.filter(|proof| old != new || proven.as_ref() != Some(proof)) {
            let source: &str = proof.source.into();
            let event = Event::new(ADDRESS_VERIFIED).with("kind", kind).with("proof", source);
            events.push(about(event.with("proven_at", proof.at.to_string()), new.as_ref()));
        }
        if proven.is_some() && proof.is_none() && (old == new || claimed == old) {
            let event = Event::new(ADDRESS_PROOF_ENDED).with("kind", kind).with("by", "another_proof");
            events.push(about(event, old.as_ref()));
        }
    }
    let channels: BTreeSet<Channel> = before.consents.keys().chain(after.consents.keys()).copied().collect();
    let nothing = ChannelConsent::default();
    for channel in channels {
        let of = |person: &Person| person.consents.get(&channel).unwrap_or(&nothing).clone();
        let address = after.destination(channel).or_else(|| before.destination(channel));
        let told = consents(channel, &of(before), &of(after));
        events.extend(told.into_iter().map(|event| about(event, address.as_ref())));
    }
    events.extend(preferences(before, after));
    events
}

fn about(event: Event, address: Option<&Address>) -> Event {
    match address {
        Some(address) => event.with_personal("address", address.as_str()),
        None => event,
    }
}

/// One entry for everything that was said about all messages, one for what was said alike about kinds of them.
fn consents(channel: Channel, before: &ChannelConsent, after: &ChannelConsent) -> Vec<Event> {
    let word = |statement: Option<&Statement>| match statement {
        Some(statement) => statement.state.into(),
        None => Standing::None.as_str(),
    };
    let mut events = Vec::new();
    if before.all != after.all {
        events.push(consent(channel, None, word(before.all.as_ref()), word(after.all.as_ref())));
    }
    let mut kinds: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    let names: BTreeSet<&String> = before.by_type.keys().chain(after.by_type.keys()).collect();
    for name in names {
        let (old, new) = (before.by_type.get(name), after.by_type.get(name));
        let (from, to) = (word(old.or(before.all.as_ref())), word(new.or(after.all.as_ref())));
        // A word on everything takes the place of the one on a kind where both say the same.
        if old != new && (new.is_some() || from != to) {
            kinds.entry((from, to)).or_default().insert(name);
        }
    }
    events.extend(kinds.into_iter().map(|((from, to), types)| consent(channel, Some(types), from, to)));
    if let Some(Pending { message_types, .. }) = after.pending.as_ref().filter(|_| waits_anew(before, after)) {
        let types = message_types.iter().map(String::as_str).collect::<BTreeSet<_>>();
        let types = Some(types).filter(|types| !types.is_empty());
        let from = before.all.as_ref();
        events.push(consent(channel, types, word(from), Standing::Pending.as_str()));
    }
    events
}

/// Whether something was asked for; that less waits is told by what was said instead.
fn waits_anew(before: &ChannelConsent, after: &ChannelConsent) -> bool {
    let at = |consent: &ChannelConsent| consent.pending.as_ref().map(|pending| (pending.at, pending.source.clone()));
    let more = |consent: &ChannelConsent| consent.pending.as_ref().map(|pending| pending.message_types.len());
    at(before) != at(after) || more(before) < more(after)
}

fn consent(channel: Channel, types: Option<BTreeSet<&str>>, from: &str, to: &str) -> Event {
    let name = match to {
        "granted" => CONSENT_GRANTED,
        "pending" => CONSENT_REQUESTED,
        "none" if from == "revoked" => REVOCATION_LIFTED,
        _ => CONSENT_REVOKED,
    };
    let types = types.map_or_else(|| json!("all"), |types| json!(types));
    Event::new(name).with("channel", channel.as_str()).with("message_types", types).with("from", from).with("to", to)
}

/// Every preference that is another than before, with both.
fn preferences(before: &Person, after: &Person) -> Option<Event> {
    let flat = |person: &Person| {
        let mut values = flat(&person.preferences);
        if let Some(locale) = &person.locale {
            values.insert("locale".to_owned(), json!(locale));
        }
        values
    };
    let (old, new) = (flat(before), flat(after));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let changes: Map<String, Value> = names
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name))
        .map(|name| (name.clone(), json!({"from": old.get(name), "to": new.get(name)})))
        .collect();
    (!changes.is_empty()).then(|| Event::new(PREFERENCES_CHANGED).with("changes", changes))
}

/// Preferences by name; those by kind of message as `alert_types_sms.payment_reminder`.
fn flat(preferences: &Preferences) -> BTreeMap<String, Value> {
    let Ok(Value::Object(values)) = serde_json::to_value(preferences) else { return BTreeMap::new() };
    let mut flat = BTreeMap::new();
    for (name, value) in values {
        match value {
            Value::Object(parts) => {
                flat.extend(parts.into_iter().map(|(part, value)| (format!("{name}.{part}"), value)));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                flat.insert(name, value);
            }
        }
    }
    flat
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::clock::from_millis;
    use crate::message::{EmailAddress, PhoneNumber};
    use crate::person::{PersonId, Proof, ProofSource};

    const AT: Timestamp = Timestamp::UNIX_EPOCH;

    fn person() -> Person {
        Person::new(PersonId::text("123").unwrap(), AT)
    }

    fn told(events: &[Event]) -> Value {
        events.iter().map(|event| json!([event.name, event.facts, event.personal])).collect()
    }

    fn types(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn an_address_and_what_was_agreed_to_for_it() {
        let mut person = person();
        let events = person.recorded(|person| {
            person.set_phone(PhoneNumber::parse("+14155552671", "US").unwrap());
            person.grant(Channel::Sms, types(&[]), "web_form".to_owned(), AT);
        });
        let address = json!({"address": "+14155552671"});
        let granted = json!({"channel": "sms", "message_types": "all", "from": "none", "to": "granted"});
        let expected = json!([
            ["address_changed", {"kind": "phone"}, {"to": "+14155552671"}],
            ["consent_granted", granted, address],
        ]);
        assert_eq!(told(&events), expected);
        assert_eq!(person.recorded(|_| {}), []);
        let number = person.address(Channel::Sms).unwrap();
        let verified = person.recorded(|person| person.prove(&number, Proof::new(ProofSource::Code, AT)));
        let facts = json!({"kind": "phone", "proof": "code", "proven_at": "1970-01-01T00:00:00Z"});
        assert_eq!(told(&verified), json!([["address_verified", facts, address]]));
    }

    #[test]
    fn what_was_said_alike_is_one_entry() {
        let mut person = person();
        person.grant(Channel::Sms, types(&["monthly_report"]), "api".to_owned(), AT);
        let both = types(&["monthly_report", "career_insight"]);
        let events = person.recorded(|person| person.revoke(Channel::Sms, both, "api".to_owned(), from_millis(5)));
        let entry = |types: &str, from: &str| json!(["consent_revoked", {"channel": "sms", "message_types": [types], "from": from, "to": "revoked"}, {}]);
        assert_eq!(told(&events), json!([entry("monthly_report", "granted"), entry("career_insight", "none")]));
    }

    #[test]
    fn a_stop_and_a_start_are_told_as_what_they_change() {
        let mut person = person();
        person.grant(Channel::Sms, types(&["monthly_report"]), "api".to_owned(), AT);
        let mut names = |change: fn(&mut Person)| -> Value {
            let told = person.recorded(change);
            told.iter().map(|event| json!([event.name, event.facts["message_types"]])).collect()
        };
        let stop: fn(&mut Person) = |person| person.stop(Channel::Sms, "sms_keyword", AT);
        assert_eq!(names(stop), json!([["consent_revoked", "all"], ["consent_revoked", ["monthly_report"]]]));
        assert_eq!(names(stop), json!([]));
        let start: fn(&mut Person) = |person| person.unstop(Channel::Sms);
        assert_eq!(names(start), json!([["revocation_lifted", "all"], ["consent_granted", ["monthly_report"]]]));
    }

    #[test]
    fn what_waits_is_asked_for_once_and_then_granted() {
        let mut person = person();
        person.set_email(EmailAddress::parse("ada@example.com").unwrap());
        let both = types(&["monthly_report", "career_insight"]);
        let events = person.recorded(|p| p.grant_pending(Channel::Email, both, "form".to_owned(), AT));
        assert_eq!(events[0].name, CONSENT_REQUESTED);
        assert_eq!(events[0].facts["message_types"], json!(["career_insight", "monthly_report"]));
        let one = types(&["career_insight"]);
        let refused = person.recorded(|p| p.revoke(Channel::Email, one, "api".to_owned(), AT));
        assert_eq!(refused.iter().map(|event| event.name).collect::<Vec<_>>(), [CONSENT_REVOKED]);
        let address = person.address(Channel::Email).unwrap();
        let proof = Proof::new(ProofSource::Link, from_millis(9));
        let confirmed = person.recorded(|p| p.prove(&address, proof));
        assert_eq!(confirmed.iter().map(|e| e.name).collect::<Vec<_>>(), [ADDRESS_VERIFIED, CONSENT_GRANTED]);
        assert_eq!(confirmed[1].facts["message_types"], json!(["monthly_report"]));
    }

    #[test]
    fn preferences_say_from_and_to_and_only_what_changed() {
        let mut person = person();
        let events = person.recorded(|person| {
            person.preferences.sms_enabled = false;
            person.preferences.email_enabled = true;
            person.preferences.alert_types_sms.insert("payment_reminder".to_owned(), false);
            person.preferences.quiet_hours = "22:00-07:00".parse().ok();
            person.locale = "pt-BR".parse().ok();
        });
        let expected = json!({
            "sms_enabled": {"from": true, "to": false},
            "alert_types_sms.payment_reminder": {"from": null, "to": false},
            "quiet_hours.start": {"from": null, "to": "22:00:00"},
            "quiet_hours.end": {"from": null, "to": "07:00:00"},
            "locale": {"from": null, "to": "pt-BR"},
        });
        assert_eq!((events.len(), &events[0].facts["changes"]), (1, &expected));
    }
}
