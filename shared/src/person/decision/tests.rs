//! Each rule and their order.

use super::*;
use crate::message::PhoneNumber;
use crate::person::{PersonId, Proof, ProofSource, Reason};

/// 10:00 in New York.
const NOW: Timestamp = Timestamp::constant(1_800_025_200, 0);

/// Somebody who proved the number that is asked about.
fn person(state: Option<ConsentState>, types: &[&str]) -> Person {
    let mut person = Person::new(PersonId::text("123").unwrap(), NOW);
    person.set_phone(number());
    person.prove(&Address::Phone(number()), Proof::new(ProofSource::Code, NOW));
    let (types, source) = (types.iter().map(|&t| t.to_owned()).collect(), "test".to_owned());
    match state {
        Some(ConsentState::Granted) => person.grant(Channel::Sms, types, source, NOW),
        Some(ConsentState::Revoked) => person.revoke(Channel::Sms, types, source, NOW),
        None => {}
    }
    person
}

fn number() -> PhoneNumber {
    PhoneNumber::parse("+12125550123", "US").unwrap()
}

fn make(
    class: Class,
    trigger: Option<Trigger>,
    person: Option<&Person>,
    suppression: Option<&Suppression>,
    lane: Lane,
) -> Decision {
    let to = Address::Phone(number());
    let intent = Intent { channel: Channel::Sms, class, trigger, lane, to: &to, carries_code: false, at: NOW };
    let suppressions = suppression.map(std::slice::from_ref).unwrap_or_default();
    Decision::make(&Question { intent, rules: &TimeRules::default(), person, suppressions }, NOW)
}

fn decide(class: Class, trigger: Trigger, person: Option<&Person>) -> (bool, String) {
    let decision = make(class, Some(trigger), person, None, Lane::Standard);
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
fn an_agreement_that_waits_for_its_proof_is_none_yet() {
    let mut person = person(None, &[]);
    person.grant_pending(Channel::Sms, ["weekly_checkin".to_owned()].into(), "form".to_owned(), NOW);
    let pending = (false, "consent_pending".to_owned());
    assert_eq!(decide(Class::Marketing, Trigger::WeeklyCheckin, Some(&person)), pending);
    assert_eq!(decide(Class::Marketing, Trigger::MonthlyReport, Some(&person)).1, "no_consent");
    assert!(decide(Class::Transactional, Trigger::BookingReminder, Some(&person)).0);
    person.revoke(Channel::Sms, Default::default(), "test".to_owned(), NOW);
    person.grant_pending(Channel::Sms, Default::default(), "form".to_owned(), NOW);
    assert_eq!(decide(Class::Transactional, Trigger::BookingReminder, Some(&person)).1, "opted_out");
    person.prove(&Address::Phone(number()), Proof::new(ProofSource::Code, NOW));
    assert_eq!(decide(Class::Marketing, Trigger::WeeklyCheckin, Some(&person)), (true, "explicit_consent".to_owned()));
}

#[test]
fn claimed_address_gets_nothing_but_its_proof() {
    let mut person = Person::new(PersonId::text("123").unwrap(), NOW);
    person.claim_address(&Address::Phone(number()));
    person.grant_pending(Channel::Sms, Default::default(), "form".to_owned(), NOW);
    let suppression = Suppression::new(Channel::Sms, Reason::OptOut, "twilio", NOW);
    for class in [Class::Security, Class::Transactional, Class::Marketing] {
        // Nothing shows whether the address is on the list.
        for suppression in [None, Some(&suppression)] {
            let decision = make(class, Some(Trigger::SecurityAlert), Some(&person), suppression, Lane::Urgent);
            assert_eq!((decision.is_refused(), decision.reason.as_str()), (true, "address_unverified"), "{class}");
            assert_eq!(decision.checks.len(), 1);
        }
    }
    let code = make(Class::Security, Some(Trigger::PhoneVerification), Some(&person), None, Lane::Urgent);
    assert!(code.is_allowed());
    // A code for signing in proves the number only if it is one of ours, which was asked for by the number.
    let clients = make(Class::Security, Some(Trigger::OneTimeCode), Some(&person), None, Lane::Urgent);
    assert_eq!(clients.reason, "address_unverified");
    let (to, trigger, class, lane) =
        (Address::Phone(number()), Some(Trigger::OneTimeCode), Class::Security, Lane::Urgent);
    let intent = Intent { channel: Channel::Sms, class, trigger, lane, to: &to, carries_code: true, at: NOW };
    let ours = Question { intent, rules: &TimeRules::default(), person: Some(&person), suppressions: &[] };
    assert!(Decision::make(&ours, NOW).is_allowed());
}

#[test]
fn sms_consent_counts_only_after_code() {
    let mut person = Person::new(PersonId::text("123").unwrap(), NOW);
    // On file: transactional messages go, marketing waits, on whichever channel leads to the number.
    person.set_phone(number());
    person.grant(Channel::Sms, Default::default(), "form".to_owned(), NOW);
    assert!(decide(Class::Transactional, Trigger::BookingReminder, Some(&person)).0);
    let pending = (false, "consent_pending".to_owned());
    assert_eq!(decide(Class::Marketing, Trigger::WeeklyCheckin, Some(&person)), pending);
    person.prove(&Address::Phone(number()), Proof::new(ProofSource::Code, NOW));
    assert_eq!(decide(Class::Marketing, Trigger::WeeklyCheckin, Some(&person)), (true, "explicit_consent".to_owned()));
}

#[test]
fn an_unknown_recipient_gets_transactional_messages_and_no_marketing() {
    assert!(decide(Class::Transactional, Trigger::BookingReminder, None).0);
    assert!(!decide(Class::Marketing, Trigger::WeeklyCheckin, None).0);
}

#[test]
fn a_no_to_calls_is_about_calls_alone() {
    let mut person = person(None, &[]);
    person.revoke(Channel::Voice, Default::default(), "test".to_owned(), NOW);
    let to = Address::Phone(number());
    let ask = |channel: Channel| {
        let class = Class::Transactional;
        let intent =
            Intent { channel, class, trigger: None, lane: Lane::Standard, to: &to, carries_code: false, at: NOW };
        let question = Question { intent, rules: &TimeRules::default(), person: Some(&person), suppressions: &[] };
        Decision::make(&question, NOW).reason
    };
    assert_eq!(ask(Channel::Voice), "opted_out");
    assert_eq!([ask(Channel::Sms), ask(Channel::Whatsapp)], ["transactional_message", "transactional_message"]);
}

#[test]
fn a_suppressed_address_refuses_everything_first() {
    let suppression = Suppression::new(Channel::Sms, Reason::OptOut, "twilio", NOW);
    let decision = make(Class::Security, None, None, Some(&suppression), Lane::Standard);
    assert!(!decision.is_allowed());
    assert_eq!(decision.reason, "address_suppressed");
    assert_eq!(decision.checks.len(), 1);
    assert_eq!(decision.checks[0].detail.as_deref(), Some("opt_out, all messages"));
}

#[test]
fn who_left_marketing_gets_everything_else_and_the_record_says_so() {
    let left = Suppression::new(Channel::Sms, Reason::Unsubscribe, "unsubscribe_link", NOW).of_marketing();
    let refused =
        make(Class::Marketing, None, Some(&person(Some(ConsentState::Granted), &[])), Some(&left), Lane::Standard);
    assert_eq!((refused.is_refused(), refused.reason.as_str()), (true, "address_suppressed"));
    for class in [Class::Transactional, Class::Security] {
        let allowed = make(class, None, None, Some(&left), Lane::Standard);
        assert!(allowed.is_allowed(), "{class}");
        assert_eq!((allowed.checks[0].passed, allowed.checks[0].reason.as_str()), (true, "not_suppressed"));
        assert_eq!(allowed.checks[0].detail.as_deref(), Some("unsubscribe, marketing only"));
    }
}

#[test]
fn a_dead_address_is_refused_as_that_and_somebodys_no_comes_first() {
    let to = Address::Phone(number());
    let (class, channel) = (Class::Transactional, Channel::Sms);
    let ask = |suppressions: &[Suppression], seconds: i64| {
        let at = crate::clock::plus_seconds(NOW, seconds);
        let intent = Intent { channel, class, trigger: None, lane: Lane::Standard, to: &to, carries_code: false, at };
        let rules = &TimeRules::default();
        Decision::make(&Question { intent, rules, person: None, suppressions }, NOW).reason
    };
    let mut dead = Suppression::new(channel, Reason::InvalidNumber, "twilio", NOW);
    let no = Suppression::new(channel, Reason::OptOut, "twilio", NOW);
    assert_eq!(ask(&[dead.clone()], 0), INVALID_ADDRESS);
    assert_eq!(ask(&[dead.clone(), no], 0), "address_suppressed");
    assert_eq!(ask(&[Suppression::new(Channel::Whatsapp, Reason::OptOut, "twilio", NOW)], 0), "transactional_message");
    // What is scheduled for after its end is asked about at that time.
    dead.until = Some(crate::clock::plus_seconds(NOW, 60));
    assert_eq!([ask(&[dead.clone()], 59), ask(&[dead], 60)], [INVALID_ADDRESS, "transactional_message"]);
}

#[test]
fn what_a_person_switched_off_is_refused_unless_it_concerns_their_security() {
    let mut person = person(Some(ConsentState::Granted), &[]);
    person.preferences.alert_types_sms.insert("payment_reminder".to_owned(), false);
    let refused = |reason: &str| (false, reason.to_owned());
    let (money, security) = (Trigger::PaymentReminder, Trigger::SecurityAlert);
    assert_eq!(decide(Class::Transactional, money, Some(&person)), refused("message_type_disabled"));
    assert!(decide(Class::Transactional, Trigger::FinancialAlert, Some(&person)).0);
    person.preferences.sms_enabled = false;
    assert_eq!(decide(Class::Transactional, Trigger::FinancialAlert, Some(&person)), refused("channel_disabled"));
    assert_eq!(decide(Class::Marketing, Trigger::WeeklyCheckin, Some(&person)), refused("channel_disabled"));
    assert!(decide(Class::Security, security, Some(&person)).0);
}

#[test]
fn switching_on_is_no_agreement_to_marketing() {
    let mut person = person(None, &[]);
    person.preferences.sms_enabled = true;
    person.preferences.alert_types_sms.insert("weekly_checkin".to_owned(), true);
    assert_eq!(decide(Class::Marketing, Trigger::WeeklyCheckin, Some(&person)), (false, "no_consent".to_owned()));
}

#[test]
fn in_quiet_hours_an_allowed_message_waits_and_the_record_says_why() {
    let mut person = person(Some(ConsentState::Granted), &[]);
    // 00:00 of the next day.
    person.preferences.time_zone = Some("Asia/Tokyo".to_owned());
    let held = make(Class::Marketing, Some(Trigger::WeeklyCheckin), Some(&person), None, Lane::Standard);
    assert_eq!((held.outcome, held.reason.as_str()), (Outcome::Held, "quiet_hours"));
    assert_eq!(held.until.map(|until| until.as_second() - NOW.as_second()), Some(8 * 3_600));
    let rules: Vec<_> = held.checks.iter().map(|check| (check.rule.as_str(), check.passed)).collect();
    assert_eq!(rules, [("suppression", true), ("consent", true), ("preference", true), ("quiet_hours", false)]);
    let urgent = make(Class::Marketing, Some(Trigger::WeeklyCheckin), Some(&person), None, Lane::Urgent);
    assert_eq!((urgent.outcome, urgent.reason.as_str()), (Outcome::Held, "quiet_hours"), "its priority wakes nobody");
    assert!(decide(Class::Transactional, Trigger::PaymentReminder, Some(&person)).0);
}

#[test]
fn of_two_owners_answers_the_stricter_one_counts() {
    let yes = make(Class::Transactional, None, None, None, Lane::Standard);
    let wait = yes.clone().held("quiet_hours", "quiet_hours", NOW);
    let longer = yes.clone().held("quiet_hours", "quiet_hours", crate::clock::plus_seconds(NOW, 60));
    let no = make(Class::Marketing, None, None, None, Lane::Standard);
    assert_eq!(yes.clone().or_stricter(wait.clone()), wait);
    assert_eq!(longer.clone().or_stricter(wait), longer);
    assert_eq!(no.clone().or_stricter(longer), no);
    assert_eq!(yes.clone().or_stricter(no.clone()), no);
}
