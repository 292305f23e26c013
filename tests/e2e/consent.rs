//! Nobody is contacted against their wish, and the record says why.

use serde_json::json;

use crate::world::flows::trail;
use crate::world::{Line, World, fresh, tokens};

const SMS: &str = "/api/communication/consent/sms";
const EMAIL: &str = "/api/communication/consent/email";

#[tokio::test]
async fn marketing_needs_an_opt_in_for_that_kind_of_message() {
    let world = World::new();
    let _lines = world.share(&[Line::Resend, Line::Sendgrid, Line::BulkLane]).await;
    let (user, email) = (fresh::user(), fresh::email());
    world.owns(user, &email).await;
    let agreed = json!({"user_id": user, "email": email, "message_types": ["career_insight"]});
    world.post(EMAIL, &agreed).send().await.ok();
    world.prefers(user, &json!({"time_zone": fresh::zone_at(12)})).await;
    let report =
        json!({"user_id": user, "trigger_type": "monthly_report", "channel": "email", "data": {"month": "May"}});
    let key = fresh::word();
    let refused = world.post("/api/communication/send", &report).key(&key).send().await;
    let refused = refused.refused(403, "The recipient has not agreed to these messages").json;
    assert_eq!((&refused["reason"], &refused["fallback_used"]), (&json!("no_consent"), &json!(false)), "{refused}");
    let again = world.post("/api/communication/send", &report).key(&key).send().await.is(403);
    assert_eq!(again.header("idempotency-replay"), "true");
    assert_eq!(again.json, refused);

    // The refusal is on record, and says why.
    let message = world.message(refused["task_id"].as_str().expect("an id")).await;
    assert_eq!((&message["status"], &message["reason"]), (&json!("blocked"), &json!("no_consent")), "{message}");
    assert_eq!(message["decision"]["outcome"], "refused", "{message}");
    let last = message["decision"]["checks"].as_array().and_then(|checks| checks.last()).expect("a check");
    assert_eq!(last, &json!({"rule": "consent", "passed": false, "reason": "no_consent"}));
    assert_eq!(trail(&message), ["blocked"]);

    // What they agreed to goes; and the rest, once they agree to it.
    let insight =
        json!({"user_id": user, "trigger_type": "career_insight", "channel": "email", "data": {"title": "Learn"}});
    world.until(&world.trigger(&insight).await, "delivered").await;
    let agreed = json!({"user_id": user, "email": email, "message_types": ["career_insight", "monthly_report"]});
    world.post(EMAIL, &agreed).send().await.ok();
    world.until(&world.trigger(&report).await, "delivered").await;
    let subjects: Vec<_> = world.arrived(&email).await.iter().map(|email| email["subject"].clone()).collect();
    assert_eq!(subjects, ["Learn", "Your monthly report: May"]);
}

#[tokio::test]
async fn a_no_the_provider_knows_of_ends_the_message_and_suppresses_the_number() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let person = world.person().await;
    world.writes(&person.phone, "STOP").await;

    let refused_there = world.sms(&person.phone, &fresh::text()).await;
    let message = world.until(&refused_there, "failed").await;
    assert_eq!((&message["reason"], &message["provider_code"]), (&json!("opted_out"), &json!("21610")), "{message}");
    let status = world.status(&refused_there).await;
    assert_eq!((&status["status"], &status["result"]["error"]), (&json!("FAILURE"), &json!("opted_out")), "{status}");

    // From now on it is refused here: directly, by trigger, and even where it is about security.
    let direct = json!({"to": person.phone, "body": fresh::text()});
    let refused = world.post("/api/v1/twilio/send-sms", &direct).send().await;
    assert_eq!(refused.is(403).json["reason"], "address_suppressed");
    for trigger in ["payment_reminder", "security_alert"] {
        let body = json!({"user_id": person.id, "trigger_type": trigger, "channel": "sms", "data": {}});
        let refused = world.post("/api/communication/send", &body).send().await.is(403);
        assert_eq!(refused.json["reason"], "address_suppressed", "{trigger}");
    }
    assert!(world.arrived(&person.phone).await.is_empty());
}

#[tokio::test]
async fn a_person_decides_for_themselves_and_for_nobody_else() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (own, other) = (fresh::user(), fresh::user());
    let token = tokens::token(&own.to_string(), "");
    let grant = |user: i64| json!({"user_id": user, "phone_number": fresh::phone()});
    let granted = world.post(SMS, &grant(own)).token(&token).send().await.ok();
    assert_eq!(granted["message"], "SMS consent granted successfully");
    assert_eq!(granted["verification_required"], true);
    world.post(SMS, &grant(other)).token(&token).send().await.refused(403, "Insufficient scope");
    let email = json!({"user_id": other, "email": fresh::email()});
    world.post(EMAIL, &email).token(&token).send().await.refused(403, "Insufficient scope");
    // A service that may send may not change what people agreed to.
    world
        .post(SMS, &grant(other))
        .token(&tokens::sender(&fresh::word()))
        .send()
        .await
        .refused(403, "Insufficient scope");
    // Nothing of it was kept.
    let body = json!({"user_id": other, "trigger_type": "payment_reminder", "data": {}});
    world.post("/api/communication/send", &body).send().await.is(404);
}

#[tokio::test]
async fn consent_for_what_is_no_address_is_refused() {
    let world = World::new();
    let user = fresh::user();
    let number = json!({"user_id": user, "phone_number": "12"});
    let refused = world.post(SMS, &number).send().await.refused(400, "Invalid value for field: phone_number");
    assert_eq!(refused.json["field"], "phone_number");
    let email = json!({"user_id": user, "email": "nobody"});
    let refused = world.post(EMAIL, &email).send().await.refused(400, "Invalid value for field: email");
    assert_eq!(refused.json["field"], "email");
    let kind = json!({"user_id": user, "email": fresh::email(), "message_types": ["spam"]});
    world.post(EMAIL, &kind).send().await.refused(400, "Invalid message type: spam");
    world
        .post(SMS, &json!({"phone_number": fresh::phone()}))
        .send()
        .await
        .refused(400, "Missing required field: user_id");
}
