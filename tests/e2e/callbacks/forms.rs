//! The forms a callback may come in.

use jiff::Timestamp;
use serde_json::json;

use super::{sent_sms, steps};
use crate::world::{Line, World, fresh, signing};

#[tokio::test]
async fn the_json_form_is_read_when_its_hash_is_signed() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (id, sid) = sent_sms(&world).await;
    let body = json!({"MessageSid": sid, "MessageStatus": "undelivered", "ErrorCode": 30005, "ErrorMessage": "Unknown destination"});
    let body = body.to_string();
    let path = format!("/api/communication/webhooks/twilio?bodySHA256={}", signing::sha256_hex(&body));
    let url = format!("{}{path}", world.stack.api_url);
    let signature = signing::twilio(world.stack.secret("twilio_auth_token"), &url, &[]);
    let call = || world.call("POST", &path).no_token().header("content-type", "application/json");
    let altered = body.replace("30005", "30003");
    call().header("x-twilio-signature", &signature).body(&altered).send().await.refused(403, "Invalid signature");
    // It names no message of ours: it is found by the provider's id.
    call().header("x-twilio-signature", &signature).body(&body).send().await.is(200);
    let message = world.until(&id, "undelivered").await;
    assert_eq!(message["provider_code"], "30005", "{message}");
}

#[tokio::test]
async fn the_address_may_be_signed_with_or_without_its_port() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let token = world.stack.secret("twilio_auth_token");
    let (scheme, host) = world.stack.api_url.split_once("://").expect("an address");
    let host = host.split(':').next().expect("a host");
    let (id, sid) = sent_sms(&world).await;
    let path = format!("/twilio/sms-status?message={id}");
    let form = [("MessageSid", sid.as_str()), ("MessageStatus", "delivered")];
    let without = format!("{scheme}://{host}{path}");
    world.twilio_form(&path, &form, token, Some(&without)).await.is(200);
    world.until(&id, "delivered").await;
    let another = format!("{scheme}://{host}:1{path}");
    world.twilio_form(&path, &form, token, Some(&another)).await.is(403);
}

#[tokio::test]
async fn every_address_for_twilios_callbacks_takes_them() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    for path in ["/twilio/sms-status", "/twilio/whatsapp-status", "/api/communication/webhooks/twilio"] {
        let (id, sid) = sent_sms(&world).await;
        let answer = world.twilio_says(&format!("{path}?message={id}"), &sid, "delivered").await.ok();
        assert_eq!(answer, json!({"success": true}), "{path}");
        world.until(&id, "delivered").await;
    }
}

#[tokio::test]
async fn what_we_do_not_know_is_acknowledged_and_changes_nothing() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (id, sid) = sent_sms(&world).await;
    let before = world.message(&id).await;
    world.twilio_says(&format!("/twilio/sms-status?message={id}"), &sid, "teleported").await.is(200);

    let now = Timestamp::now().as_second();
    let secret = world.stack.secret("resend_webhook_secret");
    for kind in ["contact.created", "email.teleported", "domain.updated"] {
        let (event, body) =
            (format!("msg_{}", fresh::word()), json!({"type": kind, "data": {"tags": {"message_id": id}}}).to_string());
        world.resend_event(&event, now, &signing::svix(secret, &event, now, &body), &body).await.is(200);
    }
    let body = json!([{"event": "teleported", "message_id": id}, {"event": 7}, {}]).to_string();
    world.sendgrid_events(now, &signing::sendgrid(now, &body), &body).await.is(200);
    assert_eq!(world.message(&id).await, before);
    assert_eq!(steps(&before), steps(&world.message(&id).await));
}

#[tokio::test]
async fn what_is_signed_but_unreadable_is_refused_with_400() {
    let world = World::new();
    let now = Timestamp::now().as_second();
    let secret = world.stack.secret("resend_webhook_secret");
    for body in ["", "{", "[]", "\"text\""] {
        let event = format!("msg_{}", fresh::word());
        let answer = world.resend_event(&event, now, &signing::svix(secret, &event, now, body), body).await;
        answer.refused(400, "Malformed callback");
    }
    for body in ["{}", "{", "null"] {
        let answer = world.sendgrid_events(now, &signing::sendgrid(now, body), body).await;
        answer.refused(400, "Malformed callback");
    }
    let token = world.stack.secret("twilio_auth_token");
    let answer = world.twilio_form("/twilio/sms-status", &[("MessageSid", "SM1")], token, None).await;
    answer.refused(400, "Malformed callback");
}
