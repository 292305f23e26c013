//! May we send this to them, now, and why: the one place that answers it, at accept and again right before the
//! provider is called. The answer is kept with the message, so "why was this (not) sent?" is one read.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ConsentState, Person, Suppression, TimeRules};
use crate::message::record::ERASED;
use crate::message::trigger::Class;
use crate::message::{Address, Channel, Lane, Trigger};

/// What is to be sent, to which address, and when.
#[derive(Clone, Copy, Debug)]
pub struct Intent<'a> {
    pub channel: Channel,
    pub class: Class,
    pub trigger: Option<Trigger>,
    pub lane: Lane,
    pub to: &'a Address,
    /// Whether it carries a one-time code of ours: one that was asked for by this address, and proves it.
    pub carries_code: bool,
    /// When it would go: the time it is scheduled for, else now.
    pub at: Timestamp,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub intent: Intent<'a>,
    /// The rules of time that are in force.
    pub rules: &'a TimeRules,
    /// The recipient, where they are known to us.
    pub person: Option<&'a Person>,
    /// Why the address must not be used, on whichever channel and for whatever class.
    pub suppressions: &'a [Suppression],
}

/// The answer, with every rule that was looked at, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Decision {
    pub outcome: Outcome,
    /// Until when it waits, where it waits.
    #[serde(default, with = "crate::clock::millis::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub until: Option<Timestamp>,
    /// The rule's word that decided: `explicit_consent`, `opted_out`, `no_consent` …
    pub reason: String,
    pub checks: Vec<Check>,
    #[serde(with = "crate::clock::millis")]
    #[schema(value_type = i64)]
    pub decided_at: Timestamp,
}

/// Yes, not yet, or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Allowed,
    /// A rule asks to wait; `until` says how long.
    Held,
    Refused,
}

/// One rule and what it said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Check {
    /// `suppression`, `consent`, `preference`, `quiet_hours`, `frequency_cap` …
    pub rule: String,
    pub passed: bool,
    pub reason: String,
    /// More on it, where there is more: which suppression it is, and what it stops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Check {
    pub fn new(rule: &str, passed: bool, reason: impl Into<String>) -> Self {
        Self { rule: rule.to_owned(), passed, reason: reason.into(), detail: None }
    }
}

/// The reason of a message to an address that its person claims and has not proven.
pub const ADDRESS_UNVERIFIED: &str = "address_unverified";

/// The reason of a message to a person who has no address on its channel any more.
pub const NO_ADDRESS: &str = "no_address";

/// The reason of a message to an address that nothing can arrive at.
pub const INVALID_ADDRESS: &str = "invalid_address";

impl Decision {
    pub fn is_allowed(&self) -> bool {
        self.outcome == Outcome::Allowed
    }

    pub fn is_refused(&self) -> bool {
        self.outcome == Outcome::Refused
    }

    /// The same, but it has to wait until then because of a rule.
    #[must_use]
    pub fn held(mut self, rule: &str, reason: &str, until: Timestamp) -> Self {
        self.checks.push(Check::new(rule, false, reason));
        Self { outcome: Outcome::Held, until: Some(until), reason: reason.to_owned(), ..self }
    }

    /// A no that follows from one rule, whoever the recipient is.
    pub fn refused_by(rule: &str, reason: &str, now: Timestamp) -> Self {
        let checks = vec![Check::new(rule, false, reason)];
        Self { outcome: Outcome::Refused, until: None, reason: reason.to_owned(), checks, decided_at: now }
    }

    /// Answers the question. Rules are looked at until one refuses; whoever may be written to may have to be left alone
    /// for a while.
    pub fn make(question: &Question<'_>, now: Timestamp) -> Self {
        if is_claim(question) {
            let checks = vec![Check::new("ownership", false, ADDRESS_UNVERIFIED)];
            let (outcome, reason) = (Outcome::Refused, ADDRESS_UNVERIFIED.to_owned());
            return Self { outcome, until: None, reason, checks, decided_at: now };
        }
        let mut checks = Vec::new();
        let rules: [(&str, Rule); 3] = [("suppression", suppression), ("consent", consent), ("preference", preference)];
        let mut reason = "";
        for (rule, ask) in rules {
            let verdict = ask(question);
            let passed = verdict.is_ok();
            let word = verdict.unwrap_or_else(|word| word);
            let detail = if rule == "suppression" { told(question) } else { None };
            checks.push(Check { detail, ..Check::new(rule, passed, word) });
            if !passed {
                return Self {
                    outcome: Outcome::Refused,
                    until: None,
                    reason: word.to_owned(),
                    checks,
                    decided_at: now,
                };
            }
            // What they agreed to is the reason why they are written to; that they did not object is none.
            if rule == "consent" {
                reason = word;
            }
        }
        let allowed =
            Self { outcome: Outcome::Allowed, until: None, reason: reason.to_owned(), checks, decided_at: now };
        allowed.with_quiet_hours(question)
    }

    fn with_quiet_hours(mut self, question: &Question<'_>) -> Self {
        let Intent { class, lane, to, at, .. } = question.intent;
        match question.rules.quiet_until(class, lane, question.person, to, at) {
            Some(until) => self.held("quiet_hours", "quiet_hours", until),
            None => {
                self.checks.push(Check::new("quiet_hours", true, "not_quiet"));
                self
            }
        }
    }

    /// Of two answers for the same message the stricter one: a no before a wait, and the longer wait.
    #[must_use]
    pub fn or_stricter(self, other: Self) -> Self {
        let weight = |decision: &Self| match decision.outcome {
            Outcome::Allowed => 0,
            Outcome::Held => 1,
            Outcome::Refused => 2,
        };
        if (weight(&other), other.until) > (weight(&self), self.until) { other } else { self }
    }
}

/// Whether it is for an address that its person only claims, and does not bring the code or link that proves it. This comes before
/// every other rule, so that the answer says nothing of the address.
fn is_claim(question: &Question<'_>) -> bool {
    let Intent { trigger, to, carries_code, .. } = question.intent;
    // A code to sign in with that a client made is no proof of the address: it would go to whoever claimed one.
    let proves = carries_code || matches!(trigger, Some(Trigger::PhoneVerification | Trigger::EmailVerification));
    !proves && question.person.is_some_and(|person| person.only_claims(to))
}

type Verdict = Result<&'static str, &'static str>;
type Rule = fn(&Question<'_>) -> Verdict;

fn suppression(question: &Question<'_>) -> Verdict {
    match stopped_by(question) {
        Some(suppression) if suppression.reason.is_dead_address() => Err(INVALID_ADDRESS),
        Some(_) => Err("address_suppressed"),
        None => Ok("not_suppressed"),
    }
}

/// The suppression that stops it; somebody's no before a dead address, for nothing mends that.
fn stopped_by<'a>(question: &Question<'a>) -> Option<&'a Suppression> {
    let Intent { channel, class, at, .. } = question.intent;
    let stops = question.suppressions.iter().filter(|suppression| suppression.stops(channel, class, at));
    stops.min_by_key(|suppression| suppression.reason.is_dead_address())
}

/// Which suppression stops it; else one that is in force and stops others.
fn told(question: &Question<'_>) -> Option<String> {
    let Intent { channel, at, .. } = question.intent;
    let mut known = question.suppressions.iter();
    let other = || known.find(|suppression| suppression.channel == channel && suppression.is_in_force(at));
    stopped_by(question).or_else(other).map(Suppression::told)
}

/// The consent classes: security is always allowed, transactional unless opted out, marketing only after an opt-in.
fn consent(question: &Question<'_>) -> Verdict {
    if question.person.is_some_and(|person| person.erasing.is_some()) {
        return Err(ERASED);
    }
    let Intent { channel, class, trigger, to, .. } = question.intent;
    let consent = question.person.and_then(|person| person.consents.get(&channel));
    // Whoever owns a number agreed to marketing on it; whoever only gave one may have given somebody else's.
    let is_proven = question.person.is_some_and(|person| person.has_proven(to));
    match (class, consent.and_then(|consent| consent.state(trigger))) {
        (Class::Security, _) => Ok("security_message"),
        (_, Some(ConsentState::Revoked)) => Err("opted_out"),
        (Class::Marketing, Some(ConsentState::Granted)) if !is_proven => Err("consent_pending"),
        (_, Some(ConsentState::Granted)) => Ok("explicit_consent"),
        (Class::Transactional, None) => Ok("transactional_message"),
        (Class::Marketing, None) if consent.is_some_and(|consent| consent.is_pending(trigger)) => {
            Err("consent_pending")
        }
        (Class::Marketing, None) => Err("no_consent"),
    }
}

/// What they switched off: a channel, or a kind of message on it.
fn preference(question: &Question<'_>) -> Verdict {
    let Intent { channel, class, trigger, .. } = question.intent;
    let Some(person) = question.person else { return Ok("no_objection") };
    match class {
        Class::Security => Ok("security_message"),
        Class::Transactional | Class::Marketing if !person.preferences.is_enabled(channel) => Err("channel_disabled"),
        Class::Transactional | Class::Marketing => match trigger {
            Some(trigger) if !person.preferences.wants(channel, trigger) => Err("message_type_disabled"),
            Some(_) | None => Ok("no_objection"),
        },
    }
}

#[cfg(test)]
mod tests;
