//! The literal examples of the `/api/communication` contract: each body is sent as it is printed there; each answer has
//! every field of the printed one, of the same type, and is kept as a snapshot.

use insta::{Settings, assert_json_snapshot};
use serde_json::{Value, json};

use crate::world::{Line, World, fresh};

/// Ids, times, prices and request ids differ from run to run; all else is in the snapshot.
fn settings() -> Settings {
    let mut settings = Settings::clone_current();
    settings.set_sort_maps(true);
    settings.set_prepend_module_to_snapshot(false);
    settings
}

macro_rules! snapshot {
    ($name:literal, $value:expr) => {
        settings().bind(|| {
            assert_json_snapshot!($name, $value, {
                ".task_id" => "[id]",
                ".results[].task_id" => "[id]",
                ".created" => "[time]",
                ".started" => "[time]",
                ".succeeded" => "[time]",
                ".result.message_id" => "[provider id]",
                ".result.delivery_time" => "[time]",
                ".messages[].id" => "[id]",
            });
        });
    };
}

/// Every field the contract prints is in the answer, with the same type; where it prints an enumeration the first
/// entries are the same.
#[track_caller]
fn has_the_shape_of(answer: &Value, printed: &Value, at: &str) {
    match (printed, answer) {
        (Value::Object(printed), Value::Object(answer)) => {
            for (name, value) in printed {
                let found = answer.get(name).unwrap_or_else(|| panic!("{at}.{name} is missing in {answer:?}"));
                has_the_shape_of(found, value, &format!("{at}.{name}"));
            }
        }
        (Value::Array(printed), Value::Array(answer)) => {
            for (printed, answer) in printed.iter().zip(answer) {
                has_the_shape_of(answer, printed, &format!("{at}[]"));
            }
            assert!(answer.len() >= printed.len(), "{at} has fewer entries than the contract prints");
        }
        (printed, answer) => {
            let kind = |value: &Value| match value {
                Value::Null => "null",
                Value::Bool(_) => "boolean",
                Value::Number(_) => "number",
                Value::String(_) => "string",
                Value::Array(_) => "array",
                Value::Object(_) => "object",
            };
            assert_eq!(kind(answer), kind(printed), "{at}: {answer} is not of the kind of {printed}");
        }
    }
}

/// The contract's own request.
fn send_body() -> Value {
    json!({
        "user_id": 123,
        "trigger_type": "financial_alert",
        "data": {"amount": 100.50, "account": "checking", "threshold": 200.00},
        "channel": "sms",
        "priority": "critical",
        "scheduled_time": "2025-01-27T10:00:00Z"
    })
}

/// Whoever holds it may change whose number the contract's is: attesting it ends what another test is about to prove.
static NUMBER: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

async fn registered() -> World {
    let world = World::new();
    let _alone = NUMBER.lock().await;
    let mut body = sms_consent();
    body["send_code"] = json!(false);
    world.post("/api/communication/consent/sms", &body).send().await.ok();
    world
}

/// The contract's own person and number.
fn sms_consent() -> Value {
    json!({"user_id": 123, "phone_number": "+1234567890", "consent_source": "web_form"})
}

#[tokio::test]
async fn granting_sms_consent_and_verifying_the_number_answer_as_printed() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let _alone = NUMBER.lock().await;
    // A number that is not verified, also where this ran before.
    let other = || json!({"user_id": 123, "phone_number": fresh::phone(), "send_code": false});
    world.post("/api/communication/consent/sms", &other()).send().await.ok();
    let (to, before) = ("+1234567890", world.codes("+1234567890", "sms").await.len());
    let answer = world.post("/api/communication/consent/sms", &sms_consent()).send().await.ok();
    let printed =
        json!({"success": true, "message": "SMS consent granted successfully", "verification_required": true});
    assert_eq!(answer, printed);
    let code = world.codes_until(before + 1, to, "sms").await.pop().expect("a code");
    let entered = json!({"phone_number": to, "verification_code": code});
    let answer = world.post("/api/communication/consent/sms/verify", &entered).send().await.ok();
    assert_eq!(answer, json!({"success": true, "message": "Phone number verified successfully"}));
    // For whoever looks at the contract next.
    world.post("/api/communication/consent/sms", &other()).send().await.ok();
}

#[tokio::test]
async fn granting_email_consent_takes_the_printed_body() {
    let world = World::new();
    let _lines = world.share(&[Line::Resend, Line::Sendgrid]).await;
    let body = json!({
        "user_id": 123,
        "email": "user@example.com",
        "message_types": ["monthly_report", "career_insight"],
        "consent_source": "api"
    });
    let answer = world.post("/api/communication/consent/email", &body).send().await.ok();
    snapshot!("consent_email", answer);
}

#[tokio::test]
async fn a_send_its_status_and_its_cancellation_answer_as_printed() {
    let world = registered().await;
    let _lines = world.share(&[Line::Sms]).await;
    let sent = world.post("/api/communication/send", &send_body()).send().await.ok();
    let printed = json!({
        "success": true, "task_id": "abc123-def456-ghi789", "cost": 0.05, "fallback_used": false,
        "analytics_tracked": true, "message": "Communication scheduled successfully"
    });
    has_the_shape_of(&sent, &printed, "send");
    assert_eq!(sent["message"], printed["message"]);
    snapshot!("send", sent);

    let task = sent["task_id"].as_str().unwrap();
    world.until(task, "delivered").await;
    let status = world.status(task).await;
    let printed = json!({
        "task_id": "abc123-def456-ghi789",
        "status": "SUCCESS",
        "result": {"message_id": "msg_123456", "delivered": true, "delivery_time": "2025-01-27T10:00:05Z"},
        "created": "2025-01-27T10:00:00Z",
        "started": "2025-01-27T10:00:01Z",
        "succeeded": "2025-01-27T10:00:05Z"
    });
    has_the_shape_of(&status, &printed, "status");
    assert_eq!(status["status"], "SUCCESS");
    snapshot!("status", status);

    let mut later = send_body();
    later["scheduled_time"] = json!((jiff::Timestamp::now() + jiff::SignedDuration::from_mins(10)).to_string());
    let scheduled = world.trigger(&later).await;
    let cancelled = world.post(&format!("/api/communication/cancel/{scheduled}"), &json!({})).send().await.ok();
    assert_eq!(cancelled, json!({"success": true, "message": "Communication cancelled successfully"}));
}

#[tokio::test]
async fn a_batch_answers_as_printed() {
    let world = registered().await;
    let _lines = world.share(&[Line::Sms, Line::Resend, Line::Sendgrid]).await;
    let mail = json!({"user_id": 124, "email": "user124@example.com", "message_types": ["weekly_checkin"]});
    world.owns(124, "user124@example.com").await;
    world.post("/api/communication/consent/email", &mail).send().await.ok();
    world.prefers(124, &json!({"time_zone": fresh::zone_at(12)})).await;
    let body = json!({"communications": [
        {"user_id": 123, "trigger_type": "financial_alert", "data": {"amount": 100.50}, "channel": "sms"},
        {"user_id": 124, "trigger_type": "weekly_checkin", "data": {"week": 3}, "channel": "email"}
    ]});
    let key = fresh::word();
    let answer = world.post("/api/communication/batch", &body).key(&key).send().await.ok();
    let printed = json!({
        "success": true,
        "results": [
            {"user_id": 123, "success": true, "task_id": "abc123-def456", "cost": 0.05, "fallback_used": false},
            {"user_id": 124, "success": true, "task_id": "ghi789-jkl012", "cost": 0.001, "fallback_used": false}
        ],
        "summary": {"total": 2, "successful": 2, "failed": 0, "total_cost": 0.051}
    });
    has_the_shape_of(&answer, &printed, "batch");
    snapshot!("batch", answer);

    let again = world.post("/api/communication/batch", &body).key(&key).send().await;
    assert_eq!(again.header("idempotency-replay"), "true");
    assert_eq!(again.ok(), answer);
    let other =
        json!({"communications": [{"user_id": 123, "trigger_type": "financial_alert", "data": {}, "channel": "sms"}]});
    world.post("/api/communication/batch", &other).key(&key).send().await.is(422);
    let id = |place: usize| answer["results"][place]["task_id"].as_str().unwrap();
    world.until(id(0), "delivered").await;
    // On a stack that is kept, the daily cap may hold the mail.
    assert_eq!(world.message(id(1)).await["consent_class"], "marketing");
}

/// The contract's own change, and its own answer.
#[tokio::test]
async fn preferences_answer_as_printed() {
    let world = registered().await;
    let body = json!({
        "sms_enabled": true,
        "preferred_sms_time": "10:00:00",
        "alert_types_sms": {"financial_alert": true, "payment_reminder": true},
        "frequency_preference": "daily"
    });
    let changed = world.put("/api/communication/preferences/123", &body).send().await.ok();
    assert_eq!(changed["success"], true);
    let all = json!({"email_enabled": true, "preferred_email_day": 1, "user_segment": "premium_subscriber",
                     "alert_types_sms": {"weekly_checkin": false}, "alert_types_email": {"educational_content": false}});
    world.put("/api/communication/preferences/123", &all).send().await.ok();
    let answer = world.get("/api/communication/preferences/123").send().await.ok();
    let printed = json!({
        "success": true,
        "preferences": {
            "user_id": 123,
            "sms_enabled": true,
            "email_enabled": true,
            "preferred_sms_time": "09:00:00",
            "preferred_email_day": 1,
            "alert_types_sms": {"financial_alert": true, "payment_reminder": true, "weekly_checkin": false},
            "alert_types_email": {"monthly_report": true, "career_insight": true, "educational_content": false},
            "frequency_preference": "weekly",
            "user_segment": "premium_subscriber"
        }
    });
    has_the_shape_of(&answer, &printed, "preferences");
    snapshot!("preferences", answer);
}

#[tokio::test]
async fn one_bad_send_does_not_fail_the_rest_of_its_batch() {
    let world = registered().await;
    let _lines = world.share(&[Line::Sms]).await;
    let good = json!({"user_id": 123, "trigger_type": "financial_alert", "data": {}, "channel": "sms"});
    let unknown = json!({"user_id": 987_654_321_000_i64, "trigger_type": "financial_alert", "data": {}});
    let unwanted = json!({"user_id": 123, "trigger_type": "weekly_checkin", "data": {}, "channel": "email"});
    let body = json!({"communications": [unknown, good, unwanted, {"user_id": 123}]});
    let answer = world.post("/api/communication/batch", &body).send().await.ok();
    let said: Vec<bool> = answer["results"].as_array().unwrap().iter().map(|r| r["success"] == true).collect();
    assert_eq!(said, [false, true, false, false], "{answer}");
    assert_eq!(answer["results"][0]["error"], "Unknown user: 987654321000");
    assert_eq!(answer["results"][3]["error"], "Missing required field: trigger_type");
    assert_eq!(answer["summary"]["failed"], 3);
    world.until(answer["results"][1]["task_id"].as_str().unwrap(), "delivered").await;
}

#[tokio::test]
async fn trigger_types_are_listed_as_printed() {
    let world = World::new();
    let answer = world.get("/api/communication/trigger-types").send().await.ok();
    let printed = json!([
        {"value": "financial_alert", "name": "Financial Alert", "description": "Critical financial notifications",
         "default_channel": "sms", "default_priority": "critical"},
        {"value": "payment_reminder", "name": "Payment Reminder", "description": "Payment due notifications",
         "default_channel": "sms", "default_priority": "high"}
    ]);
    for (printed, listed) in printed.as_array().unwrap().iter().zip(answer["trigger_types"].as_array().unwrap()) {
        for (name, value) in printed.as_object().unwrap() {
            assert_eq!(&listed[name], value, "{name}");
        }
    }
    snapshot!("trigger_types", answer);
}

#[tokio::test]
async fn the_printed_errors_are_answered_word_for_word() {
    let world = World::new();
    let mut unknown = send_body();
    unknown["trigger_type"] = json!("unknown_trigger");
    let answer = world.post("/api/communication/send", &unknown).send().await.is(400).json;
    assert_eq!(answer["error"], "Invalid trigger type: unknown_trigger");
    assert_eq!((&answer["success"], &answer["fallback_used"]), (&json!(false), &json!(false)));
    snapshot!("invalid_trigger_type", answer);

    let mut missing = send_body();
    missing.as_object_mut().unwrap().remove("user_id");
    let answer = world.post("/api/communication/send", &missing).send().await.is(400).json;
    assert_eq!(answer["error"], "Missing required field: user_id");
    snapshot!("missing_user_id", answer);

    let forged = json!({"MessageSid": "SM1234567890abcdef", "MessageStatus": "delivered", "ErrorCode": null, "ErrorMessage": null});
    let answer = world.post("/api/communication/webhooks/twilio", &forged).no_token().send().await.is(403).json;
    assert_eq!(answer["error"], "Invalid signature");
    snapshot!("invalid_signature", answer);
}
