//! A repeated request does not send again.

use futures::future::join_all;
use serde_json::json;

use crate::sweep::stored_only;
use crate::world::{Line, World, fresh, tokens};

#[tokio::test]
async fn the_same_key_and_body_get_the_same_answer_and_send_once() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (to, text, key) = (fresh::phone(), fresh::text(), fresh::word());
    let body = json!({"to": to, "body": text});
    let first = world.post("/api/v1/twilio/send-sms", &body).key(&key).send().await.is(200);
    assert_eq!(first.header("idempotency-replay"), "", "the first answer is no replay");
    // The same members in another order, with other spaces.
    let reordered = format!("{{ \"body\": {}, \"to\" :{} }}", json!(text), json!(to));
    let id = first.json["message_id"].as_str().expect("an id").to_owned();
    for when in ["at once", "after it arrived"] {
        for repeated in [body.to_string(), reordered.clone()] {
            let again = world.post_text("/api/v1/twilio/send-sms", &repeated).key(&key).send().await.is(200);
            assert_eq!(again.header("idempotency-replay"), "true", "{when}");
            assert_eq!(again.json, first.json, "{when}");
        }
        world.until(&id, "delivered").await;
    }
    assert_eq!(world.the_one(&to, "sms").await["text"], text.as_str());
}

#[tokio::test]
async fn the_same_key_with_another_body_is_refused() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (to, text, key) = (fresh::phone(), fresh::text(), fresh::word());
    let first = world.post("/api/v1/twilio/send-sms", &json!({"to": to, "body": text})).key(&key).send().await.ok();
    let other = json!({"to": to, "body": fresh::text()});
    let refused = world.post("/api/v1/twilio/send-sms", &other).key(&key).send().await;
    refused.refused(422, "Idempotency key was used with another request body");
    world.until(first["message_id"].as_str().expect("an id"), "delivered").await;
    assert_eq!(world.the_one(&to, "sms").await["text"], text.as_str());
}

#[tokio::test]
async fn twenty_requests_at_once_with_one_key_send_once() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (to, key) = (fresh::phone(), fresh::word());
    let body = json!({"to": to, "body": fresh::text()});
    let calls = (0..20).map(|_| world.post("/api/v1/twilio/send-sms", &body).key(&key).send());
    let answers: Vec<_> = join_all(calls).await.into_iter().map(|answer| answer.is(200)).collect();
    assert!(answers.iter().all(|answer| answer.json == answers[0].json), "{answers:?}");
    let originals = answers.iter().filter(|answer| answer.header("idempotency-replay").is_empty()).count();
    assert_eq!(originals, 1, "one answer is the first, the others repeat it");
    world.until(answers[0].json["message_id"].as_str().expect("an id"), "delivered").await;
    world.the_one(&to, "sms").await;
}

#[tokio::test]
async fn a_key_belongs_to_its_caller() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (to, key) = (fresh::phone(), fresh::word());
    let body = json!({"to": to, "body": fresh::text()});
    let mut ids = Vec::new();
    for _ in 0..2 {
        let token = tokens::sender(&fresh::word());
        let answer = world.post("/api/v1/twilio/send-sms", &body).token(&token).key(&key).send().await.is(200);
        assert_eq!(answer.header("idempotency-replay"), "");
        ids.push(answer.json["message_id"].as_str().expect("an id").to_owned());
    }
    assert_ne!(ids[0], ids[1]);
    for id in &ids {
        world.until(id, "delivered").await;
    }
    assert_eq!(world.arrived(&to).await.len(), 2);
}

#[tokio::test]
async fn a_key_on_both_channels_holds_for_both() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::Resend, Line::Sendgrid]).await;
    let (person, key) = (world.person().await, fresh::word());
    let body = json!({
        "user_id": person.id, "trigger_type": "payment_reminder", "channel": "both", "data": {"amount": "5.00"},
    });
    let calls = (0..5).map(|_| world.post("/api/communication/send", &body).key(&key).send());
    let answers: Vec<_> = join_all(calls).await.into_iter().map(|answer| answer.is(200)).collect();
    assert!(answers.iter().all(|answer| answer.json == answers[0].json), "{answers:?}");
    let task = answers[0].json["task_id"].as_str().expect("an id");
    for part in world.status(task).await["messages"].as_array().expect("parts") {
        world.until(part["id"].as_str().expect("an id"), "delivered").await;
    }
    world.the_one(&person.phone, "sms").await;
    world.the_one(&person.email, "email").await;
}

#[tokio::test]
async fn a_key_that_cannot_be_one_is_refused() {
    let world = World::new();
    let body = json!({"to": fresh::phone(), "body": fresh::text()});
    for key in ["", " ", &"k".repeat(256)] {
        let answer = world.post("/api/v1/twilio/send-sms", &body).key(key).send().await;
        answer.refused(400, "Invalid Idempotency-Key header");
    }
}

/// SQS delivers at least once: of several workers with the same message only one may call the provider.
#[tokio::test]
async fn a_record_that_comes_ten_times_at_once_sends_once() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let person = world.person().await;
    let task = stored_only(&world, &person, "medium").await;
    join_all((0..10).map(|_| world.enqueue("standard", &task))).await;
    world.until_stepped(&task, 10).await;
    let message = world.until(&task, "delivered").await;
    assert_eq!(message["attempts"], 1, "{message}");
    assert_eq!(world.the_one(&person.phone, "sms").await["requests"], 1);
}

#[tokio::test]
async fn a_repeated_request_gets_its_answer_also_when_it_could_not_be_read_today() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (user, phone, key) = (fresh::user(), fresh::phone(), fresh::word());
    let consent = json!({"user_id": user, "phone_number": phone, "consent_source": "web_form", "send_code": false});
    world.post("/api/communication/consent/sms", &consent).send().await.ok();
    let trigger = "booking_confirmation";
    let body =
        json!({"user_id": user, "trigger_type": trigger, "data": {"title": "T", "message": "M"}, "channel": "sms"});
    let first = world.post("/api/communication/send", &body).key(&key).send().await.is(200);
    // The person is gone: a new request could not be accepted.
    world.forget(&user.to_string()).await;
    world.post("/api/communication/send", &body).send().await.is(404);
    let again = world.post("/api/communication/send", &body).key(&key).send().await.is(200);
    assert_eq!((again.header("idempotency-replay"), &again.json), ("true", &first.json));
    let other = json!({"user_id": user, "trigger_type": trigger, "data": {}, "channel": "sms"});
    world.post("/api/communication/send", &other).key(&key).send().await.is(404);
}
