//! The code a number is verified by when its owner agrees to texts.

use serde_json::{Value, json};

use super::flows::other_than;
use crate::world::{Line, World, eventually, fresh, seconds, tokens};

const GRANT: &str = "/api/communication/consent/sms";
const VERIFY: &str = "/api/communication/consent/sms/verify";
const NOT_THE_CODE: &str = "Invalid or expired verification code";

fn granted(verification_required: bool) -> Value {
    json!({"success": true, "message": "SMS consent granted successfully", "verification_required": verification_required})
}

fn entered(phone: &str, code: &str) -> Value {
    json!({"phone_number": phone, "verification_code": code})
}

#[tokio::test]
async fn a_number_is_verified_once_by_the_code_that_went_there() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (user, phone) = (fresh::user(), fresh::phone());
    let grant = json!({"user_id": user, "phone_number": phone, "consent_source": "web_form"});
    assert_eq!(world.post(GRANT, &grant).send().await.ok(), granted(true));
    let code = world.codes_until(1, &phone, "sms").await.remove(0);
    // Nobody else's token gets anywhere with it, nor does another number, nor another purpose.
    let other = tokens::token(&fresh::user().to_string(), "");
    world.post(VERIFY, &entered(&phone, &code)).token(&other).send().await.refused(400, NOT_THE_CODE);
    world.post(VERIFY, &entered(&fresh::phone(), &code)).send().await.refused(400, NOT_THE_CODE);
    let elsewhere = json!({"phone_number": phone, "purpose": "verification", "code": code});
    assert_eq!(world.post("/api/v2/communications/otp/verify", &elsewhere).send().await.ok()["verified"], false);
    let wrong = world.post(VERIFY, &entered(&phone, &other_than(&code))).send().await;
    assert_eq!(wrong.refused(400, NOT_THE_CODE).json["field"], "verification_code");

    let own = tokens::token(&user.to_string(), "");
    let verified = world.post(VERIFY, &entered(&phone, &code)).token(&own).send().await.ok();
    assert_eq!(verified, json!({"success": true, "message": "Phone number verified successfully"}));
    world.post(VERIFY, &entered(&phone, &code)).token(&own).send().await.refused(400, NOT_THE_CODE);
    // It is known from then on, and no other code is sent; another number is another matter.
    assert_eq!(world.post(GRANT, &grant).send().await.ok(), granted(false));
    let moved = json!({"user_id": user, "phone_number": fresh::phone()});
    assert_eq!(world.post(GRANT, &moved).send().await.ok(), granted(true));
    // Unless somebody attests that it was proven elsewhere.
    let attested = json!({"user_id": user, "phone_number": fresh::phone(), "send_code": false});
    assert_eq!(world.post(GRANT, &attested).send().await.ok(), granted(false));
    assert_eq!(world.codes(&phone, "sms").await.len(), 1);
}

#[tokio::test]
async fn five_wrong_codes_end_it() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (user, phone) = (fresh::user(), fresh::phone());
    let grant = json!({"user_id": user, "phone_number": phone});
    world.post(GRANT, &grant).send().await.ok();
    let code = world.codes_until(1, &phone, "sms").await.remove(0);
    for _ in 0..4 {
        world.post(VERIFY, &entered(&phone, &other_than(&code))).send().await.refused(400, NOT_THE_CODE);
    }
    let fifth = world.post(VERIFY, &entered(&phone, &other_than(&code))).send().await;
    fifth.refused(429, "Too many codes were entered");
    let right = world.post(VERIFY, &entered(&phone, &code)).send().await;
    let right = right.refused(429, "Too many codes were entered");
    assert_eq!(right.json["reason"], "too_many_checks");
    assert!(right.header("retry-after").parse::<u32>().is_ok_and(|wait| (1..=600).contains(&wait)), "{}", right.text);
    // The consent is on record, and the answer says that no code goes out before this one ends.
    let again = world.post(GRANT, &grant).send().await.ok();
    assert_eq!((&again["code_sent"], &again["reason"]), (&json!(false), &json!("too_many_checks")), "{again}");
}

#[tokio::test]
async fn one_number_of_two_people_is_verified_for_whom_the_code_was_for() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (one, two, phone) = (fresh::user(), fresh::user(), fresh::phone());
    let given = json!({"phone_number": phone});
    world.put("/api/sms/preferences", &given).token(&tokens::token(&one.to_string(), "")).send().await.ok();
    world.post(GRANT, &json!({"user_id": two, "phone_number": phone})).send().await.ok();
    let code = world.codes_until(1, &phone, "sms").await.remove(0);
    world.post(VERIFY, &entered(&phone, &code)).send().await.ok();
    for (user, verified) in [(two, true), (one, false)] {
        let own = tokens::token(&user.to_string(), "");
        let preferences = world.get("/api/sms/preferences").token(&own).send().await.ok();
        assert_eq!(preferences["phone_verified"], verified, "{preferences}");
    }
}

#[tokio::test]
async fn a_repeated_grant_sends_once_and_does_not_undo_what_came_after_it() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (user, first, second, key) = (fresh::user(), fresh::phone(), fresh::phone(), fresh::word());
    let grant = |phone: &str| json!({"user_id": user, "phone_number": phone});
    world.post(GRANT, &grant(&first)).key(&key).send().await.ok();
    world.post(GRANT, &grant(&second)).send().await.ok();
    let again = world.post(GRANT, &grant(&first)).key(&key).send().await.is(200);
    assert_eq!((again.header("idempotency-replay"), &again.json), ("true", &granted(true)));
    world.post(GRANT, &grant(&second)).key(&key).send().await.is(422);
    let code = world.codes_until(1, &second, "sms").await.remove(0);
    world.post(VERIFY, &entered(&second, &code)).send().await.ok();
    assert_eq!(world.codes_until(1, &first, "sms").await.len(), 1);
}

#[tokio::test]
async fn where_no_code_goes_the_consent_is_on_record_and_the_answer_says_so() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    // Cuba is not on the list; a landline gets its code by no text.
    for (phone, reason) in [("+5351234567", "country_not_allowed"), ("+442079460018", "line_not_allowed")] {
        let user = fresh::user();
        let answer = world.post(GRANT, &json!({"user_id": user, "phone_number": phone})).send().await.ok();
        let mut told = granted(true);
        told["code_sent"] = json!(false);
        told["reason"] = json!(reason);
        assert_eq!(answer, told, "{phone}");
    }
    let user = fresh::user();
    let refused = eventually("a person has had their codes", seconds(20), async || {
        let body = json!({"user_id": user, "phone_number": fresh::phone()});
        let answer = world.post(GRANT, &body).send().await.ok();
        if answer.get("code_sent").is_some() { Ok(answer) } else { Err(answer.to_string()) }
    })
    .await;
    assert_eq!(refused["reason"], "too_many_for_person", "{refused}");
    assert!(refused["retry_after"].as_i64().is_some_and(|wait| (1..=3_600).contains(&wait)), "{refused}");
}
