//! What is refused before any store is asked, in process.

use axum::Router;
use serde_json::json;
use switchboard::clock::Clock;
use switchboard::testing::{Answer, ask, dead_budgets, dead_jobs, dead_road, edge, token};

fn router() -> Router {
    let road = dead_road(Clock::system()).unwrap();
    let (jobs, files) = dead_jobs(&road);
    crate::router(edge(&road).unwrap(), road, dead_budgets(), jobs, files)
}

async fn post(path: &str, body: &str) -> Answer {
    let token = token("service", "communication:send communication:read").unwrap();
    ask(&router(), "POST", path, Some(&token), body).await.unwrap()
}

async fn refused(path: &str, body: serde_json::Value, error: &str) {
    let answer = post(path, &body.to_string()).await;
    assert_eq!(answer.status, 400, "{body}: {}", answer.json);
    assert_eq!(answer.json["error"], error, "{body}");
    assert_eq!(answer.json["success"], false);
}

#[tokio::test]
async fn a_bad_send_is_told_what_is_wrong_in_the_words_of_the_contract() {
    let path = "/api/communication/send";
    refused(path, json!({"trigger_type": "financial_alert", "data": {}}), "Missing required field: user_id").await;
    refused(path, json!({"user_id": 123, "data": {}}), "Missing required field: trigger_type").await;
    refused(path, json!({"user_id": 123, "trigger_type": "financial_alert"}), "Missing required field: data").await;
    refused(
        path,
        json!({"user_id": {}, "trigger_type": "financial_alert", "data": {}}),
        "Invalid value for field: user_id",
    )
    .await;
    refused(
        path,
        json!({"user_id": 1, "trigger_type": "financial_alert", "data": []}),
        "Invalid value for field: data",
    )
    .await;
    let send = |field: &str, value: &str| {
        let mut body = json!({"user_id": 123, "trigger_type": "financial_alert", "data": {}});
        body[field] = json!(value);
        body
    };
    refused(path, send("trigger_type", "unknown_trigger"), "Invalid trigger type: unknown_trigger").await;
    refused(path, send("channel", "pigeon"), "Invalid value for field: channel").await;
    refused(path, send("priority", "extreme"), "Invalid value for field: priority").await;
    refused(path, send("scheduled_time", "soon"), "Invalid value for field: scheduled_time").await;
    refused(path, send("scheduled_time", "Preferred"), "Invalid value for field: scheduled_time").await;
    refused(path, send("expires_at", "soon"), "Invalid value for field: expires_at").await;
    refused(path, send("expires_at", "2025-01-27T10:00:00Z"), "Invalid value for field: expires_at").await;
}

#[tokio::test]
async fn odd_query_is_refused_in_the_envelope() {
    let token = token("service", "communication:read settings:manage").unwrap();
    for path in [
        "/api/v2/communications/jobs",
        "/api/v2/communications/threads/user:1/messages",
        "/api/v2/communications/templates",
        "/api/v2/communications/voice/menu",
    ] {
        let name = if path.ends_with("menu") { "version" } else { "limit" };
        let path = format!("{path}?{name}=1&{name}=2");
        let answer = ask(&router(), "GET", &path, Some(&token), "").await.unwrap();
        assert_eq!(
            (answer.status, &answer.json["error"]),
            (http::StatusCode::BAD_REQUEST, &json!("Invalid query")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn misspelt_secret_variables_are_refused_and_not_sent_in_clear() {
    let token = token("service", "communication:send communication:read").unwrap();
    for (path, mut body) in [
        (
            "/api/communication/send",
            json!({"user_id": 123, "trigger_type": "document_request", "data": {"name": "Ada"}}),
        ),
        (
            "/api/v2/communications/sms",
            json!({"to": "+14155552671", "message": "{{ pin }}", "variables": {"pin": "1"}}),
        ),
        (
            "/api/v2/communications/email",
            json!({"to": "a@example.com", "subject": "s", "text": "{{ pin }}", "variables": {"pin": "1"}}),
        ),
        ("/api/v2/communications/jobs", json!({"channel": "sms", "message": "{{ pin }}"})),
    ] {
        body["secretVariables"] = json!(["pin"]);
        let answer = ask(&router(), "POST", path, Some(&token), &body.to_string()).await.unwrap();
        assert_eq!(
            (answer.status, &answer.json["field"]),
            (http::StatusCode::BAD_REQUEST, &json!("secretVariables")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn an_unknown_trigger_answers_with_every_field_of_the_contract() {
    let answer =
        post("/api/communication/send", r#"{"user_id": 123, "trigger_type": "unknown_trigger", "data": {}}"#).await;
    assert_eq!(
        answer.json,
        json!({
            "success": false,
            "error": "Invalid trigger type: unknown_trigger",
            "fallback_used": false,
            "context": "send_communication",
            "field": "trigger_type",
        })
    );
}

#[tokio::test]
async fn a_bad_direct_send_names_the_field() {
    let sms = "/api/v1/twilio/send-sms";
    refused(sms, json!({"body": "x"}), "Missing required field: to").await;
    refused(sms, json!({"to": "+14155552671"}), "Missing required field: body").await;
    refused(sms, json!({"to": "+14155552671", "body": " "}), "Missing required field: body").await;
    refused(sms, json!({"to": "12", "body": "x"}), "Invalid value for field: to").await;
    refused(sms, json!({"to": "+14155552671", "from": "&", "body": "x"}), "Invalid value for field: from").await;
    refused(sms, json!({"to": "+14155552671", "body": "x".repeat(1601)}), "Invalid value for field: body").await;
    let email = "/api/v1/twilio/send-email";
    refused(email, json!({"to": "nobody", "subject": "s", "text": "x"}), "Invalid value for field: to").await;
    refused(email, json!({"to": "a@example.com", "subject": "s"}), "Missing required field: text").await;
    refused(email, json!({"to": "a@example.com", "subject": "a\nb", "text": "x"}), "Invalid value for field: subject")
        .await;
}

#[tokio::test]
async fn an_email_may_be_larger_than_other_requests_and_not_endless() {
    let path = "/api/v2/communications/email";
    let with_file = |bytes: usize| {
        let files = json!([{"filename": "a.bin", "content": "A".repeat(bytes)}]);
        json!({"to": "a@example.com", "subject": "s", "text": "x", "attachments": files}).to_string()
    };
    // Past the body, to the store that does not answer.
    assert_eq!(post(path, &with_file(4_000_000)).await.status, 503);
    let too_large = post(path, &with_file(10 << 20)).await;
    assert_eq!((too_large.status.as_u16(), &too_large.json["success"]), (413, &json!(false)));
    let other = json!({"to": "+14155552671", "body": "x".repeat(3 << 20)}).to_string();
    assert_eq!(post("/api/v1/twilio/send-sms", &other).await.status, 413);
    refused(path, json!({"subject": "s", "text": "x"}), "Missing required field: to").await;
    refused(path, json!({"to": "a@example.com", "text": "x"}), "Missing required field: subject").await;
    refused(path, json!({"to": "a@example.com", "subject": "s"}), "Missing required field: text").await;
}

#[tokio::test]
async fn a_batch_has_one_to_a_hundred_sends_and_names_each_ones_fault() {
    let path = "/api/communication/batch";
    refused(path, json!({}), "Missing required field: communications").await;
    for count in [0, 101] {
        let sends = vec![json!({}); count];
        refused(path, json!({"communications": sends}), "Invalid value for field: communications").await;
    }
    let sends =
        json!([{"trigger_type": "financial_alert", "data": {}}, {"user_id": 7, "trigger_type": "x", "data": {}}, 5]);
    let answer = post(path, &json!({"communications": sends}).to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    assert_eq!(answer.json["summary"], json!({"total": 3, "successful": 0, "failed": 3, "total_cost": 0.0}));
    let results = &answer.json["results"];
    assert_eq!(
        results[0],
        json!({"user_id": null, "success": false, "error": "Missing required field: user_id", "fallback_used": false})
    );
    assert_eq!(
        results[1],
        json!({"user_id": 7, "success": false, "error": "Invalid trigger type: x", "fallback_used": false})
    );
    assert_eq!(results[2]["success"], false);
}

#[tokio::test]
async fn a_batch_of_which_nothing_could_be_stored_is_not_accepted() {
    let sends = json!([{"user_id": 7, "trigger_type": "financial_alert", "data": {}}]);
    assert_eq!(post("/api/communication/batch", &json!({"communications": sends}).to_string()).await.status, 503);
}

#[tokio::test]
async fn a_bad_job_names_the_field() {
    let path = "/api/v2/communications/jobs";
    refused(path, json!({"message": "x"}), "Missing required field: channel").await;
    refused(path, json!({"channel": "sms"}), "Missing required field: message").await;
    refused(path, json!({"channel": "voice", "message": "x"}), "Invalid value for field: channel").await;
    refused(path, json!({"channel": "sms", "message": "{{"}), "Invalid value for field: message").await;
    refused(path, json!({"channel": "email", "text": "x"}), "Missing required field: subject").await;
    refused(path, json!({"channel": "email", "subject": "x"}), "Missing required field: text").await;
    refused(path, json!({"channel": "sms", "message": "x", "subject": "y"}), "Invalid value for field: subject").await;
    refused(path, json!({"channel": "sms", "trigger_type": "x"}), "Invalid trigger type: x").await;
    refused(
        path,
        json!({"channel": "sms", "trigger_type": "document_request", "message": "x"}),
        "Invalid value for field: message",
    )
    .await;
    refused(
        path,
        json!({"channel": "sms", "trigger_type": "document_request", "class": "marketing"}),
        "Invalid value for field: class",
    )
    .await;
    refused(
        path,
        json!({"channel": "sms", "trigger_type": "document_request", "template": "x"}),
        "Invalid value for field: template",
    )
    .await;
    refused(path, json!({"channel": "sms", "template": "No Name"}), "Invalid value for field: template").await;
    refused(path, json!({"channel": "sms", "message": "x", "locale": "fr"}), "Invalid value for field: locale").await;
    let job = |field: &str, value: serde_json::Value| {
        let mut body = json!({"channel": "sms", "message": "Hello {{ name }}"});
        body[field] = value;
        body
    };
    refused(path, job("class", json!("urgent")), "Invalid value for field: class").await;
    refused(path, job("scheduled_time", json!("soon")), "Invalid value for field: scheduled_time").await;
    refused(path, job("expires_at", json!("1999-01-01T00:00:00Z")), "Invalid value for field: expires_at").await;
    refused(path, job("recipients", json!([])), "Invalid value for field: recipients").await;
    refused(path, job("recipients", json!(["+1"])), "Invalid value for field: recipients[0]").await;
    refused(path, job("message", json!("x".repeat(4_001))), "Invalid value for field: message").await;
}

#[tokio::test]
async fn a_job_of_more_than_two_megabytes_is_read() {
    let recipients: Vec<_> =
        (0..30_000).map(|i| json!({"to": format!("+1415555{i:05}"), "variables": {"name": "x".repeat(50)}})).collect();
    let body = json!({"channel": "sms", "message": "Hello {{ name }}", "recipients": recipients}).to_string();
    assert!(body.len() > 2_500_000);
    // Past the body, at the store that does not answer.
    assert_eq!(post("/api/v2/communications/jobs", &body).await.status, 503);
}

#[tokio::test]
async fn a_send_whose_store_is_down_is_not_accepted() {
    let answer = post("/api/v1/twilio/send-sms", r#"{"to": "+14155552671", "body": "x"}"#).await;
    assert_eq!(answer.status, 503);
}

#[tokio::test]
async fn an_id_that_is_none_of_ours_is_not_found() {
    let token = token("service", "communication:send communication:read").unwrap();
    for path in [
        "/api/communication/status/abc123-def456-ghi789",
        "/api/v2/communications/messages/x",
        "/api/v2/communications/jobs/x",
    ] {
        assert_eq!(ask(&router(), "GET", path, Some(&token), "").await.unwrap().status, 404, "{path}");
    }
}

#[tokio::test]
async fn trigger_types_begin_as_the_contract_has_them() {
    let token = token("anybody", "").unwrap();
    let answer = ask(&router(), "GET", "/api/communication/trigger-types", Some(&token), "").await.unwrap();
    let first = &answer.json["trigger_types"][0];
    assert_eq!(first["value"], "financial_alert");
    assert_eq!(first["name"], "Financial Alert");
    assert_eq!(first["description"], "Critical financial notifications");
    assert_eq!(first["default_channel"], "sms");
    assert_eq!(first["default_priority"], "critical");
}

#[tokio::test]
async fn the_sample_event_is_read_as_api_gateway_sends_it() {
    let event =
        include_str!("../../../events/send.json").replace("TOKEN", &token("service", "communication:send").unwrap());
    let request = lambda_http::request::from_str(&event).unwrap();
    let response = tower::ServiceExt::oneshot(router(), request).await.unwrap();
    // It gets past the edge and the body, to the store that does not answer; the id is the gateway's.
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["x-request-id"], "JKJaXmPLvHcESHA=");
}

async fn manage(method: &str, path: &str, body: serde_json::Value) -> Answer {
    let token = token("console", "settings:manage communication:read").unwrap();
    ask(&router(), method, path, Some(&token), &body.to_string()).await.unwrap()
}

#[tokio::test]
async fn what_is_wrong_with_a_template_is_named_before_anything_is_stored() {
    let path = "/api/v2/communications/templates/welcome";
    let cases = [
        (json!({}), "Missing required field: template"),
        (json!({"template": {}}), "Missing required field: template.locales"),
        (json!({"template": {"locales": {}}}), "Invalid value for field: template.locales"),
        (json!({"template": {"locales": {"en": {"txt": "x"}}}}), "Invalid value for field: template.locales.en.txt"),
        (
            json!({"template": {"locales": {"en": {"text": "{{ a"}}}}),
            "Invalid value for field: template.locales.en.text",
        ),
        (json!({"template": {"locales": {"en": {"text": "x"}}}, "force": true}), "Invalid value for field: force"),
        (json!({"template": {"locales": {"en": {"text": "x"}}}, "note": "a\nb"}), "Invalid value for field: note"),
    ];
    for (body, error) in cases {
        let answer = manage("PUT", path, body.clone()).await;
        assert_eq!((answer.status.as_u16(), &answer.json["error"]), (400, &json!(error)), "{body}: {}", answer.json);
    }
    let line = manage("PUT", path, json!({"template": {"locales": {"en": {"text": "one\n{% if %}"}}}})).await;
    assert!(line.json["details"].as_str().unwrap().starts_with("line 2: "), "{}", line.json);
    let class = json!({"template": {"class": "marketing", "locales": {"en": {"text": "x"}}}});
    let answer = manage("PUT", "/api/v2/communications/templates/security_alert", class).await;
    assert_eq!(answer.json["error"], "Invalid value for field: template.class");
    let name = manage("PUT", "/api/v2/communications/templates/No-Name", json!({"template": {"locales": {}}})).await;
    assert_eq!(name.json["error"], "Invalid value for field: name");
    let good = json!({"template": {"locales": {"en": {"text": "Hi {{ name }}"}}}});
    assert_eq!(manage("PUT", path, good.clone()).await.status, 503, "it gets to the store");
    let reader = token("service", "communication:read").unwrap();
    let answer = ask(&router(), "PUT", path, Some(&reader), &good.to_string()).await.unwrap();
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn a_draft_is_previewed_without_any_store() {
    let path = "/api/v2/communications/templates/preview";
    let draft = |text: &str, data: serde_json::Value| json!({"template": {"locales": {"en": {"text": text}}}, "channel": "sms", "data": data, "to": "+447700900123"});
    let answer = manage("POST", path, draft("Hi {{ name }}, it’s ready", json!({"name": "Ada"}))).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    assert_eq!(answer.json["content"], json!({"text": "Hi Ada, it’s ready"}));
    assert_eq!(answer.json["segments"], json!({"count": 1, "encoding": "UCS-2", "units": 18}));
    assert_eq!((&answer.json["cost"], &answer.json["country"]), (&json!(0.0463), &json!("GB")));
    let missing = manage("POST", path, draft("{{ name }} {{ city }}", json!({}))).await;
    assert_eq!(missing.status, 400);
    assert_eq!(missing.json["error"], "Missing required field: data.city");
    assert_eq!(missing.json["missing_variables"], json!(["city", "name"]));
    let nothing = json!({"template": {"locales": {"en": {"text": "x"}}}, "channel": "email"});
    assert_eq!(manage("POST", path, nothing).await.json["error"], "Invalid value for field: channel");
}

#[tokio::test]
async fn what_is_wrong_with_a_booking_is_named() {
    let (reminder, confirmation) = ("/api/sms/send-booking-reminder", "/api/sms/resend-booking-confirmation");
    let to = "+14155552671";
    refused(reminder, json!({"to_number": to}), "Missing required field: booking").await;
    refused(reminder, json!({"booking": {}}), "Missing required field: user_id").await;
    refused(reminder, json!({"toNumber": "12", "booking": {}}), "Invalid value for field: to_number").await;
    refused(
        reminder,
        json!({"to_number": to, "booking": {"starts_at": "soon"}}),
        "Invalid value for field: booking.starts_at",
    )
    .await;
    refused(
        reminder,
        json!({"to_number": to, "booking": {"starts_at": "2001-01-01T00:00:00Z"}}),
        "Invalid value for field: booking.starts_at",
    )
    .await;
    refused(
        reminder,
        json!({"to_number": to, "booking": {}, "hoursBefore": -1}),
        "Invalid value for field: hours_before",
    )
    .await;
    refused(
        reminder,
        json!({"to_number": to, "booking": {"service": "x".repeat(301)}}),
        "Invalid value for field: booking.service",
    )
    .await;
    refused(confirmation, json!({}), "Missing required field: booking").await;
    refused(confirmation, json!({"message_id": "x", "booking": {}}), "Invalid value for field: booking").await;
    assert_eq!(post(confirmation, r#"{"messageId": "x"}"#).await.status, 404);
}

#[tokio::test]
async fn a_bad_call_names_the_field() {
    let v1 = "/api/v1/twilio/initiate-call";
    let to = "+14155552671";
    refused(v1, json!({"url": "https://example.com"}), "Missing required field: to").await;
    refused(v1, json!({"to": to, "language": "en-GB"}), "Invalid value for field: language").await;
    refused(v1, json!({"to": "12", "message": "x"}), "Invalid value for field: to").await;
    refused(v1, json!({"to": to, "from": "Acme", "message": "x"}), "Invalid value for field: from").await;
    refused(v1, json!({"to": to, "url": "/voice"}), "Invalid value for field: url").await;
    refused(v1, json!({"to": to, "message": "x", "url": "https://example.com"}), "Invalid value for field: message")
        .await;
    refused(v1, json!({"to": to, "message": "x".repeat(3001)}), "Invalid value for field: message").await;
    refused(v1, json!({"to": to, "message": "x", "language": "English"}), "Invalid value for field: language").await;
    refused(
        v1,
        json!({"to": to, "message": "x", "machine_detection": "yes"}),
        "Invalid value for field: machine_detection",
    )
    .await;
    let v2 = "/api/v2/communications/calls";
    let with = |field: &str, value: &str| {
        let mut body = json!({"to": to, "message": "x", "purpose": "reminder"});
        body[field] = json!(value);
        body
    };
    refused(v2, json!({"to": to, "message": "x"}), "Missing required field: purpose").await;
    refused(v2, json!({"to": to, "purpose": "reminder"}), "Missing required field: url").await;
    refused(v2, with("purpose", "two words"), "Invalid value for field: purpose").await;
    refused(v2, with("contact_id", &"x".repeat(129)), "Invalid value for field: contact_id").await;
    refused(v2, with("scheduled_time", "soon"), "Invalid value for field: scheduled_time").await;
    refused(v2, with("expires_at", "2020-01-01T00:00:00Z"), "Invalid value for field: expires_at").await;
}

#[tokio::test]
async fn a_bad_template_names_the_field() {
    let path = "/api/v1/twilio/send-whatsapp";
    let sid = format!("HX{}", "0".repeat(32));
    let to = "whatsapp:+14155552671";
    refused(path, json!({"to": to}), "Missing required field: body").await;
    refused(path, json!({"to": to, "content_sid": "HX1"}), "Invalid value for field: content_sid").await;
    refused(path, json!({"to": to, "content_variables": {"1": "x"}}), "Missing required field: content_sid").await;
    refused(path, json!({"to": to, "content_sid": sid, "body": "x"}), "Invalid value for field: body").await;
    refused(
        path,
        json!({"to": to, "content_sid": sid, "content_variables": {"1": 1}}),
        "Invalid value for field: content_variables.1",
    )
    .await;
}

/// The attack: a bulk job of the class that reaches everybody who said no.
#[tokio::test]
async fn job_with_security_class_needs_urgent_scope() {
    let path = "/api/v2/communications/jobs";
    let own = json!({"channel": "sms", "class": "security", "message": "50 % off everything today"});
    let asked = async |body: &serde_json::Value, scope: &str| {
        let token = token("service", scope).unwrap();
        ask(&router(), "POST", path, Some(&token), &body.to_string()).await.unwrap()
    };
    let refused = asked(&own, "communication:send").await;
    assert_eq!(refused.status, 403, "{}", refused.json);
    assert_eq!(refused.json["details"], "This needs the scope communication:urgent");
    assert_eq!(refused.json["reason"], "urgent_scope_required");
    // On to the store, which does not answer.
    assert_eq!(asked(&own, "communication:send communication:urgent").await.status, 503);
    let lower = json!({"channel": "sms", "class": "transactional", "message": "Hello"});
    assert_eq!(asked(&lower, "communication:send").await.status, 503);
}

/// The attack: a call that fetches its instructions from somebody else's server, which dials where it likes.
#[tokio::test]
async fn call_with_foreign_twiml_url_is_refused() {
    let refused = async |path: &str, body: serde_json::Value| {
        let answer = post(path, &body.to_string()).await;
        assert_eq!((answer.status.as_u16(), &answer.json["field"]), (403, &json!("url")), "{}", answer.json);
        assert_eq!(answer.json["reason"], "call_host_not_allowed");
    };
    for url in ["https://evil.example/dial.xml", "http://127.0.0.1/x", "https://api.twilio.com@evil.example/"] {
        refused("/api/v1/twilio/initiate-call", json!({"to": "+14155552671", "url": url})).await;
        refused("/api/v2/communications/calls", json!({"to": "+14155552671", "url": url, "purpose": "x"})).await;
    }
}

/// The attack: a message that names somebody else's number or address as its sender.
#[tokio::test]
async fn unlisted_sender_is_refused() {
    let to = "+14155552671";
    let mail = json!({"to": "a@example.com", "from": "ceo@bank.example", "subject": "s", "text": "x"});
    for (path, body, field) in [
        ("/api/v1/twilio/send-sms", json!({"to": to, "from": "Bank", "body": "x"}), "from"),
        ("/api/v1/twilio/send-whatsapp", json!({"to": to, "from": "whatsapp:+14155550100", "body": "x"}), "from"),
        ("/api/v1/twilio/initiate-call", json!({"to": to, "from": "+14155550100", "message": "x"}), "from"),
        ("/api/sms/send", json!({"to_number": to, "from_number": "Bank", "message": "x"}), "from_number"),
        ("/api/v1/twilio/send-email", mail.clone(), "from"),
        ("/api/v2/communications/email", mail, "from"),
    ] {
        let answer = post(path, &body.to_string()).await;
        assert_eq!((answer.status.as_u16(), &answer.json["field"]), (403, &json!(field)), "{path}: {}", answer.json);
        assert_eq!(answer.json["reason"], "sender_not_allowed", "{path}");
    }
}
