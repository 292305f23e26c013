//! A person's own token opens what is theirs, and nothing of anybody else's.

use serde_json::{Value, json};

use crate::world::{Line, World, fresh, tokens};

/// Every route about people: method, path and body, about this user.
fn routes(user: i64) -> Vec<(&'static str, String, Value)> {
    let path = |rest: &str| format!("/api/communication/{rest}");
    let body = |more: Value| {
        let mut body = json!({"user_id": user});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        body
    };
    vec![
        ("GET", path(&format!("preferences/{user}")), Value::Null),
        ("PUT", path(&format!("preferences/{user}")), json!({"sms_enabled": true})),
        ("POST", path(&format!("preferences/{user}/reset")), json!({})),
        ("POST", path("consent/sms"), body(json!({"phone_number": fresh::phone()}))),
        ("POST", path("consent/email"), body(json!({"email": fresh::email()}))),
        ("POST", path("consent/revoke"), body(json!({"channel": "sms"}))),
        ("POST", path("opt-out"), body(json!({"channel": "sms", "message_type": "all"}))),
        ("POST", path("consent/check"), body(json!({"message_type": "financial_alert", "channel": "sms"}))),
        ("GET", path(&format!("optimal-send-time?user_id={user}&channel=sms")), Value::Null),
        ("GET", path(&format!("ledger/{user}")), Value::Null),
        ("GET", path(&format!("ledger/{user}/verify")), Value::Null),
        // Taking away what is one's own is in `privacy/access.rs`.
        ("GET", path(&format!("privacy/{user}/export")), Value::Null),
    ]
}

#[tokio::test]
async fn a_token_opens_ones_own_data_and_nobody_elses() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms, Line::Resend, Line::Sendgrid]).await;
    let (own, other) = (fresh::user(), fresh::user());
    world.prefers(other, &json!({"time_zone": "Europe/Berlin"})).await;
    let before = world.get(&format!("/api/communication/preferences/{other}")).send().await.ok();
    // Sending and reading are no scopes for it; one's own needs none at all.
    let token = tokens::token(&own.to_string(), "communication:send communication:read analytics:read");
    let bare = tokens::token(&own.to_string(), "");
    world.put(&format!("/api/communication/preferences/{own}"), &json!({})).token(&bare).send().await.ok();
    for ((method, path, body), (_, own_path, own_body)) in routes(other).into_iter().zip(routes(own)) {
        let call = |path: &str, body: &Value| {
            let call = world.call(method, path).header("content-type", "application/json");
            if body.is_null() { call } else { call.body(&body.to_string()) }
        };
        call(&path, &body).token(&token).send().await.refused(403, "Insufficient scope");
        call(&path, &body).no_token().send().await.refused(401, "Authentication required");
        call(&own_path, &own_body).token(&bare).send().await.ok();
    }
    assert_eq!(world.get(&format!("/api/communication/preferences/{other}")).send().await.ok(), before);
    let entries = world.get(&format!("/api/communication/ledger/{other}")).send().await.ok();
    assert_eq!(entries["entries"].as_array().map(Vec::len), Some(1), "{entries}");
    // These two have nobody in their path: they are always about the token's own person.
    let phone = fresh::phone();
    world.put("/api/sms/preferences", &json!({"phone_number": phone})).token(&bare).send().await.ok();
    assert_eq!(world.get("/api/sms/preferences").token(&bare).send().await.ok()["phone_number"], json!(phone));
    let others = tokens::token(&other.to_string(), "");
    assert_eq!(world.get("/api/sms/preferences").token(&others).send().await.ok()["phone_number"], Value::Null);
}
