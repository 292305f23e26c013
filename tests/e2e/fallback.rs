//! What cannot arrive on its channel is sent on the next, once; and nobody who said "no" is followed to another channel.

use serde_json::{Value, json};

use crate::world::{Line, World, eventually, fresh, seconds};

/// A number Twilio takes and its carrier does not reach; one WhatsApp refuses without a template; one whose owner opted
/// out at the provider.
const UNREACHABLE: &str = "+15005550030";
const OUTSIDE_WINDOW: &str = "+15005550032";
const OPTED_OUT: &str = "+15005550004";

/// Somebody with this number and an e-mail address of their own.
async fn somebody(world: &World, phone: Option<&str>) -> (i64, String) {
    let (user, email) = (fresh::user(), fresh::email());
    if let Some(phone) = phone {
        let texts = json!({"user_id": user, "phone_number": phone, "consent_source": "web_form", "send_code": false});
        world.post("/api/communication/consent/sms", &texts).send().await.ok();
    }
    world.agrees_to_mail(user, &email).await;
    (user, email)
}

/// A task, once it has this status.
async fn task_until(world: &World, task: &str, status: &str) -> Value {
    eventually(&format!("task {task} is {status}"), seconds(60), async || {
        let task = world.status(task).await;
        if task["status"] == status { Ok(task) } else { Err(task.to_string()) }
    })
    .await
}

#[tokio::test]
async fn what_the_carrier_does_not_deliver_goes_by_email() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::Sendgrid, Line::Resend]).await;
    let (user, email) = somebody(&world, Some(UNREACHABLE)).await;
    let body = json!({"user_id": user, "trigger_type": "payment_confirmation", "data": {}, "channel": "sms", "fallback": "auto"});
    let answer = world.post("/api/communication/send", &body).send().await.ok();
    assert_eq!(answer["fallback_used"], false, "nothing has failed yet: {answer}");
    let task = task_until(&world, answer["task_id"].as_str().expect("a task"), "SUCCESS").await;
    assert_eq!(task["fallback_used"], true, "{task}");
    let (text, mail) = (&task["messages"][0], &task["messages"][1]);
    assert_eq!((&text["channel"], &text["status"]), (&json!("sms"), &json!("undelivered")), "{task}");
    assert_eq!((&mail["channel"], &mail["status"]), (&json!("email"), &json!("delivered")), "{task}");
    assert_eq!(mail["instead_of"], text["id"], "{task}");
    world.the_one(&email, "email").await;
    let message = world.message(text["id"].as_str().expect("an id")).await;
    assert_eq!(message["fallback_id"], mail["id"], "{message}");
}

#[tokio::test]
async fn a_number_that_does_not_exist_and_an_urgent_message_need_no_asking() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::Sendgrid, Line::Resend]).await;
    let (user, email) = somebody(&world, Some(&fresh::magic_phone("01"))).await;
    let body = json!({"user_id": user, "trigger_type": "financial_alert", "data": {}, "channel": "sms"});
    let task = world.trigger(&body).await;
    let task = task_until(&world, &task, "SUCCESS").await;
    assert_eq!(task["messages"][0]["reason"], "invalid_number", "{task}");
    world.the_one(&email, "email").await;
    // What is not urgent, and did not ask, ends.
    let (other, _) = somebody(&world, Some(&fresh::magic_phone("01"))).await;
    let body = json!({"user_id": other, "trigger_type": "payment_confirmation", "data": {}, "channel": "sms"});
    let task = world.trigger(&body).await;
    let task = task_until(&world, &task, "FAILURE").await;
    assert_eq!(task["messages"].as_array().map(Vec::len), Some(1), "{task}");
    // From now on it is known: what is urgent goes by e-mail from the start, the rest is refused.
    let refused = world.post("/api/communication/send", &body).send().await;
    let refused = refused.refused(403, "Nothing can arrive at the recipient's address on this channel").json;
    assert_eq!(refused["reason"], "invalid_address", "{refused}");
    let urgent = json!({"user_id": user, "trigger_type": "financial_alert", "data": {}, "channel": "sms"});
    let answer = world.post("/api/communication/send", &urgent).send().await.ok();
    assert_eq!(answer["fallback_used"], true, "{answer}");
    let message = world.until(answer["task_id"].as_str().expect("a task"), "delivered").await;
    assert_eq!((&message["channel"], &message["channel_asked"]), (&json!("email"), &json!("sms")), "{message}");
}

#[tokio::test]
async fn what_was_accepted_before_its_address_was_known_to_be_dead_goes_another_way_too() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::Sendgrid, Line::Resend]).await;
    let phone = fresh::magic_phone("01");
    let (user, email) = somebody(&world, Some(&phone)).await;
    let body = json!({
        "user_id": user, "trigger_type": "financial_alert", "data": {}, "channel": "sms",
        "scheduled_time": crate::world::flows::in_an_hour(),
    });
    let task = world.trigger(&body).await;
    world.until(&world.sms(&phone, &fresh::text()).await, "failed").await;
    world.release(&task, "twilio", "fixed").await;
    let done = task_until(&world, &task, "SUCCESS").await;
    assert_eq!(done["messages"][0]["status"], "blocked", "{done}");
    assert_eq!(done["messages"][0]["reason"], "invalid_address", "{done}");
    world.the_one(&email, "email").await;
}

#[tokio::test]
async fn whatsapp_falls_back_to_a_text_and_then_to_email() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::Whatsapp, Line::Sendgrid, Line::Resend]).await;
    let (user, _) = somebody(&world, Some(OUTSIDE_WINDOW)).await;
    let body = json!({"user_id": user, "trigger_type": "task_assignment", "data": {}, "channel": "whatsapp", "fallback": "auto"});
    let task = world.trigger(&body).await;
    let task = task_until(&world, &task, "SUCCESS").await;
    let messages = task["messages"].as_array().expect("messages");
    let channels: Vec<&str> = messages.iter().filter_map(|message| message["channel"].as_str()).collect();
    assert!(channels == ["whatsapp", "sms"] || channels == ["whatsapp", "sms", "email"], "{task}");
    assert_eq!(messages[0]["reason"], "outside_window", "{task}");
    assert_eq!(messages[messages.len() - 1]["status"], "delivered", "{task}");
}

#[tokio::test]
async fn who_has_no_number_gets_an_email_and_the_answer_says_so() {
    let world = World::new();
    let _lines = world.share(&[Line::Sendgrid, Line::Resend]).await;
    let (user, email) = somebody(&world, None).await;
    let body = json!({"user_id": user, "trigger_type": "payment_confirmation", "data": {}, "channel": "sms"});
    let key = fresh::word();
    let first = world.post("/api/communication/send", &body).key(&key).send().await.ok();
    assert_eq!(first["fallback_used"], true, "{first}");
    let message = world.until(first["task_id"].as_str().expect("a task"), "delivered").await;
    assert_eq!((&message["channel"], &message["channel_asked"]), (&json!("email"), &json!("sms")), "{message}");
    world.the_one(&email, "email").await;
    let again = world.post("/api/communication/send", &body).key(&key).send().await.ok();
    assert_eq!(again, first, "a repeated request gets the same answer");
    let batch = json!({"communications": [body]});
    let batch = world.post("/api/communication/batch", &batch).send().await.ok();
    assert_eq!(batch["results"][0]["fallback_used"], true, "{batch}");
}

#[tokio::test]
async fn who_opted_out_is_not_followed_to_another_channel() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (user, email) = somebody(&world, Some(OPTED_OUT)).await;
    let body = json!({"user_id": user, "trigger_type": "payment_confirmation", "data": {}, "channel": "sms", "fallback": "auto"});
    let answer = world.post("/api/communication/send", &body).send().await;
    // The provider's "no" is remembered: after the first such message the address is not used again at all.
    if answer.status == 200 {
        let task = answer.json["task_id"].as_str().expect("a task").to_owned();
        let task = task_until(&world, &task, "FAILURE").await;
        assert_eq!(task["messages"].as_array().map(Vec::len), Some(1), "{task}");
    } else {
        assert_eq!((answer.status, &answer.json["reason"]), (403, &json!("address_suppressed")), "{}", answer.text);
    }
    assert!(world.arrived(&email).await.is_empty());
}
