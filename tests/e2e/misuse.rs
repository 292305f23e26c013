//! What a token that may send cannot do with it: reach people who said no, call numbers that are paid for it, or send
//! without end.

use serde_json::{Value, json};

use crate::world::{Line, World, fresh, tokens};

/// The attack: an advert in the template for emergencies, to somebody who opted out.
#[tokio::test]
async fn emergency_template_with_advert_needs_urgent_scope() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let person = world.person().await;
    let no = json!({"user_id": person.id, "channel": "all"});
    world.post("/api/communication/opt-out", &no).send().await.ok();
    let data = json!({"message": "50 % off everything today"});
    let by_trigger = json!({
        "user_id": person.id, "trigger_type": "emergency_notification", "channel": "sms", "data": data,
    });
    let direct = json!({"to": person.phone, "template": "emergency_notification", "variables": data});
    let many = json!({
        "channel": "sms", "template": "emergency_notification",
        "recipients": [{"user_id": person.id, "variables": data}],
    });
    let batch = json!({"communications": [by_trigger]});
    let service = tokens::sender(&fresh::word());
    let refused = async |path: &str, body: &Value| {
        let answer = world.post(path, body).token(&service).send().await.refused(403, "Insufficient scope");
        assert_eq!(answer.json["details"], "This needs the scope communication:urgent");
    };
    refused("/api/communication/send", &by_trigger).await;
    refused("/api/v2/communications/sms", &direct).await;
    refused("/api/v2/communications/jobs", &many).await;
    let done = world.post("/api/communication/batch", &batch).token(&service).send().await.ok();
    assert_eq!(
        (&done["summary"]["successful"], &done["results"][0]["error"]),
        (&json!(0), &json!("Insufficient scope"))
    );
    assert!(world.arrived(&person.phone).await.is_empty());
    // The template's own words are nobody's advert, and who has the scope sends what there is to say.
    let alert = json!({
        "user_id": person.id, "trigger_type": "security_alert", "channel": "sms",
        "data": {"event": "a new sign-in from Berlin"},
    });
    world.post("/api/communication/send", &alert).token(&service).send().await.ok();
    let urgent = tokens::token(&fresh::word(), "communication:send communication:urgent");
    world.post("/api/communication/send", &by_trigger).token(&urgent).send().await.ok();
}

/// The attack: a stolen token calls and texts numbers whose owner is paid for each minute.
#[tokio::test]
async fn call_to_premium_number_is_refused() {
    let world = World::new();
    let service = tokens::sender(&fresh::word());
    for to in ["+19002345678", "+449098790123"] {
        for (path, body) in [
            ("/api/v2/communications/calls", json!({"to": to, "message": "Hello", "purpose": "x"})),
            ("/api/v1/twilio/initiate-call", json!({"to": to, "message": "Hello"})),
            ("/api/v1/twilio/send-sms", json!({"to": to, "body": "Hello"})),
            ("/api/v1/twilio/send-whatsapp", json!({"to": to, "body": "Hello"})),
            ("/api/v2/communications/sms", json!({"to": to, "message": "Hello"})),
        ] {
            let answer = world.post(path, &body).token(&service).send().await.is(403);
            assert_eq!(answer.json["reason"], "line_not_allowed", "{path}: {}", answer.json);
            let id = answer.json["task_id"].as_str().expect("the refusal is on record").to_owned();
            let message = world.message(&id).await;
            let checks = &message["decision"]["checks"];
            assert_eq!(
                (&message["status"], &checks[0]["rule"]),
                (&json!("blocked"), &json!("destination")),
                "{message}"
            );
        }
    }
}
