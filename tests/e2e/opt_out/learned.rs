//! What a provider tells of an address, when it refuses a message and in its callbacks.

use serde_json::{Value, json};
use switchboard::provider::{Event, PermanentKind, ProviderName, Report};

use super::{known, mail, names, phone, says, told, trigger_refusal};
use crate::world::{Line, World, eventually, fresh, seconds};

const STOPPED: [&str; 2] = ["sms opt_out all", "whatsapp opt_out all"];

/// What is known of an address, once it is this.
pub(super) async fn known_as(world: &World, address: &str, expected: &[&str]) {
    eventually("the address is on the list", seconds(30), async || {
        let known = known(world, address).await;
        if known == expected { Ok(()) } else { Err(format!("{known:?}")) }
    })
    .await;
}

#[tokio::test]
async fn who_opted_out_at_the_provider_opted_out_here_and_has_revoked_their_consent() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let person = world.person().await;
    world.writes(&person.phone, "STOP").await;
    world.until(&world.sms(&person.phone, &fresh::text()).await, "failed").await;
    known_as(&world, &person.phone, &STOPPED).await;
    let check = json!({"user_id": person.id, "message_type": "monthly_report", "channel": "sms"});
    let check = world.post("/api/communication/consent/check", &check).send().await.ok();
    assert_eq!((&check["can_send"], &check["consent_status"]), (&json!(false), &json!("revoked")), "{check}");
    let told = told(&world, &phone(&person.phone)).await;
    assert_eq!((names(&told)[0], &told[0].1["source"]), ("address_suppressed", &json!("twilio")));
    // What they wrote there is taken back by what they write here.
    world.writes(&person.phone, "START").await;
    says(&world, &person.phone, "START").await;
    world.until(&world.sms(&person.phone, &fresh::text()).await, "delivered").await;
    let report = json!({"user_id": person.id, "message_type": "monthly_report", "channel": "sms"});
    let check = world.post("/api/communication/consent/check", &report).send().await.ok();
    assert_eq!((&check["can_send"], &check["consent_status"]), (&json!(true), &json!("granted")), "{check}");
}

#[tokio::test]
async fn a_callback_that_says_so_counts_as_much() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    // A number no receipt ever comes for.
    for (code, expected) in
        [("21610", &STOPPED[..]), ("30005", &["sms invalid_number all"]), ("30003", &[]), ("30004", &[])]
    {
        let number = fresh::magic_phone("40");
        let id = world.sms(&number, &fresh::text()).await;
        let message = world.until(&id, "sent").await;
        let sid = message["provider_id"].as_str().expect("an id");
        let path = format!("/twilio/sms-status?message={id}");
        let form = [("MessageSid", sid), ("MessageStatus", "undelivered"), ("ErrorCode", code), ("To", &number)];
        let token = world.stack.secret("twilio_auth_token");
        for _ in 0..2 {
            world.twilio_form(&path, &form, token, None).await.is(200);
        }
        world.until(&id, "undelivered").await;
        known_as(&world, &number, expected).await;
        assert_eq!(told(&world, &phone(&number)).await.len(), expected.len(), "{code}: said twice, told once");
    }
}

#[tokio::test]
async fn what_follows_from_a_callback_and_could_not_be_done_at_once_is_done_from_the_queue() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let number = fresh::magic_phone("40");
    let id = world.sms(&number, &fresh::text()).await;
    world.until(&id, "sent").await;
    let report = Report {
        provider: ProviderName::Twilio,
        message_id: id.parse().ok(),
        provider_id: None,
        key: "undelivered:21610".to_owned(),
        event: Event::Undelivered(PermanentKind::OptedOut),
        at: jiff::Timestamp::now(),
        recording: None,
        recipient: None,
        provider_code: Some("21610".to_owned()),
        call: None,
    };
    let record = json!({"kind": "follow_up", "id": id, "report": report}).to_string();
    assert!(!record.contains(&number));
    let queue = &world.stack.queues["callbacks"];
    // Twice, as SQS may bring it.
    for _ in 0..2 {
        world.sqs().send_message().queue_url(queue).message_body(&record).send().await.expect("SQS takes it");
    }
    known_as(&world, &number, &STOPPED).await;
    assert_eq!(names(&told(&world, &phone(&number)).await), ["address_suppressed"; 2], "one a channel");
}

#[tokio::test]
async fn a_number_that_is_not_on_whatsapp_is_tried_there_again_in_a_month_and_takes_texts() {
    let world = World::new();
    let _lines = world.share(&[Line::Whatsapp]).await;
    let number = fresh::magic_phone("31");
    let id = world.direct("send-whatsapp", &json!({"to": number, "body": fresh::text()})).await;
    world.until(&id, "undelivered").await;
    known_as(&world, &number, &["whatsapp invalid_number all"]).await;
    let listed = world.post(super::CHECK, &json!({"address": number})).send().await.ok()["suppressions"][0].take();
    let time = |name: &str| -> jiff::Timestamp { listed[name].as_str().expect("a time").parse().expect("a time") };
    assert_eq!(time("until").as_second() - time("since").as_second(), 30 * 86_400, "{listed}");
    let again = world.post("/api/v1/twilio/send-whatsapp", &json!({"to": number, "body": "x"})).send().await;
    assert_eq!(again.is(403).json["reason"], "invalid_address");
    let user = fresh::user();
    let theirs = json!({"user_id": user, "phone_number": number, "send_code": false});
    world.post("/api/communication/consent/sms", &theirs).send().await.ok();
    assert_eq!(trigger_refusal(&world, user, "payment_reminder", "sms").await, "");
}

#[tokio::test]
async fn a_mailbox_that_bounces_or_complains_is_on_the_list_with_the_reason() {
    let world = World::new();
    let _lines = world.share(&[Line::Sendgrid, Line::Resend]).await;
    for (kind, domain, provider, reason) in [
        ("bounced", "simulator.example", "sendgrid", "hard_bounce"),
        ("bounced", "resend.dev", "resend", "hard_bounce"),
        ("complained", "simulator.example", "sendgrid", "complaint"),
        ("complained", "resend.dev", "resend", "complaint"),
        ("unsubscribed", "simulator.example", "sendgrid", "unsubscribe"),
    ] {
        let (user, email) = (fresh::user(), format!("{kind}+{}@{domain}", fresh::word()));
        world.agrees_to_mail(user, &email).await;
        let body = json!({"to": email, "subject": "x", "text": fresh::text(), "scheduled_time": crate::world::flows::in_an_hour()});
        let sent = world.post("/api/v2/communications/email", &body).send().await.ok();
        world.release(sent["message_id"].as_str().expect("an id"), provider, "fixed").await;
        known_as(&world, &email, &[&format!("email {reason} all")]).await;
        let listed = world.post(super::CHECK, &json!({"address": email})).send().await.ok()["suppressions"][0].take();
        assert_eq!((&listed["source"], &listed["address"]), (&json!(provider), &json!(email)), "{listed}");
        let dead = reason == "hard_bounce";
        let refused = if dead { "invalid_address" } else { "address_suppressed" };
        assert_eq!(trigger_refusal(&world, user, "payment_confirmation", "email").await, refused, "{kind} {provider}");
        let check = json!({"user_id": user, "message_type": "payment_confirmation", "channel": "email"});
        let check = world.post("/api/communication/consent/check", &check).send().await.ok();
        let standing = if dead { "granted" } else { "revoked" };
        assert_eq!(check["consent_status"], standing, "who said no has said no: {check}");
        let told = told(&world, &mail(&email)).await;
        assert_eq!(names(&told), ["address_suppressed"], "{kind} {provider}");
        assert_eq!((&told[0].1["reason"], &told[0].1["scope"]), (&json!(reason), &json!("all")));
    }
}

#[tokio::test]
async fn who_left_one_kind_of_mail_at_the_provider_left_marketing() {
    let world = World::new();
    let _lines = world.share(&[Line::Sendgrid, Line::Resend]).await;
    let person = world.person().await;
    let body = json!({"to": person.email, "subject": "x", "text": fresh::text()});
    let id = world.direct("send-email", &body).await;
    world.until(&id, "delivered").await;
    let now = jiff::Timestamp::now().as_second();
    let event = json!([{
        "event": "group_unsubscribe", "asm_group_id": 7, "email": person.email, "message_id": id,
        "sg_event_id": fresh::word(), "timestamp": now,
    }]);
    let event = event.to_string();
    world.sendgrid_events(now, &crate::world::signing::sendgrid(now, &event), &event).await.is(200);
    known_as(&world, &person.email, &["email unsubscribe marketing"]).await;
    assert_eq!(trigger_refusal(&world, person.id, "monthly_report", "email").await, "address_suppressed");
    assert_eq!(trigger_refusal(&world, person.id, "payment_confirmation", "email").await, "");
}

#[tokio::test]
async fn what_is_said_of_an_address_at_the_same_moment_is_told_once() {
    let world = World::new();
    let road = world.road().await;
    let number = phone(&fresh::phone());
    let target = road.people.target(&number);
    let witness = switchboard::ledger::Witness::new("test", "test", road.clock.now());
    let suppression = switchboard::person::Suppression::new(
        switchboard::message::Channel::Sms,
        switchboard::person::Reason::Manual,
        "test",
        road.clock.now(),
    );
    let all = [suppression];
    let details = switchboard::store::people::Details::default();
    let puts = (0..8).map(|_| road.people.suppress(&target, &all, &witness, &details));
    let put = futures::future::join_all(puts).await;
    let won = put.iter().filter(|new| new.as_ref().is_ok_and(|new| !new.is_empty())).count();
    assert_eq!((won, put.iter().filter(|new| new.is_err()).count()), (1, 0));
    let releases = (0..8).map(|_| road.people.release(&target, |_| true, &witness, &details));
    let released = futures::future::join_all(releases).await;
    assert_eq!(released.iter().filter(|gone| gone.as_ref().is_ok_and(|gone| !gone.is_empty())).count(), 1);
    assert_eq!(names(&told(&world, &number).await), ["address_suppressed", "address_released"]);
    let left: Vec<Value> =
        world.post(super::CHECK, &json!({"address": number.as_str()})).send().await.ok()["suppressions"]
            .as_array()
            .expect("a list")
            .clone();
    assert!(left.is_empty());
}
