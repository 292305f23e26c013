//! Whoever merely gives an address gets nothing of it, stops nothing, and learns nothing.

use serde_json::{Value, json};

use super::{EMAIL, GRANT, is_erased, own};
use crate::inbound::{sms as inbound_sms, written};
use crate::world::flows::in_an_hour;
use crate::world::{Line, World, fresh};

#[tokio::test]
async fn claimed_number_export_contains_no_stranger_message() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::Resend, Line::Sendgrid]).await;
    let (mallory, phone, email) = (fresh::user(), fresh::phone(), fresh::email());
    let text = world.sms(&phone, &fresh::text()).await;
    world.until(&text, "delivered").await;
    let mail = json!({"to": email, "subject": "Lab result", "text": fresh::text()});
    let mail = world.post("/api/v2/communications/email", &mail).send().await.ok()["message_id"].take();
    world.claims_number(mallory, &phone).await;
    world.post(EMAIL, &json!({"user_id": mallory, "email": email})).token(&own(mallory)).send().await.ok();
    // A phone that waits to be a second factor gives nothing either.
    let enrol = json!({"user_id": mallory, "phone_number": phone});
    world.post("/api/v2/2fa/enrol", &enrol).send().await.ok();
    let later = world.sms(&phone, &fresh::text()).await;
    let taken = world.takes_out_messages(mallory).await;
    assert!(![&text, &later].iter().any(|id| taken.contains(id)), "{taken:?}");
    assert!(!taken.iter().any(|id| mail == json!(id)), "{taken:?}");
    // Nor does the thread with their id show them.
    let thread = format!("/api/v2/communications/threads/user:{mallory}/messages");
    let thread = world.get(&thread).send().await.ok();
    assert!(!thread.to_string().contains(&text) && !thread.to_string().contains(&later), "{thread}");
}

#[tokio::test]
async fn claimed_number_inbound_text_is_not_attributed() {
    let world = World::new();
    let (mallory, phone) = (fresh::user(), fresh::phone());
    world.claims_number(mallory, &phone).await;
    let pin = written(&world, &inbound_sms(&phone, "my PIN is 0042")).await;
    assert_eq!(pin["user_id"], Value::Null, "{pin}");
    let taken = world.takes_out(mallory).await;
    assert!(taken.iter().all(|page| !page.to_string().contains("0042")), "{taken:?}");
}

#[tokio::test]
async fn proof_opens_what_comes_after_it_and_nothing_before() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (user, phone) = (fresh::user(), fresh::phone());
    let before = world.sms(&phone, &fresh::text()).await;
    let text_before = written(&world, &inbound_sms(&phone, &fresh::text())).await;
    world.proves_by_code(user, &phone).await;
    let after = world.sms(&phone, &fresh::text()).await;
    let text_after = written(&world, &inbound_sms(&phone, &fresh::text())).await;
    assert_eq!((&text_before["user_id"], &text_after["user_id"]), (&Value::Null, &json!(user)));
    let taken = world.takes_out_messages(user).await;
    assert!(taken.contains(&after) && taken.contains(&text_after["id"].as_str().expect("an id").to_owned()));
    assert!(!taken.contains(&before) && !taken.contains(&text_before["id"].as_str().expect("an id").to_owned()));
}

#[tokio::test]
async fn own_token_erase_touches_no_stranger_message() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (mallory, phones) = (fresh::user(), [fresh::phone(), fresh::phone(), fresh::phone()]);
    let mut delivered = Vec::new();
    for phone in &phones {
        let sent = world.sms(phone, &fresh::text()).await;
        world.until(&sent, "delivered").await;
        delivered.push(sent);
    }
    let waiting =
        json!({"to": phones[2], "message": fresh::text(), "purpose": "reminder", "scheduled_time": in_an_hour()});
    let waiting = world.post("/api/v2/communications/calls", &waiting).send().await.ok();
    let waiting = waiting["message_id"].as_str().or(waiting["task_id"].as_str()).expect("an id").to_owned();
    // They claim one after the other: former ones are no more theirs than the present one.
    for phone in &phones {
        world.claims_number(mallory, phone).await;
    }
    world.erases_themselves(mallory).await;
    for id in &delivered {
        let message = world.message(id).await;
        assert!(message["status"] == "delivered" && !is_erased(&message), "{message}");
    }
    let waiting = world.message(&waiting).await;
    assert!(waiting["status"] == "scheduled", "{waiting}");
}

#[tokio::test]
async fn own_token_erase_leaves_anothers_waiting_message_to_be_sent() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (user, phone) = (fresh::user(), fresh::phone());
    world.proves(user, &phone).await;
    let sent = world.sms(&phone, &fresh::text()).await;
    world.until(&sent, "delivered").await;
    let waiting = json!({"to": phone, "message": fresh::text(), "purpose": "reminder", "scheduled_time": in_an_hour()});
    let waiting = world.post("/api/v2/communications/calls", &waiting).send().await.ok();
    let waiting = waiting["message_id"].as_str().or(waiting["task_id"].as_str()).expect("an id").to_owned();
    world.erases_themselves(user).await;
    assert!(is_erased(&world.message(&sent).await), "what was sent to the proven number is theirs");
    assert_eq!(world.message(&waiting).await["status"], "scheduled");
}

#[tokio::test]
async fn claimed_number_gives_no_veto() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (mallory, phone) = (fresh::user(), fresh::phone());
    let no = json!({"phone_number": phone, "sms_enabled": false});
    world.put("/api/sms/preferences", &no).token(&own(mallory)).send().await.ok();
    let opt_out = json!({"user_id": mallory, "channel": "all"});
    world.post("/api/communication/opt-out", &opt_out).token(&own(mallory)).send().await.ok();
    let sent = world.sms(&phone, &fresh::text()).await;
    world.until(&sent, "delivered").await;
    // Who proved the number has a say.
    let owner = fresh::user();
    world.proves(owner, &phone).await;
    world.put("/api/sms/preferences", &json!({"sms_enabled": false})).token(&own(owner)).send().await.ok();
    let direct = json!({"to": phone, "body": fresh::text()});
    let refused = world.post("/api/v1/twilio/send-sms", &direct).send().await.is(403).json;
    assert_eq!(refused["reason"], "channel_disabled", "{refused}");
}

#[tokio::test]
async fn eight_claimants_cannot_hide_the_owners_no() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (owner, phone) = (fresh::user(), fresh::phone());
    world.proves(owner, &phone).await;
    world.put("/api/sms/preferences", &json!({"sms_enabled": false})).token(&own(owner)).send().await.ok();
    // Ids before and behind the owner's, in every order the table may give.
    for number in 0..40 {
        let claimant = if number % 2 == 0 { number } else { 9_000_000_000_000 + number };
        world.claims_number(claimant, &phone).await;
    }
    let direct = json!({"to": phone, "body": fresh::text()});
    let refused = world.post("/api/v1/twilio/send-sms", &direct).send().await.is(403).json;
    assert_eq!(refused["reason"], "channel_disabled", "{refused}");
}

#[tokio::test]
async fn claimed_address_receives_nothing_but_its_proof() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (mallory, phone) = (fresh::user(), fresh::phone());
    let grant = json!({"user_id": mallory, "phone_number": phone, "message_types": ["weekly_checkin"]});
    world.post(GRANT, &grant).token(&own(mallory)).send().await.ok();
    world.codes_until(1, &phone, "sms").await;
    for trigger in ["weekly_checkin", "payment_confirmation", "security_alert"] {
        let send = json!({"user_id": mallory, "trigger_type": trigger, "channel": "sms", "data": {}});
        let refused = world.post("/api/communication/send", &send).send().await.is(403).json;
        assert_eq!(refused["reason"], "address_unverified", "{trigger}: {refused}");
    }
    assert_eq!(world.arrived(&phone).await.len(), 1, "the code, and nothing else");
    // The address that an administrator puts on file gets what concerns its person at once.
    let (user, filed) = (fresh::user(), fresh::phone());
    world.post(GRANT, &json!({"user_id": user, "phone_number": filed})).send().await.ok();
    let send = json!({"user_id": user, "trigger_type": "payment_confirmation", "channel": "sms", "data": {}});
    let sent = world.trigger(&send).await;
    world.until(&sent, "delivered").await;
}

#[tokio::test]
async fn sms_consent_counts_only_after_code() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (user, phone) = (fresh::user(), fresh::phone());
    let grant = json!({"user_id": user, "phone_number": phone, "message_types": ["weekly_checkin"]});
    let answer = world.post(GRANT, &grant).send().await.ok();
    let printed =
        json!({"success": true, "message": "SMS consent granted successfully", "verification_required": true});
    assert_eq!(answer, printed);
    let check = json!({"user_id": user, "message_type": "weekly_checkin", "channel": "sms"});
    let standing = async || {
        let answer = world.post("/api/communication/consent/check", &check).send().await.ok();
        (answer["can_send"].clone(), answer["reason"].clone(), answer["consent_status"].clone())
    };
    assert_eq!(standing().await, (json!(false), json!("consent_pending"), json!("pending")));
    let send = json!({"user_id": user, "trigger_type": "weekly_checkin", "channel": "sms", "data": {}});
    let refused = world.post("/api/communication/send", &send).send().await.is(403).json;
    assert_eq!(refused["reason"], "consent_pending", "{refused}");
    let code = world.codes_until(1, &phone, "sms").await.remove(0);
    let entered = json!({"phone_number": phone, "verification_code": code});
    world.post(super::VERIFY, &entered).token(&own(user)).send().await.ok();
    assert_eq!(standing().await, (json!(true), json!("explicit_consent"), json!("granted")));
}

#[tokio::test]
async fn claimed_address_answers_are_uniform() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::Resend, Line::Sendgrid]).await;
    // Of nobody, of somebody who proved it, of two people, and on the list of those that must not be used.
    let owned = world.person().await;
    let shared = world.person().await;
    let too = json!({"user_id": fresh::user(), "phone_number": shared.phone, "send_code": false});
    world.post(GRANT, &too).send().await.ok();
    world.owns(fresh::user(), &shared.email).await;
    let suppressed = (fresh::phone(), fresh::email());
    for (address, channel) in [(&suppressed.0, "sms"), (&suppressed.1, "email")] {
        let add = json!({"address": address, "channel": channel, "note": "is seriously ill"});
        let added = world.post("/api/communication/suppressions", &add).send().await;
        assert!(added.status < 300, "{}", added.text);
    }
    let addresses = [
        (fresh::phone(), fresh::email()),
        (owned.phone.clone(), owned.email.clone()),
        (shared.phone.clone(), shared.email.clone()),
        suppressed,
    ];
    let mut seen: Vec<Vec<String>> = Vec::new();
    for (phone, email) in addresses {
        let mallory = fresh::user();
        let token = own(mallory);
        // Whose answers they are may differ; nothing else.
        let plain = |answer: Value| {
            let text = answer.to_string().replace(&mallory.to_string(), "ID");
            text.replace(&phone, "PHONE").replace(&email, "EMAIL")
        };
        let sms = world.post(GRANT, &json!({"user_id": mallory, "phone_number": phone})).token(&token).send().await;
        let mail = world.post(EMAIL, &json!({"user_id": mallory, "email": email})).token(&token).send().await;
        let mut answers = vec![plain(sms.ok()), plain(mail.ok())];
        for (kind, channel) in [("financial_alert", "sms"), ("monthly_report", "email")] {
            let check = json!({"user_id": mallory, "message_type": kind, "channel": channel});
            let check = world.post("/api/communication/consent/check", &check).token(&token).send().await;
            answers.push(plain(check.ok()));
        }
        answers.push(plain(world.get("/api/sms/preferences").token(&token).send().await.ok()));
        let pages = world.takes_out(mallory).await;
        let last = pages.last().expect("a page");
        answers.push(plain(json!([
            pages[0]["left_out"],
            pages[0]["profile"]["phone_number"],
            pages[0]["profile"]["email"]
        ])));
        assert!(last["next_cursor"].is_null() && !last.to_string().contains("seriously ill"), "{last}");
        let about: Vec<&Value> = pages.iter().flat_map(|page| page["ledger"].as_array().expect("entries")).collect();
        assert!(about.iter().all(|entry| entry["about"] != "address"), "{about:?}");
        seen.push(answers);
    }
    for answers in &seen[1..] {
        assert_eq!(answers, &seen[0]);
    }
}
