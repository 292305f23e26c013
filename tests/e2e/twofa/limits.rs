//! Every limit, to the millisecond.

use switchboard::clock::plus_seconds;
use switchboard::message::Channel;
use switchboard::otp::Code;
use switchboard::twofactor::{BeginError, Begun, Confirmed, EnrolError, Locked, Method, Proof, Trust, Try, Verdict};

use super::portal::{Portal, passed, person};
use crate::otp::engine::{MINUTE, phone, wrong};
use crate::world::{Line, World};

fn denied(verdict: &Verdict) -> Try {
    match verdict {
        Verdict::Denied(tried) => *tried,
        Verdict::Passed(_) | Verdict::Locked(_) => panic!("{verdict:?}"),
    }
}

fn is_locked_until(verdict: &Verdict, until: jiff::Timestamp) -> bool {
    matches!(verdict, Verdict::Locked(locked) if *locked == Locked { until })
}

#[tokio::test]
async fn five_failures_lock_for_a_minute_then_for_two_and_a_success_begins_anew() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let portal = Portal::new(&world).await;
    let lender = portal.lender().await;
    let code = portal.start(&lender).await;
    for left in [4, 3, 2, 1] {
        assert_eq!(denied(&portal.enter(&lender.id, &wrong(&code)).await).left, left);
    }
    let until = plus_seconds(portal.engine.clock.now(), 60);
    let fifth = denied(&portal.enter(&lender.id, &wrong(&code)).await);
    assert_eq!((fifth.left, fifth.locks), (0, Some(until)));
    assert!(is_locked_until(&portal.enter(&lender.id, &code).await, until), "the right one is not looked at");
    let recovery = Proof::RecoveryCode(lender.recovery[0].clone());
    assert!(is_locked_until(&portal.check(&lender.id, recovery).await, until), "nor a recovery code");
    let begun = portal.begin(&lender.id, Channel::Sms, None).await;
    assert!(matches!(begun, Err(BeginError::Locked(locked)) if locked.until == until), "nor is one sent");
    assert_eq!(portal.standing(&lender.id).await.locked, Some(until));
    portal.engine.clock.advance(MINUTE - 1);
    assert!(is_locked_until(&portal.enter(&lender.id, &code).await, until), "to the last millisecond");
    portal.engine.clock.advance(1);
    assert_eq!(denied(&portal.enter(&lender.id, &code).await).left, 4, "it was guessed at, so it is another one now");
    let next = portal.start(&lender).await;
    for left in [3, 2, 1] {
        assert_eq!(denied(&portal.enter(&lender.id, &wrong(&next)).await).left, left);
    }
    let until = plus_seconds(portal.engine.clock.now(), 120);
    assert_eq!(denied(&portal.enter(&lender.id, &wrong(&next)).await).locks, Some(until), "two minutes");
    portal.engine.clock.advance(2 * MINUTE);
    let last = portal.start(&lender).await;
    passed(portal.enter(&lender.id, &last).await);
    let code = portal.start(&lender).await;
    for left in [4, 3, 2, 1] {
        assert_eq!(denied(&portal.enter(&lender.id, &wrong(&code)).await).left, left);
    }
    let until = plus_seconds(portal.engine.clock.now(), 60);
    assert_eq!(denied(&portal.enter(&lender.id, &wrong(&code)).await).locks, Some(until), "a minute again");
}

#[tokio::test]
async fn somebody_without_a_second_factor_is_answered_as_somebody_with_one() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let portal = Portal::new(&world).await;
    let (lender, nobody) = (portal.lender().await, person());
    let right = portal.start(&lender).await;
    let guess = wrong(&right);
    for _ in 0..3 {
        let (known, _) = portal.begin(&lender.id, Channel::Sms, None).await.expect("an answer");
        let (unknown, id) = portal.begin(&nobody, Channel::Sms, None).await.expect("an answer");
        let (Begun::Sent(known), Begun::Sent(unknown)) = (known, unknown) else { panic!("trusted") };
        assert_eq!(
            (known.channel, known.expires, known.replayed),
            (unknown.channel, unknown.expires, unknown.replayed)
        );
        assert!(portal.engine.road.messages.get(id).await.expect("a store").is_none(), "nothing was sent");
    }
    for _ in 0..6 {
        let (known, unknown) = (portal.enter(&lender.id, &guess).await, portal.enter(&nobody, &guess).await);
        assert_eq!(format!("{known:?}"), format!("{unknown:?}"));
    }
    portal.engine.clock.advance(MINUTE);
    let recovery = Proof::RecoveryCode(lender.recovery[0].clone());
    let other = Proof::RecoveryCode(portal.lender().await.recovery[0].clone());
    let known = portal.check(&lender.id, other).await;
    let unknown = portal.check(&nobody, recovery).await;
    assert_eq!(format!("{known:?}"), format!("{unknown:?}"));
    let failures = |events: Vec<String>| {
        events.into_iter().filter(|event| matches!(event.as_str(), "failed" | "locked")).collect::<Vec<_>>()
    };
    assert_eq!(failures(portal.events(&lender.id).await), failures(portal.events(&nobody).await));
    let standing = portal.standing(&nobody).await;
    assert!(standing.factor.is_none() && standing.pending.is_none());
}

#[tokio::test]
async fn every_guess_is_wrong_for_nobody() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let portal = Portal::new(&world).await;
    let nobody = person();
    for round in 0..3_i64 {
        portal.begin(&nobody, Channel::Sms, None).await.expect("an answer");
        for guess in 0..5 {
            let code = Code::entered(&format!("{:06}", round * 5 + guess)).expect("digits");
            denied(&portal.enter(&nobody, &code).await);
        }
        portal.engine.clock.advance(10 * MINUTE);
    }
}

#[tokio::test]
async fn a_phone_waits_for_its_code_and_the_last_one_given_counts() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let portal = Portal::new(&world).await;
    let (id, first, second) = (person(), phone(), phone());
    let (_, message) = portal.enrol(&id, &first).await.expect("a code");
    let of_first = portal.code_of(message, &first).await;
    let (_, again) = portal.enrol(&id, &first).await.expect("a code");
    assert!(portal.code_of(again, &first).await.is(&of_first), "asked for again, it is the same");
    let (_, message) = portal.enrol(&id, &second).await.expect("a code");
    let of_second = portal.code_of(message, &second).await;
    let standing = portal.standing(&id).await;
    assert!(standing.factor.is_none() && standing.pending.is_some());
    if !of_first.is(&of_second) {
        assert!(matches!(portal.confirm(&id, &of_first).await, Ok(Confirmed::Denied(_))), "the first is of no use now");
    }
    let Ok(Confirmed::Enrolled(recovery)) = portal.confirm(&id, &of_second).await else { panic!("not enrolled") };
    assert_eq!(recovery.len(), 10);
    let factor = portal.standing(&id).await.factor.expect("a factor");
    assert_eq!((factor.phone.as_str(), factor.recovery_left), (second.as_str(), 10));
    assert!(matches!(portal.enrol(&id, &first).await, Err(EnrolError::AlreadyEnrolled)));
    assert!(portal.twofactor.remove("admin", &id).await.expect("an answer"));
    assert!(!portal.twofactor.remove("admin", &id).await.expect("an answer"), "once");
    assert!(portal.enrol(&id, &first).await.is_ok());
    portal.engine.clock.advance(60 * MINUTE);
    assert!(portal.standing(&id).await.pending.is_none(), "an hour");
}

#[tokio::test]
async fn the_assertion_says_how_and_when_it_was_proved() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let portal = Portal::new(&world).await;
    let lender = portal.lender().await;
    let code = portal.start(&lender).await;
    let by_sms = passed(portal.enter(&lender.id, &code).await);
    let claims = portal.verified(&by_sms.assertion).await;
    assert_eq!((claims.sub.as_str(), claims.aud.as_str()), (lender.id.as_str(), "lender-portal"));
    assert_eq!((claims.amr, claims.auth_time), (["otp", "sms", "mca"].map(str::to_owned).to_vec(), claims.iat));
    portal.engine.clock.advance(11 * MINUTE);
    portal.start(&lender).await;
    let (_, message) = portal.begin(&lender.id, Channel::Voice, None).await.expect("a code");
    let code = portal.code_of(message, &lender.phone).await;
    let second = portal.verified(&passed(portal.enter(&lender.id, &code).await).assertion).await;
    assert_eq!(second.amr, ["otp", "mca"], "it went both ways");
    assert_ne!(second.jti, claims.jti);
    let recovery = Proof::RecoveryCode(lender.recovery[3].clone());
    let third = passed(portal.check(&lender.id, recovery.clone()).await);
    assert_eq!((third.method, third.recovery_left), (Method::RecoveryCode, 9));
    assert_eq!(portal.verified(&third.assertion).await.amr, ["recovery_code"]);
    denied(&portal.check(&lender.id, recovery).await);
    assert_eq!(portal.standing(&lender.id).await.factor.expect("a factor").recovery_left, 9);
}

#[tokio::test]
async fn a_trusted_device_needs_no_code_for_thirty_days_until_it_is_revoked_or_the_factor_is_removed() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let portal = Portal::new(&world).await;
    let lender = portal.lender().await;
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let code = portal.start(&lender).await;
        let (token, until) =
            passed(portal.check(&lender.id, Proof::Code(code, Trust::Device)).await).device.expect("a device");
        assert_eq!(until, plus_seconds(portal.engine.clock.now(), 30 * 86_400));
        tokens.push(token);
    }
    let proved = portal.engine.clock.now();
    portal.engine.clock.advance(60 * MINUTE);
    let begin = async |at: usize| portal.begin(&lender.id, Channel::Sms, Some(&tokens[at])).await.expect("an answer").0;
    let Begun::Trusted(trusted) = begin(0).await else { panic!("not trusted") };
    let claims = portal.verified(&trusted.assertion).await;
    assert_eq!((claims.amr, claims.auth_time), (vec!["trusted_device".to_owned()], proved.as_second()));
    let another = portal.lender().await;
    let begun = portal.begin(&another.id, Channel::Sms, Some(&tokens[0])).await.expect("an answer").0;
    assert!(matches!(begun, Begun::Sent(_)), "it is another's device");
    assert!(portal.twofactor.revoke("admin", &lender.id, tokens[0].id()).await.expect("an answer"));
    assert!(matches!(begin(0).await, Begun::Sent(_)), "revoked");
    let devices = portal.standing(&lender.id).await.factor.expect("a factor").devices;
    assert_eq!(devices.iter().map(|device| device.id).collect::<Vec<_>>(), [tokens[1].id()]);
    portal.engine.clock.advance(30 * 86_400_000 - 60 * MINUTE - 1);
    assert!(matches!(begin(1).await, Begun::Trusted(_)), "a millisecond before the end");
    portal.engine.clock.advance(1);
    assert!(matches!(begin(1).await, Begun::Sent(_)), "thirty days");
    let code = portal.start(&lender).await;
    let device = passed(portal.check(&lender.id, Proof::Code(code, Trust::Device)).await).device;
    let (token, _) = device.expect("a device");
    assert!(portal.twofactor.remove("admin", &lender.id).await.expect("an answer"));
    let begun = portal.begin(&lender.id, Channel::Sms, Some(&token)).await.expect("an answer").0;
    assert!(matches!(begun, Begun::Sent(_)), "removed");
}

#[tokio::test]
async fn everything_is_written_down_and_nothing_of_it_tells_a_code_or_a_number() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let portal = Portal::new(&world).await;
    let lender = portal.lender().await;
    let code = portal.start(&lender).await;
    denied(&portal.enter(&lender.id, &wrong(&code)).await);
    let proof = Proof::Code(code, Trust::Device);
    let (token, _) = passed(portal.check(&lender.id, proof).await).device.expect("a device");
    let recovery = Proof::RecoveryCode(lender.recovery[0].clone());
    passed(portal.check(&lender.id, recovery).await);
    let renewed = portal.twofactor.renew_recovery("admin", &lender.id).await.expect("an answer").expect("codes");
    let old = Proof::RecoveryCode(lender.recovery[1].clone());
    denied(&portal.check(&lender.id, old).await);
    passed(portal.check(&lender.id, Proof::RecoveryCode(renewed[0].clone())).await);
    assert!(portal.twofactor.revoke("admin", &lender.id, token.id()).await.expect("an answer"));
    assert!(portal.twofactor.remove("admin", &lender.id).await.expect("an answer"));
    let events = portal.events(&lender.id).await;
    assert_eq!(
        events,
        [
            "enrolment_started",
            "enrolled",
            "failed",
            "passed",
            "device_trusted",
            "recovery_code_used",
            "passed",
            "recovery_codes_renewed",
            "failed",
            "recovery_code_used",
            "passed",
            "device_revoked",
            "removed",
        ]
    );
    let mut before = None;
    let mut sequences = Vec::new();
    loop {
        let page = portal.twofactor.history(&lender.id, before, 5).await.expect("a page");
        assert!(page.intact && page.entries.len() <= 5);
        for entry in &page.entries {
            let by = if matches!(entry.event.as_str(), "removed" | "device_revoked" | "recovery_codes_renewed") {
                "admin"
            } else {
                "portal"
            };
            assert_eq!(entry.caller, by, "{entry:?}");
            let text = format!("{entry:?}");
            let secrets = [lender.phone.as_str().to_owned(), token.shown(), lender.recovery[0].shown()];
            assert!(secrets.iter().all(|secret| !text.contains(secret)), "{text}");
        }
        sequences.extend(page.entries.iter().map(|entry| entry.sequence));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(sequences, (1..=13).rev().collect::<Vec<_>>());
}
