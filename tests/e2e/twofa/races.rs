//! Many at the same moment.

use futures::future::join_all;
use switchboard::otp::Code;
use switchboard::twofactor::{Confirmed, EnrolError, Proof, Trust, Verdict};

use super::portal::{Portal, passed, person};
use crate::otp::engine::{MINUTE, phone};
use crate::world::{Line, World};

fn counts(verdicts: &[Verdict]) -> (usize, usize, usize) {
    let of = |is: fn(&Verdict) -> bool| verdicts.iter().filter(|verdict| is(verdict)).count();
    (
        of(|verdict| matches!(verdict, Verdict::Passed(_))),
        of(|verdict| matches!(verdict, Verdict::Denied(_))),
        of(|verdict| matches!(verdict, Verdict::Locked(_))),
    )
}

#[tokio::test]
async fn of_two_hundred_guesses_at_once_five_are_looked_at_whoever_it_is() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let portal = Portal::new(&world).await;
    let (lender, nobody) = (portal.lender().await, person());
    let code = portal.start(&lender).await;
    let guesses: Vec<Code> = (0..201).map(|n| Code::entered(&format!("{n:06}")).expect("digits")).collect();
    let guesses: Vec<&Code> = guesses.iter().filter(|guess| !guess.is(&code)).take(200).collect();
    for id in [&lender.id, &nobody] {
        let verdicts = join_all(guesses.iter().map(|guess| portal.enter(id, guess))).await;
        assert_eq!(counts(&verdicts), (0, 5, 195));
        let events = portal.events(id).await;
        assert_eq!(events.iter().filter(|event| *event == "failed").count(), 5);
        assert_eq!(events.iter().filter(|event| *event == "locked").count(), 1);
    }
}

#[tokio::test]
async fn a_code_and_a_recovery_code_let_one_in_however_many_enter_them_at_once() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let portal = Portal::new(&world).await;
    let lender = portal.lender().await;
    let code = portal.start(&lender).await;
    let verdicts = join_all((0..20).map(|_| portal.enter(&lender.id, &code))).await;
    assert_eq!(counts(&verdicts).0, 1, "{verdicts:?}");
    portal.engine.clock.advance(60 * MINUTE);
    let recovery = || Proof::RecoveryCode(lender.recovery[0].clone());
    let verdicts = join_all((0..20).map(|_| portal.check(&lender.id, recovery()))).await;
    assert_eq!(counts(&verdicts).0, 1, "{verdicts:?}");
    assert_eq!(portal.standing(&lender.id).await.factor.expect("a factor").recovery_left, 9);
    let events = portal.events(&lender.id).await;
    assert_eq!(events.iter().filter(|event| *event == "passed").count(), 2, "{events:?}");
    assert_eq!(events.iter().filter(|event| *event == "recovery_code_used").count(), 1, "{events:?}");
}

#[tokio::test]
async fn two_who_confirm_at_once_enrol_once() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let portal = Portal::new(&world).await;
    let (id, to) = (person(), phone());
    let (_, message) = portal.enrol(&id, &to).await.expect("a code");
    let code = portal.code_of(message, &to).await;
    let answers = join_all((0..5).map(|_| portal.confirm(&id, &code))).await;
    let enrolled = answers.iter().filter(|answer| matches!(answer, Ok(Confirmed::Enrolled(_)))).count();
    assert_eq!(enrolled, 1, "{answers:?}");
    for answer in answers {
        assert!(matches!(answer, Ok(_) | Err(EnrolError::AlreadyEnrolled | EnrolError::Locked(_))), "{answer:?}");
    }
}

#[tokio::test]
async fn who_is_removed_while_a_right_code_is_checked_is_not_let_in_after_it() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let portal = Portal::new(&world).await;
    for _ in 0..5 {
        let lender = portal.lender().await;
        let code = portal.start(&lender).await;
        let proof = Proof::Code(code, Trust::Device);
        let (verdict, removed) =
            futures::join!(portal.check(&lender.id, proof), portal.twofactor.remove("admin", &lender.id));
        assert!(removed.expect("an answer"));
        let events = portal.events(&lender.id).await;
        let place = |event: &str| events.iter().position(|one| one == event);
        match verdict {
            Verdict::Passed(_) => assert!(place("passed") < place("removed"), "{events:?}"),
            Verdict::Denied(_) => assert_eq!(place("passed"), None, "{events:?}"),
            Verdict::Locked(_) => panic!("locked"),
        }
        assert!(portal.standing(&lender.id).await.factor.is_none(), "nothing of it came back");
    }
    // The lock of before is no obstacle to who enrols again.
    let lender = portal.lender().await;
    let code = portal.start(&lender).await;
    passed(portal.enter(&lender.id, &code).await);
}
