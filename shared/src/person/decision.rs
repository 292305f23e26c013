//! May we send this to them, now, and why: the one place that answers it, at accept and again right before the
//! provider is called. The answer is kept with the message, so "why was this (not) sent?" is one read.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ConsentState, Person, Suppression};
use crate::message::trigger::Class;
use crate::message::{Channel, Trigger};

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub channel: Channel,
    pub class: Class,
    pub trigger: Option<Trigger>,
    /// The recipient, where they are known to us.
    pub person: Option<&'a Person>,
    /// Why the address must not be used, where it must not.
    pub suppression: Option<&'a Suppression>,
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
    /// `suppression`, `consent`, `verification`.
    pub rule: String,
    pub passed: bool,
    pub reason: String,
}

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
        self.checks.push(Check { rule: rule.to_owned(), passed: false, reason: reason.to_owned() });
        Self { outcome: Outcome::Held, until: Some(until), reason: reason.to_owned(), ..self }
    }

    /// Answers the question. Rules are looked at until one refuses.
    pub fn make(question: &Question<'_>, now: Timestamp) -> Self {
        let mut checks = Vec::new();
        for (rule, verdict) in [("suppression", suppression(question)), ("consent", consent(question))] {
            checks.push(Check {
                rule: rule.to_owned(),
                passed: verdict.is_ok(),
                reason: verdict.unwrap_or_else(|reason| reason).to_owned(),
            });
            if verdict.is_err() {
                break;
            }
        }
        let refused = checks.iter().any(|check| !check.passed);
        let reason = checks.last().map(|check| check.reason.clone()).unwrap_or_default();
        let outcome = if refused { Outcome::Refused } else { Outcome::Allowed };
        Self { outcome, until: None, reason, checks, decided_at: now }
    }
}

type Verdict = Result<&'static str, &'static str>;

fn suppression(question: &Question<'_>) -> Verdict {
    match question.suppression {
        Some(_) => Err("address_suppressed"),
        None => Ok("not_suppressed"),
    }
}

/// The consent classes: security is always allowed, transactional unless opted out, marketing only after an opt-in.
fn consent(question: &Question<'_>) -> Verdict {
    let consent = question.person.and_then(|person| person.consents.get(&question.channel));
    let concerns = |types: &std::collections::BTreeSet<String>| {
        types.is_empty() || question.trigger.is_some_and(|trigger| types.contains(trigger.as_str()))
    };
    match (question.class, consent) {
        (Class::Security, _) => Ok("security_message"),
        (_, Some(consent)) if consent.state == ConsentState::Revoked && concerns(&consent.message_types) => {
            Err("opted_out")
        }
        (_, Some(consent)) if consent.state == ConsentState::Granted && concerns(&consent.message_types) => {
            Ok("explicit_consent")
        }
        (Class::Transactional, _) => Ok("transactional_message"),
        (Class::Marketing, _) => Err("no_consent"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::person::PersonId;
    use crate::provider::ProviderName;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn person(state: Option<ConsentState>, types: &[&str]) -> Person {
        let mut person = Person::new(PersonId::text("123").unwrap(), NOW);
        if let Some(state) = state {
            person.grant(Channel::Sms, types.iter().map(|&t| t.to_owned()).collect(), "test".to_owned(), NOW);
            person.consents.get_mut(&Channel::Sms).unwrap().state = state;
        }
        person
    }

    fn decide(class: Class, trigger: Trigger, person: Option<&Person>) -> (bool, String) {
        let question = Question { channel: Channel::Sms, class, trigger: Some(trigger), person, suppression: None };
        let decision = Decision::make(&question, NOW);
        (decision.is_allowed(), decision.reason)
    }

    #[test]
    fn each_class_asks_for_its_own_kind_of_consent() {
        use ConsentState::{Granted, Revoked};
        type Case<'a> = (Class, Option<ConsentState>, &'a [&'a str], bool, &'a str);
        let cases: [Case<'_>; 10] = [
            (Class::Security, None, &[], true, "security_message"),
            (Class::Security, Some(Revoked), &[], true, "security_message"),
            (Class::Transactional, None, &[], true, "transactional_message"),
            (Class::Transactional, Some(Granted), &[], true, "explicit_consent"),
            (Class::Transactional, Some(Revoked), &[], false, "opted_out"),
            (Class::Transactional, Some(Revoked), &["monthly_report"], true, "transactional_message"),
            (Class::Marketing, None, &[], false, "no_consent"),
            (Class::Marketing, Some(Granted), &[], true, "explicit_consent"),
            (Class::Marketing, Some(Granted), &["monthly_report"], false, "no_consent"),
            (Class::Marketing, Some(Revoked), &["weekly_checkin"], false, "opted_out"),
        ];
        for (class, state, types, allowed, reason) in cases {
            let person = person(state, types);
            let answer = decide(class, Trigger::WeeklyCheckin, Some(&person));
            assert_eq!(answer, (allowed, reason.to_owned()), "{class} {state:?} {types:?}");
        }
    }

    #[test]
    fn an_unknown_recipient_gets_transactional_messages_and_no_marketing() {
        assert!(decide(Class::Transactional, Trigger::BookingReminder, None).0);
        assert!(!decide(Class::Marketing, Trigger::WeeklyCheckin, None).0);
    }

    #[test]
    fn a_suppressed_address_refuses_everything_first() {
        let suppression = Suppression {
            channel: Channel::Sms,
            reason: "opted_out".to_owned(),
            source: ProviderName::Twilio,
            at: NOW,
        };
        let question = Question {
            channel: Channel::Sms,
            class: Class::Security,
            trigger: None,
            person: None,
            suppression: Some(&suppression),
        };
        let decision = Decision::make(&question, NOW);
        assert!(!decision.is_allowed());
        assert_eq!(decision.reason, "address_suppressed");
        assert_eq!(decision.checks.len(), 1);
    }
}
