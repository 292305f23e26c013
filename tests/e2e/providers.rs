//! What providers answer when they do not simply say yes.

use serde_json::{Value, json};

use crate::world::aws::number;
use crate::world::flows::{count, trail};
use crate::world::{Line, World, fresh, seconds};

#[tokio::test]
async fn what_the_provider_refuses_for_good_ends_with_its_reason() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    // The provider's own test numbers, and what they stand for.
    for (to, code, reason) in
        [("01", "21211", "invalid_number"), ("09", "21614", "invalid_number"), ("03", "21408", "configuration")]
    {
        let to = &fresh::magic_phone(to);
        let id = world.sms(to, &fresh::text()).await;
        let message = world.until(&id, "failed").await;
        assert_eq!((&message["reason"], &message["provider_code"]), (&json!(reason), &json!(code)), "{message}");
        assert_eq!(message["attempts"], 1, "{message}");
        let status = world.status(&id).await;
        assert_eq!((&status["status"], &status["result"]["error"]), (&json!("FAILURE"), &json!(reason)), "{status}");
        assert_eq!(status["result"]["delivered"], false, "{status}");
    }
}

#[tokio::test]
async fn what_the_provider_took_and_could_not_deliver_ends_with_its_reason() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::Whatsapp, Line::Resend, Line::Sendgrid]).await;
    for (channel, to, code, reason) in [
        ("sms", "+15005550030", "30003", "unreachable"),
        ("sms", "+15005550033", "30007", "filtered"),
        ("whatsapp", "+15005550032", "63016", "outside_window"),
    ] {
        let id = world.direct(&format!("send-{channel}"), &json!({"to": to, "body": fresh::text()})).await;
        let message = world.until(&id, "undelivered").await;
        assert_eq!((&message["reason"], &message["provider_code"]), (&json!(reason), &json!(code)), "{message}");
        assert_eq!(world.status(&id).await["status"], "FAILURE");
    }
    let (user, email) = (fresh::user(), format!("bounced+{}@resend.dev", fresh::word()));
    world.agrees_to_mail(user, &email).await;
    let body = json!({"user_id": user, "trigger_type": "user_invitation", "data": {}, "channel": "email"});
    let task = world.trigger_by_resend(&body).await;
    let message = world.until(&task, "undelivered").await;
    assert_eq!(message["provider_code"], "Permanent General", "{message}");
}

/// Sends an e-mail through Resend and gives its id.
async fn by_resend(world: &World) -> (String, String) {
    let person = world.person().await;
    let body = json!({"user_id": person.id, "trigger_type": "user_invitation", "data": {}, "channel": "email"});
    (world.trigger_by_resend(&body).await, person.email)
}

#[tokio::test]
async fn too_many_requests_are_tried_again_when_the_provider_says() {
    let world = World::new();
    let _lines = world.own(&[Line::Resend]).await;
    // Its answer says: after one second.
    let fault = world.fault(json!({"provider": "resend", "kind": "status", "status": 429, "count": 1})).await;
    let (id, to) = by_resend(&world).await;
    fault.used_up(&world).await;
    let message = world.until(&id, "delivered").await;
    assert_eq!(message["attempts"], 2, "{message}");
    assert_eq!((count(&message, "retrying"), count(&message, "sending")), (1, 2), "{message}");
    assert_eq!(world.the_one(&to, "email").await["requests"], 2);
    let pause = time_of(&message, "sending", 1) - time_of(&message, "retrying", 0);
    assert!(pause >= 1_000, "tried again after {pause} ms");
}

#[tokio::test]
async fn sendgrid_429_uses_up_no_attempt() {
    let world = World::new();
    let _lines = world.own(&[Line::Sendgrid]).await;
    let fault = world.fault(json!({"provider": "sendgrid", "kind": "status", "status": 429, "count": 2})).await;
    let person = world.person().await;
    let body = json!({"user_id": person.id, "trigger_type": "user_invitation", "data": {}, "channel": "email",
        "scheduled_time": crate::world::flows::in_an_hour()});
    let id = world.trigger(&body).await;
    world.release(&id, "sendgrid", "fixed").await;
    fault.used_up(&world).await;
    let message = world.until(&id, "delivered").await;
    assert_eq!(message["attempts"], 3, "{message}");
    assert_eq!(world.row(&id).await["throttled"], number(2), "{message}");
    world.the_one(&person.email, "email").await;
}

#[tokio::test]
async fn a_busy_twilio_is_tried_again() {
    let world = World::new();
    let _lines = world.own(&[Line::Whatsapp]).await;
    let to = fresh::phone();
    let fault =
        json!({"provider": "twilio", "channel": "whatsapp", "kind": "status", "status": 429, "count": 1, "to": to});
    let fault = world.fault(fault).await;
    let id = world.whatsapp(&to, &fresh::text()).await;
    fault.used_up(&world).await;
    let message = world.until(&id, "delivered").await;
    assert_eq!(message["attempts"], 2, "{message}");
    world.the_one(&to, "whatsapp").await;
}

#[tokio::test]
async fn a_failing_resend_is_asked_again_with_the_same_key_and_sends_once() {
    let world = World::new();
    let _lines = world.own(&[Line::Resend]).await;
    let fault = world.fault(json!({"provider": "resend", "kind": "status", "status": 503, "count": 1})).await;
    let (id, to) = by_resend(&world).await;
    fault.used_up(&world).await;
    world.until(&id, "delivered").await;
    assert_eq!(world.the_one(&to, "email").await["requests"], 2, "the second request carried the same message");
}

#[tokio::test]
async fn an_answer_of_resends_that_got_lost_does_not_send_twice() {
    let world = World::new();
    let _lines = world.own(&[Line::Resend]).await;
    // Taken, and the answer comes after our patience; nor is there a callback.
    let lost = world.fault(json!({"provider": "resend", "kind": "hang_after", "delay_ms": 15_000, "count": 1})).await;
    let dropped = world.fault(json!({"provider": "resend", "kind": "drop_callback"})).await;
    let (id, to) = by_resend(&world).await;
    lost.used_up(&world).await;
    // After fifteen seconds it is asked for and found: what it was meanwhile is in its trail.
    world.until_noted(&id, "uncertain").await;
    world.age(&id, 90).await;
    world.until_swept(seconds(40), &id, "sent").await;
    drop(dropped);
    world.age(&id, 301).await;
    world.until_swept(seconds(40), &id, "delivered").await;
    assert_eq!(world.the_one(&to, "email").await["requests"], 2, "asked again with the same key");
}

#[tokio::test]
async fn an_answer_of_twilios_that_got_lost_does_not_send_twice() {
    let world = World::new();
    let _lines = world.own(&[Line::Whatsapp]).await;
    let (to, text) = (fresh::phone(), fresh::text());
    let whatsapp = |kind: &str| json!({"provider": "twilio", "channel": "whatsapp", "kind": kind});
    let mut hang = whatsapp("hang_after");
    hang["count"] = json!(1);
    hang["to"] = json!(to);
    let lost = world.fault(hang).await;
    let dropped = world.fault(whatsapp("drop_callback")).await;
    let id = world.whatsapp(&to, &text).await;
    lost.used_up(&world).await;
    let message = world.until_noted(&id, "uncertain").await;
    let told = world.status(&id).await["status"].clone();
    let is_over = world.message(&id).await["status"] != "uncertain";
    assert!(told == "RETRY" || is_over, "{told}");
    assert!(message["provider_id"].is_null() || is_over, "{message}");
    world.age(&id, 90).await;
    // Twilio is asked what it has, and has it.
    let message = world.until_swept(seconds(40), &id, "sent").await;
    assert_eq!(message["provider_id"], world.the_one(&to, "whatsapp").await["id"], "{message}");
    assert_eq!(message["attempts"], 1, "{message}");
    drop(dropped);
    world.age(&id, 301).await;
    world.until_swept(seconds(40), &id, "delivered").await;
    assert_eq!(world.the_one(&to, "whatsapp").await["requests"], 1);
}

#[tokio::test]
async fn a_late_answer_changes_nothing_after_the_callbacks_told_the_end() {
    let world = World::new();
    let _lines = world.own(&[Line::Whatsapp]).await;
    let to = fresh::phone();
    let late = json!({
        "provider": "twilio", "channel": "whatsapp", "kind": "hang_after", "delay_ms": 3_000, "count": 1, "to": to,
    });
    let late = world.fault(late).await;
    let id = world.whatsapp(&to, &fresh::text()).await;
    late.used_up(&world).await;
    let before = world.until(&id, "delivered").await;
    world.until_stepped(&id, 1).await;
    assert_eq!(world.message(&id).await, before);
    world.the_one(&to, "whatsapp").await;
}

#[tokio::test]
async fn what_never_reached_twilio_is_sent_again_once_twilio_was_asked() {
    let world = World::new();
    let _lines = world.own(&[Line::Whatsapp]).await;
    let to = fresh::phone();
    let cut = json!({"provider": "twilio", "channel": "whatsapp", "kind": "reset", "count": 1, "to": to});
    let cut = world.fault(cut).await;
    let id = world.whatsapp(&to, &fresh::text()).await;
    cut.used_up(&world).await;
    world.until(&id, "uncertain").await;
    // Asked within half a minute of the call, Twilio's "no" is not believed; here that half minute is longer.
    let now = jiff::Timestamp::now().as_millisecond();
    let values = [(":c", number(now + 600_000)), (":d", number(now))];
    world.rewrite(&id, "SET claimed_at = :c, due_at = :d", &values).await;
    world.enqueue("standard", &id).await;
    world.until_stepped(&id, 2).await;
    assert_eq!(world.message(&id).await["status"], "uncertain");
    world.age(&id, 720).await;
    let message = world.until_swept(seconds(40), &id, "delivered").await;
    assert_eq!(message["attempts"], 2, "{message}");
    assert!(trail(&message).contains(&"uncertain"), "{message}");
    assert_eq!(world.the_one(&to, "whatsapp").await["requests"], 2, "the lost one and the one that arrived");
}

#[tokio::test]
async fn a_message_nobody_reported_on_is_asked_for() {
    let world = World::new();
    let _lines = world.own(&[Line::Whatsapp]).await;
    let to = fresh::phone();
    let dropped = world.fault(json!({"provider": "twilio", "channel": "whatsapp", "kind": "drop_callback"})).await;
    let id = world.whatsapp(&to, &fresh::text()).await;
    world.until(&id, "sent").await;
    crate::world::eventually("the provider delivers it", seconds(20), async || {
        let there = world.the_one(&to, "whatsapp").await;
        if there["status"] == "delivered" { Ok(()) } else { Err(there.to_string()) }
    })
    .await;
    drop(dropped);
    world.sweep().await;
    assert_eq!(world.message(&id).await["status"], "sent", "not asked before its time");
    world.age(&id, 301).await;
    world.until_swept(seconds(40), &id, "delivered").await;
    world.the_one(&to, "whatsapp").await;
}

/// When something happened to a message the n-th time, in milliseconds.
fn time_of(message: &Value, event: &str, nth: usize) -> i64 {
    let steps = message["trail"].as_array().expect("a trail").iter().filter(|step| step["event"] == event);
    let at = steps.filter_map(|step| step["at"].as_str()).nth(nth).expect("it happened");
    at.parse::<jiff::Timestamp>().expect("a time").as_millisecond()
}

#[tokio::test]
async fn two_lost_texts_of_the_same_words_are_each_found_as_themselves() {
    let world = World::new();
    let _lines = world.own(&[Line::Whatsapp]).await;
    let silent = world.fault(json!({"provider": "twilio", "channel": "whatsapp", "kind": "drop_callback"})).await;
    let (to, text) = (fresh::phone(), fresh::text());
    let hang = json!({
        "provider": "twilio", "channel": "whatsapp", "kind": "hang_after", "delay_ms": 12_000, "count": 2, "to": to,
    });
    let hang = world.fault(hang).await;
    let ids = [world.whatsapp(&to, &text).await, world.whatsapp(&to, &text).await];
    hang.used_up(&world).await;
    for id in &ids {
        world.until_noted(id, "uncertain").await;
    }
    let mut found = Vec::new();
    for id in &ids {
        let message = world.until_swept(seconds(40), id, "sent").await;
        assert_eq!(message["attempts"], 1, "{message}");
        found.push(message["provider_id"].as_str().expect("an id").to_owned());
    }
    drop(silent);
    let mut arrived: Vec<String> =
        world.arrived(&to).await.iter().map(|text| text["id"].as_str().expect("an id").to_owned()).collect();
    found.sort();
    arrived.sort();
    assert_eq!(found, arrived);
}
