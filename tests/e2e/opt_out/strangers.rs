//! What a provider says of an address without a message of ours that it could be about, or of one it has only asked about.

use jiff::Timestamp;
use serde_json::{Value, json};
use switchboard::message::Address;
use switchboard::provider::{Event, ProviderName, Report};

use super::learned::known_as;
use super::{known, mail, names, told};
use crate::world::{Line, World, eventually, fresh, seconds, signing};

/// A report no message is known for.
async fn of_a_stranger(world: &World, address: &Address, event: Event) -> Report {
    Report {
        provider: ProviderName::Sendgrid,
        message_id: None,
        provider_id: Some(fresh::sid()),
        key: fresh::word(),
        event,
        at: Timestamp::now(),
        recipient: Some(world.seal().await.fingerprint(address)),
        provider_code: None,
        call: None,
        recording: None,
    }
}

/// The worker gets it from the queue of callbacks for the so many-th time.
async fn looked_for(world: &World, report: &Report, time: u32) {
    let record = json!({
        "messageId": fresh::sid(), "body": json!({"kind": "report", "report": report}).to_string(),
        "attributes": {"ApproximateReceiveCount": time.to_string()}, "messageAttributes": {}, "eventSource": "aws:sqs",
    });
    world.invoke("deliver", &json!({"Records": [record]}).to_string()).await;
}

#[tokio::test]
async fn what_is_said_of_an_address_holds_though_nobody_finds_the_message() {
    let world = World::new();
    for (event, expected) in [
        (Event::Complained, "email complaint all"),
        (Event::Undelivered(switchboard::provider::PermanentKind::InvalidEmail), "email hard_bounce all"),
        (Event::UnsubscribedKind, "email unsubscribe marketing"),
    ] {
        let email = fresh::email();
        let report = of_a_stranger(&world, &mail(&email), event).await;
        looked_for(&world, &report, 4).await;
        assert!(known(&world, &email).await.is_empty(), "its message may yet be found");
        looked_for(&world, &report, 5).await;
        looked_for(&world, &report, 5).await;
        assert_eq!(known(&world, &email).await, [expected]);
        assert_eq!(names(&told(&world, &mail(&email)).await), ["address_suppressed"]);
    }
    let email = fresh::email();
    looked_for(&world, &of_a_stranger(&world, &mail(&email), Event::Delivered).await, 5).await;
    assert!(known(&world, &email).await.is_empty());
}

#[tokio::test]
async fn a_complaint_that_resend_tells_when_it_is_asked_is_heeded_and_the_mail_has_arrived() {
    let world = World::new();
    let _lines = world.own(&[Line::Resend]).await;
    let silent = world.fault(json!({"provider": "resend", "kind": "drop_callback"})).await;
    let email = format!("complained+{}@resend.dev", fresh::word());
    let body = json!({"to": email, "subject": "x", "text": fresh::text(), "scheduled_time": crate::world::flows::in_an_hour()});
    let sent = world.post("/api/v2/communications/email", &body).send().await.ok();
    let id = sent["message_id"].as_str().expect("an id").to_owned();
    world.release(&id, "resend", "fixed").await;
    world.until(&id, "sent").await;
    eventually("Resend knows of the complaint", seconds(20), async || {
        let mail = world.the_one(&email, "email").await;
        if mail["status"] == "complained" { Ok(()) } else { Err(mail.to_string()) }
    })
    .await;
    world.age(&id, 301).await;
    let message: Value = world.until_swept(seconds(40), &id, "delivered").await;
    assert!(crate::world::flows::trail(&message).contains(&"complained"), "{message}");
    known_as(&world, &email, &["email complaint all"]).await;
    drop(silent);
}

#[tokio::test]
async fn who_joins_a_kind_of_mail_at_the_provider_again_has_left_it_no_longer() {
    let world = World::new();
    let now = Timestamp::now().as_second();
    for (reason, expected) in [(Event::UnsubscribedKind, &[][..]), (Event::Unsubscribed, &["email unsubscribe all"])] {
        let email = fresh::email();
        let left = Report {
            at: Timestamp::from_second(now - 60).expect("a time"),
            ..of_a_stranger(&world, &mail(&email), reason).await
        };
        looked_for(&world, &left, 5).await;
        assert_eq!(known(&world, &email).await.len(), 1);
        let at = |second: i64| Timestamp::from_second(second).expect("a time");
        let rejoined = of_a_stranger(&world, &mail(&email), Event::ResubscribedKind).await;
        let before = Report { at: at(now - 120), ..rejoined.clone() };
        looked_for(&world, &before, 5).await;
        assert_eq!(known(&world, &email).await.len(), 1, "they left after that");
        looked_for(&world, &rejoined, 5).await;
        assert_eq!(known(&world, &email).await, expected);
        let told = told(&world, &mail(&email)).await;
        if expected.is_empty() {
            assert_eq!(names(&told), ["address_suppressed", "address_released"]);
            assert_eq!(told[1].1["source"], "sendgrid", "{told:?}");
        } else {
            assert_eq!(names(&told), ["address_suppressed"], "what they left for good is another thing");
        }
    }

    // Of a message of ours it comes at once.
    let _lines = world.share(&[Line::Sendgrid, Line::Resend]).await;
    let email = fresh::email();
    let id = world.direct("send-email", &json!({"to": email, "subject": "x", "text": fresh::text()})).await;
    world.until(&id, "delivered").await;
    for (event, at, expected) in
        [("group_unsubscribe", now - 30, &["email unsubscribe marketing"][..]), ("group_resubscribe", now - 20, &[])]
    {
        let body = json!([{"event": event, "asm_group_id": 7, "email": email, "message_id": id, "sg_event_id": fresh::word(), "timestamp": at}]);
        let (stamp, body) = (Timestamp::now().as_second(), body.to_string());
        world.sendgrid_events(stamp, &signing::sendgrid(stamp, &body), &body).await.is(200);
        known_as(&world, &email, expected).await;
    }
}
