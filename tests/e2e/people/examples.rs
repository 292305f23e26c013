//! The contract's section on preferences and consent, example by example: its literal bodies and answers. What the contract
//! does not print stands beside.

use serde_json::{Value, json};

use crate::world::{Line, World, fresh};

/// The contract's body, about a person of this test's own where it names one.
fn about(user: i64, mut body: Value) -> Value {
    body["user_id"] = json!(user);
    body
}

const REVOKE: &str = "/api/communication/consent/revoke";
const OPT_OUT: &str = "/api/communication/opt-out";
const CHECK: &str = "/api/communication/consent/check";

fn check_body() -> Value {
    json!({"user_id": 123, "message_type": "financial_alert", "channel": "sms"})
}

/// Somebody who agreed to texts as the contract's person did.
async fn agreed(world: &World) -> i64 {
    let user = fresh::user();
    let body =
        json!({"user_id": user, "phone_number": fresh::phone(), "consent_source": "web_form", "send_code": false});
    world.post("/api/communication/consent/sms", &body).send().await.ok();
    user
}

#[tokio::test]
async fn preferences_are_changed_and_read_as_printed() {
    let world = World::new();
    let user = fresh::user();
    let path = format!("/api/communication/preferences/{user}");
    let printed = json!({
        "sms_enabled": true, "email_enabled": true, "preferred_sms_time": "09:00:00", "preferred_email_day": 1,
        "alert_types_sms": {"financial_alert": true, "payment_reminder": true, "weekly_checkin": false},
        "alert_types_email": {"monthly_report": true, "career_insight": true, "educational_content": false},
        "frequency_preference": "weekly", "user_segment": "premium_subscriber"
    });
    world.prefers(user, &printed).await;
    let has = async |printed: &Value| {
        let answer = world.get(&path).send().await.ok();
        assert_eq!((&answer["success"], &answer["preferences"]["user_id"]), (&json!(true), &json!(user)));
        for (name, value) in printed.as_object().expect("an object") {
            let found = &answer["preferences"][name];
            match value.as_object() {
                Some(kinds) => kinds.iter().for_each(|(kind, wants)| assert_eq!(&found[kind], wants, "{name}.{kind}")),
                None => assert_eq!(found, value, "{name}"),
            }
        }
    };
    has(&printed).await;
    let change = json!({
        "sms_enabled": true,
        "preferred_sms_time": "10:00:00",
        "alert_types_sms": {"financial_alert": true, "payment_reminder": false},
        "frequency_preference": "daily"
    });
    world.put(&path, &change).send().await.ok();
    has(&change).await;
    // What it does not name stays.
    has(&json!({"preferred_email_day": 1, "alert_types_sms": {"weekly_checkin": false},
                "user_segment": "premium_subscriber"}))
    .await;
}

#[tokio::test]
async fn consent_is_checked_as_printed() {
    let world = World::new();
    let user = agreed(&world).await;
    let answer = world.post(CHECK, &about(user, check_body())).send().await.ok();
    let printed = json!({"success": true, "can_send": true, "reason": "explicit_consent", "consent_status": "granted"});
    assert_eq!(answer, printed);
}

#[tokio::test]
async fn consent_is_revoked_as_printed_and_only_that() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let user = agreed(&world).await;
    let body =
        json!({"user_id": 123, "channel": "sms", "message_types": ["financial_alert"], "reason": "user_request"});
    let answer = world.post(REVOKE, &about(user, body)).send().await.ok();
    assert_eq!(answer, json!({"success": true, "message": "Consent revoked successfully"}));
    let check = |kind: &str, channel: &str| {
        world.post(CHECK, &json!({"user_id": user, "message_type": kind, "channel": channel})).send()
    };
    let refused = json!({"success": true, "can_send": false, "reason": "opted_out", "consent_status": "revoked"});
    assert_eq!(check("financial_alert", "sms").await.ok(), refused);
    assert_eq!(check("payment_reminder", "sms").await.ok()["reason"], "explicit_consent");
    // What sending says is the same.
    let send = json!({"user_id": user, "trigger_type": "financial_alert", "channel": "sms", "data": {}});
    let blocked = world.post("/api/communication/send", &send).send().await.is(403).json;
    assert_eq!(blocked["reason"], "opted_out", "{blocked}");
    let send = json!({"user_id": user, "trigger_type": "payment_reminder", "channel": "sms", "data": {}});
    world.until(&world.trigger(&send).await, "delivered").await;
}

#[tokio::test]
async fn opting_out_takes_the_printed_body_and_holds_for_every_number() {
    let world = World::new();
    let user = agreed(&world).await;
    let body = json!({"user_id": 123, "channel": "sms", "message_type": "all", "reason": "too_frequent"});
    let answer = world.post(OPT_OUT, &about(user, body)).send().await.ok();
    assert_eq!(answer, json!({"success": true, "message": "Opted out successfully", "channels": ["sms"]}));
    let check = async |kind: &str| {
        let body = json!({"user_id": user, "message_type": kind, "channel": "sms"});
        let answer = world.post(CHECK, &body).send().await.ok();
        (answer["can_send"] == true, answer["reason"].as_str().expect("a reason").to_owned())
    };
    for kind in ["financial_alert", "weekly_checkin"] {
        assert_eq!(check(kind).await, (false, "opted_out".to_owned()), "{kind}");
    }
    assert_eq!(check("security_alert").await, (true, "security_message".to_owned()));
    // Another number is another number, and the no is theirs.
    let number = fresh::phone();
    let owner = switchboard::person::PersonId::text(&user.to_string()).expect("an id");
    world.has_proven(&owner, &number).await;
    assert_eq!(check("financial_alert").await.1, "opted_out");
    // Also where somebody writes to the bare number.
    let direct = json!({"to": number, "body": fresh::text()});
    let refused = world.post("/api/v1/twilio/send-sms", &direct).send().await.is(403).json;
    assert_eq!(refused["reason"], "opted_out", "{refused}");
    // And it is one kind where one kind is named; "all" is every channel.
    let user = agreed(&world).await;
    let one = json!({"user_id": user, "channel": "all", "message_type": "payment_reminder"});
    let answer = world.post(OPT_OUT, &one).send().await.ok();
    assert_eq!(answer["channels"], json!(["sms", "email", "whatsapp", "voice"]));
    let body = json!({"user_id": user, "message_type": "payment_reminder", "channel": "call"});
    assert_eq!(world.post(CHECK, &body).send().await.ok()["reason"], "opted_out");
    let body = json!({"user_id": user, "message_type": "financial_alert", "channel": "call"});
    assert_eq!(world.post(CHECK, &body).send().await.ok()["reason"], "transactional_message");
}

#[tokio::test]
async fn preferences_are_reset_as_printed_and_what_was_refused_stays_refused() {
    let world = World::new();
    let user = agreed(&world).await;
    let path = format!("/api/communication/preferences/{user}");
    let change = json!({"sms_enabled": false, "frequency_preference": "daily", "user_segment": "premium_subscriber",
                        "time_zone": "Asia/Tokyo", "alert_types_sms": {"payment_reminder": false}});
    world.prefers(user, &change).await;
    let no = json!({"user_id": user, "channel": "sms", "message_type": "financial_alert"});
    world.post(OPT_OUT, &no).send().await.ok();
    let answer = world.post(&format!("{path}/reset"), &json!({})).send().await.ok();
    assert_eq!(answer["success"], true);
    assert_eq!(answer["message"], "Preferences reset to defaults successfully");
    let printed =
        json!({"user_id": user, "sms_enabled": true, "email_enabled": true, "frequency_preference": "weekly"});
    for (name, value) in printed.as_object().expect("an object") {
        assert_eq!(&answer["preferences"][name], value, "{name}: {answer}");
    }
    assert!(answer["reason"].as_str().is_some_and(|reason| reason.len() > 20), "{answer}");
    let kept = world.get(&path).send().await.ok();
    assert_eq!(kept["preferences"], answer["preferences"]);
    assert_eq!(kept["preferences"]["time_zone"], "Asia/Tokyo");
    assert_eq!(kept["preferences"]["alert_types_sms"]["payment_reminder"], true);
    assert_eq!(world.post(CHECK, &about(user, check_body())).send().await.ok()["reason"], "opted_out");
    let nobody = fresh::user();
    let reset = world.post(&format!("/api/communication/preferences/{nobody}/reset"), &json!({})).send().await;
    reset.refused(404, &format!("Unknown user: {nobody}"));
}

#[tokio::test]
async fn what_nothing_is_known_of_is_told() {
    let world = World::new();
    let nobody = fresh::user();
    let unknown = world.post(CHECK, &about(nobody, check_body())).send().await;
    unknown.refused(404, &format!("Unknown user: {nobody}"));
    // Who is known and has no such address, and said nothing.
    let user = agreed(&world).await;
    let body = json!({"user_id": user, "message_type": "weekly_checkin", "channel": "email"});
    let answer = world.post(CHECK, &body).send().await.ok();
    let expected = json!({"success": true, "can_send": false, "reason": "no_address", "consent_status": "none"});
    assert_eq!(answer, expected);
    // A wish not to be written to is kept, also of somebody nothing was known of.
    let no = json!({"user_id": nobody, "channel": "all"});
    world.post(OPT_OUT, &no).send().await.ok();
    world
        .post(
            "/api/communication/consent/sms",
            &json!({"user_id": nobody, "phone_number": fresh::phone(),
        "message_types": ["payment_reminder"], "send_code": false}),
        )
        .send()
        .await
        .ok();
    assert_eq!(world.post(CHECK, &about(nobody, check_body())).send().await.ok()["reason"], "opted_out");
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let world = World::new();
    let cases = [
        (REVOKE, json!({"channel": "sms"}), "Missing required field: user_id"),
        (REVOKE, json!({"user_id": 1}), "Missing required field: channel"),
        (REVOKE, json!({"user_id": 1, "channel": "fax"}), "Invalid value for field: channel"),
        (REVOKE, json!({"user_id": 1, "channel": "sms", "message_types": ["spam"]}), "Invalid message type: spam"),
        (
            REVOKE,
            json!({"user_id": 1, "channel": "sms", "message_types": []}),
            "Invalid value for field: message_types",
        ),
        (REVOKE, json!({"user_id": 1, "channel": "sms", "reason": "x".repeat(257)}), "Invalid value for field: reason"),
        (OPT_OUT, json!({"user_id": 1}), "Missing required field: channel"),
        (OPT_OUT, json!({"user_id": 1, "channel": "fax"}), "Invalid value for field: channel"),
        (OPT_OUT, json!({"user_id": 1, "channel": "sms", "message_type": "spam"}), "Invalid message type: spam"),
        (CHECK, json!({"user_id": 1}), "Missing required field: message_type"),
        (CHECK, json!({"user_id": 1, "message_type": "spam"}), "Invalid message type: spam"),
        (
            CHECK,
            json!({"user_id": 1, "message_type": "security_alert", "channel": "fax"}),
            "Invalid value for field: channel",
        ),
    ];
    for (path, body, error) in cases {
        world.post(path, &body).send().await.refused(400, error);
    }
}
