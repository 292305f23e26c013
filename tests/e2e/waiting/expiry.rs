//! What is worthless is not sent.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{in_seconds, marketing, reminder, time};
use crate::world::flows::trail;
use crate::world::{Line, World, fresh, seconds};

#[tokio::test]
async fn a_reminder_that_is_worthless_by_now_is_never_sent() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let person = world.person().await;
    let mut body = reminder(&person);
    body["scheduled_time"] = json!(in_seconds(3_600).to_string());
    body["expires_at"] = json!(in_seconds(7_200).to_string());
    let task = world.trigger(&body).await;
    // Two hours and a bit later, as if nothing had run meanwhile.
    let past = crate::world::aws::number(in_seconds(-1).as_millisecond());
    world.rewrite(&task, "SET valid_until = :t", &[(":t", past)]).await;
    world.age(&task, 3_601).await;
    let message = world.until_swept(seconds(30), &task, "expired").await;
    assert_eq!((&message["reason"], &message["attempts"]), (&json!("expired"), &json!(0)), "{message}");
    assert_eq!(trail(&message), ["scheduled", "expired"]);
    assert_eq!(world.status(&task).await["status"], "FAILURE");
    assert!(world.arrived(&person.phone).await.is_empty());
}

#[tokio::test]
async fn what_would_be_worthless_by_the_end_of_its_hold_is_told_so_at_once() {
    let world = World::new();
    let person = world.person().await;
    world.prefers(person.id, &json!({"time_zone": fresh::zone_at(3)})).await;
    let mut body = marketing(&person);
    body["expires_at"] = json!(in_seconds(3_600).to_string());
    let key = fresh::word();
    let refused = world.post("/api/communication/send", &body).key(&key).send().await;
    let refused = refused.refused(403, "The message would be worthless before it may be sent").json;
    assert_eq!(refused["reason"], "expired");
    let message = world.message(refused["task_id"].as_str().expect("an id")).await;
    assert_eq!((&message["status"], &message["reason"]), (&json!("expired"), &json!("expired")), "{message}");
    assert_eq!(
        (&message["decision"]["outcome"], &message["decision"]["reason"]),
        (&json!("held"), &json!("quiet_hours"))
    );
    assert!(time(&message["decision"]["until"]) > time(&message["expires_at"]));
    let again = world.post("/api/communication/send", &body).key(&key).send().await.is(403);
    assert_eq!((again.header("idempotency-replay"), &again.json), ("true", &refused));
}

#[tokio::test]
async fn an_expiry_that_makes_no_sense_is_named_on_every_surface() {
    let world = World::new();
    let person = world.person().await;
    let (to, past) = (fresh::phone(), "2025-01-27T10:00:00Z");
    let text = fresh::text();
    let surfaces = [
        ("/api/communication/send", reminder(&person)),
        ("/api/v1/twilio/send-sms", json!({"to": to, "body": text})),
        ("/api/v1/twilio/send-whatsapp", json!({"to": to, "body": text})),
        ("/api/v1/twilio/send-email", json!({"to": person.email, "subject": "Hello", "text": text})),
        ("/api/sms/send", json!({"to_number": to, "message": text})),
        ("/api/sms/send-bulk", json!({"phone_numbers": [to], "message": text})),
        ("/api/sms/whatsapp/send", json!({"to_number": to, "message": text})),
        ("/api/v2/communications/sms", json!({"to": to, "message": text})),
        ("/api/v2/communications/sms/bulk", json!({"message": text, "recipients": [{"to": to}]})),
    ];
    for (path, mut body) in surfaces {
        for bad in ["soon", past] {
            body["expires_at"] = json!(bad);
            let answer = world.post(path, &body).send().await.refused(400, "Invalid value for field: expires_at");
            assert_eq!(answer.json["field"], "expires_at", "{path}");
        }
    }
    let mut body = reminder(&person);
    body["scheduled_time"] = json!(in_seconds(600).to_string());
    body["expires_at"] = json!(in_seconds(500).to_string());
    let batch = world.post("/api/communication/batch", &json!({"communications": [body]})).send().await.ok();
    assert_eq!(batch["results"][0]["error"], "Invalid value for field: expires_at", "{batch}");
    assert!(world.arrived(&to).await.is_empty() && world.arrived(&person.phone).await.is_empty());
}

#[tokio::test]
async fn a_request_that_is_repeated_after_its_message_expired_gets_its_answer_again() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let text = fresh::text();
    let cases = [
        ("/api/v1/twilio/send-sms", json!({"to": fresh::phone(), "body": text})),
        ("/api/sms/send-bulk", json!({"phone_numbers": [fresh::phone(), "12"], "message": text})),
        ("/api/v2/communications/sms", json!({"to": fresh::phone(), "message": text})),
    ];
    let repeated = cases.map(async |(path, mut body)| {
        let expires = in_seconds(15);
        body["expires_at"] = json!(expires.to_string());
        let key = fresh::word();
        let first = world.post(path, &body).key(&key).send().await.ok();
        let wait = expires.duration_since(Timestamp::now()) + SignedDuration::from_millis(50);
        tokio::time::sleep(wait.max(SignedDuration::ZERO).unsigned_abs()).await;
        let again = world.post(path, &body).key(&key).send().await;
        assert_eq!(again.header("idempotency-replay"), "true", "{path}");
        assert_eq!(again.ok(), first, "{path}");
        world.post(path, &body).send().await.refused(400, "Invalid value for field: expires_at");
    });
    futures::future::join_all(repeated).await;
}
