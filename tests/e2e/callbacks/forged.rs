//! What is not signed as it must be gets 403 and does nothing.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::sent_sms;
use crate::world::api::Answer;
use crate::world::{Line, World, fresh, signing};

const PATHS: [&str; 9] = [
    "/twilio/incoming-sms",
    "/twilio/incoming-whatsapp",
    "/twilio/call-status",
    "/twilio/sms-status",
    "/twilio/whatsapp-status",
    "/api/communication/webhooks/twilio",
    "/api/communication/webhooks/sendgrid",
    "/api/communication/webhooks/resend",
    "/webhooks/resend",
];

#[track_caller]
fn forged(answer: Answer) {
    answer.refused(403, "Invalid signature");
}

#[tokio::test]
async fn unsigned_bytes_are_refused_everywhere() {
    let world = World::new();
    for path in PATHS {
        for body in ["", "{}", "[]", "MessageSid=SM1&MessageStatus=delivered", "\u{0}\u{1}"] {
            forged(world.post_text(path, body).no_token().send().await);
            // A token of ours is no signature of theirs.
            forged(world.post_text(path, body).send().await);
        }
    }
}

#[tokio::test]
async fn a_forged_twilio_callback_changes_nothing() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (id, sid) = sent_sms(&world).await;
    let before = world.message(&id).await;
    let path = format!("/twilio/sms-status?message={id}");
    let url = format!("{}{path}", world.stack.api_url);
    let token = world.stack.secret("twilio_auth_token");
    let form = [("MessageSid", sid.as_str()), ("MessageStatus", "delivered")];

    forged(world.twilio_form(&path, &form, "another token", None).await);
    forged(world.twilio_form(&path, &form, "", None).await);
    let other = format!("{}/twilio/sms-status?message={}", world.stack.api_url, uuid::Uuid::now_v7());
    forged(world.twilio_form(&path, &form, token, Some(&other)).await);
    forged(world.twilio_form(&path, &form, token, Some("https://elsewhere.example/twilio/sms-status")).await);
    // Signed, then altered.
    let signature = signing::twilio(token, &url, &[("MessageSid", &sid), ("MessageStatus", "sent")]);
    let form_type = "application/x-www-form-urlencoded";
    let altered = format!("MessageSid={sid}&MessageStatus=delivered");
    let call = || world.call("POST", &path).no_token().header("content-type", form_type);
    forged(call().header("x-twilio-signature", &signature).body(&altered).send().await);
    // The signature of the bare address covers no body.
    let bare = signing::twilio(token, &url, &[]);
    forged(call().header("x-twilio-signature", &bare).body(&altered).send().await);
    let json_body = json!({"MessageSid": sid, "MessageStatus": "delivered"}).to_string();
    forged(world.post_text(&path, &json_body).no_token().header("x-twilio-signature", &bare).send().await);

    assert_eq!(world.message(&id).await, before);
}

#[tokio::test]
async fn a_forged_resend_event_changes_nothing() {
    let world = World::new();
    let _lines = world.share(&[Line::Resend, Line::Sendgrid]).await;
    let (id, email_id) = silent_email(&world).await;
    let before = world.message(&id).await;
    let body = delivered_event(&id, &email_id);
    let secret = world.stack.secret("resend_webhook_secret");
    let (event, now) = (format!("msg_{}", fresh::word()), Timestamp::now().as_second());

    for other in ["whsec_c2VjcmV0IG9mIHNvbWVib2R5IGVsc2U=", "whsec_AAAA"] {
        forged(world.resend_event(&event, now, &signing::svix(other, &event, now, &body), &body).await);
    }
    // A recorded one: too old, or from the future.
    for late in [now - 301, now + 3_600] {
        forged(world.resend_event(&event, late, &signing::svix(secret, &event, late, &body), &body).await);
    }
    let good = signing::svix(secret, &event, now, &body);
    forged(world.resend_event(&event, now + 1, &good, &body).await);
    forged(world.resend_event("msg_other", now, &good, &body).await);
    forged(world.resend_event(&event, now, &good, &body.replace("delivered", "bounced")).await);
    forged(world.resend_event(&event, now, &good.replace("v1,", "v2,"), &body).await);
    assert_eq!(world.message(&id).await, before);

    // Good among others, as while a secret is rotated.
    let several = format!("v1,{} v1a,x {good}", "A".repeat(43));
    world.resend_event(&event, now, &several, &body).await.is(200);
    world.until(&id, "delivered").await;
}

#[tokio::test]
async fn a_forged_batch_of_sendgrids_changes_nothing() {
    let world = World::new();
    let _lines = world.share(&[Line::Sendgrid]).await;
    let from = "hello@mailbox.example";
    let body = json!({"to": "silent@simulator.example", "from": from, "subject": "x", "text": fresh::text()});
    let id = world.direct("send-email", &body).await;
    world.until(&id, "sent").await;
    let before = world.message(&id).await;
    let now = Timestamp::now().as_second();
    let event = json!({
        "event": "delivered", "message_id": id, "sg_event_id": fresh::word(), "timestamp": now, "email": "silent@simulator.example",
    });
    let body = format!("[{event}]\r\n");
    let good = signing::sendgrid(now, &body);

    forged(world.sendgrid_events(now, &good, &body.replace("delivered", "bounce")).await);
    forged(world.sendgrid_events(now, &good, body.trim_end()).await);
    forged(world.sendgrid_events(now + 1, &good, &body).await);
    forged(world.sendgrid_events(now, "AAAA", &body).await);
    assert_eq!(world.message(&id).await, before);

    world.sendgrid_events(now, &good, &body).await.is(200);
    world.until(&id, "delivered").await;
}

/// An e-mail Resend took and says nothing of: our id and Resend's.
async fn silent_email(world: &World) -> (String, String) {
    let (user, email) = (fresh::user(), format!("silent+{}@simulator.example", fresh::word()));
    world.agrees_to_mail(user, &email).await;
    let body = json!({"user_id": user, "trigger_type": "user_invitation", "data": {}, "channel": "email"});
    let id = world.trigger_by_resend(&body).await;
    let message = world.until(&id, "sent").await;
    let email_id = message["provider_id"].as_str().expect("an id").to_owned();
    (id, email_id)
}

fn delivered_event(id: &str, email_id: &str) -> String {
    let data: Value = json!({"email_id": email_id, "tags": {"message_id": id}});
    json!({"type": "email.delivered", "created_at": Timestamp::now().to_string(), "data": data}).to_string()
}
