//! What is refused before any store is asked, in process.

use axum::Router;
use serde_json::{Value, json};
use switchboard::clock::Clock;
use switchboard::message::{Address, EmailAddress, Trigger};
use switchboard::person::UnsubscribeLinks;
use switchboard::testing::{Answer, ask, dead_actions, dead_otp, dead_privacy, dead_road, edge, token};

fn router() -> Router {
    let road = dead_road(Clock::system()).unwrap();
    let (otp, ..) = dead_otp(&road).unwrap();
    let (privacy, links) = (dead_privacy(&road).unwrap(), road.keys.links().unwrap());
    let actions = dead_actions(&road).unwrap();
    crate::router(edge(&road).unwrap(), road, links, otp, privacy, actions)
}

async fn post(path: &str, token: &str, body: &Value) -> Answer {
    ask(&router(), "POST", path, Some(token), &body.to_string()).await.unwrap()
}

const SMS: &str = "/api/communication/consent/sms";
const EMAIL: &str = "/api/communication/consent/email";

#[tokio::test]
async fn people_may_grant_their_own_consent_and_nobody_elses() {
    let own = token("123", "").unwrap();
    for (id, status) in [(json!(123), 503), (json!("123"), 503), (json!(124), 403), (json!("1234"), 403)] {
        let answer = post(SMS, &own, &json!({"user_id": id, "phone_number": "+14155552671"})).await;
        assert_eq!(answer.status, status, "{id}: {}", answer.json);
    }
    let manager = token("console", "preferences:manage").unwrap();
    assert_eq!(post(EMAIL, &manager, &json!({"user_id": 124, "email": "a@example.com"})).await.status, 503);
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let own = token("123", "").unwrap();
    let cases = [
        (SMS, json!({"phone_number": "+14155552671"}), "Missing required field: user_id"),
        (SMS, json!({"user_id": 123}), "Missing required field: phone_number"),
        (SMS, json!({"user_id": 123, "phone_number": "12345"}), "Invalid value for field: phone_number"),
        (
            SMS,
            json!({"user_id": 123, "phone_number": "+14155552671", "consent_source": ""}),
            "Invalid value for field: consent_source",
        ),
        (EMAIL, json!({"user_id": 123, "email": "nobody"}), "Invalid value for field: email"),
        (
            EMAIL,
            json!({"user_id": 123, "email": "a@example.com", "message_types": ["gossip"]}),
            "Invalid message type: gossip",
        ),
    ];
    for (path, body, error) in cases {
        let answer = post(path, &own, &body).await;
        assert_eq!((answer.status.as_u16(), &answer.json["error"]), (400, &json!(error)), "{body}");
    }
}

/// Every other route about a person: past the handler's look at whose it is there is a store that does not answer.
#[tokio::test]
async fn every_route_about_a_person_is_theirs_or_a_managers() {
    let path = |rest: &str| format!("/api/communication/{rest}");
    let kind = json!({"user_id": 123, "channel": "sms", "message_type": "financial_alert"});
    let routes = [
        ("POST", path("consent/revoke"), json!({"user_id": 123, "channel": "sms"})),
        ("POST", path("opt-out"), kind.clone()),
        ("POST", path("consent/check"), kind),
        ("POST", path("preferences/123/reset"), json!({})),
        ("GET", path("ledger/123"), Value::Null),
        ("GET", path("ledger/123/verify"), Value::Null),
        ("GET", path("optimal-send-time?user_id=123"), Value::Null),
    ];
    let tokens = [
        (token("123", "").unwrap(), 503),
        (token("console", "preferences:manage").unwrap(), 503),
        (token("124", "communication:send communication:read").unwrap(), 403),
    ];
    for (method, path, body) in routes {
        for (token, status) in &tokens {
            let answer = ask(&router(), method, &path, Some(token), &body.to_string()).await.unwrap();
            assert_eq!(answer.status, *status, "{method} {path}: {}", answer.json);
        }
        assert_eq!(ask(&router(), method, &path, None, "").await.unwrap().status, 401, "{method} {path}");
    }
}

#[tokio::test]
async fn a_link_that_is_not_ours_is_refused_before_anything_is_asked() {
    for method in ["GET", "POST"] {
        let path = "/api/communication/consent/email/confirm/AAAA";
        let answer = ask(&router(), method, path, None, "").await.unwrap();
        assert_eq!(
            (answer.status.as_u16(), answer.headers["content-type"].as_bytes()),
            (403, &b"text/html; charset=utf-8"[..])
        );
    }
}

const VERIFY: &str = "/api/communication/consent/sms/verify";

#[tokio::test]
async fn a_number_is_verified_by_its_owner_or_a_manager() {
    let (own, manager) = (token("123", "").unwrap(), token("console", "preferences:manage").unwrap());
    let code = json!({"phone_number": "+14155552671", "verification_code": "123456"});
    for token in [&own, &manager] {
        assert_eq!(post(VERIFY, token, &code).await.status, 503);
    }
    let mut others = code.clone();
    others["user_id"] = json!(124);
    assert_eq!(post(VERIFY, &own, &others).await.status, 403);
    for (field, value, error) in [
        ("verification_code", json!("12"), "Invalid value for field: verification_code"),
        ("verification_code", json!(null), "Missing required field: verification_code"),
        ("phone_number", json!("nobody"), "Invalid value for field: phone_number"),
    ] {
        let mut body = code.clone();
        body[field] = value;
        let answer = post(VERIFY, &own, &body).await;
        assert_eq!((answer.status.as_u16(), &answer.json["error"]), (400, &json!(error)), "{body}");
    }
}

#[tokio::test]
async fn only_a_manager_says_that_no_code_is_needed() {
    let body = json!({"user_id": 123, "phone_number": "+14155552671", "send_code": false});
    let answer = post(SMS, &token("123", "").unwrap(), &body).await;
    assert_eq!((answer.status.as_u16(), &answer.json["field"]), (403, &json!("send_code")));
    assert_eq!(post(SMS, &token("console", "preferences:manage").unwrap(), &body).await.status, 503);
}

const PREFERENCES: &str = "/api/communication/preferences/123";

async fn put(token: &str, body: &Value) -> Answer {
    ask(&router(), "PUT", PREFERENCES, Some(token), &body.to_string()).await.unwrap()
}

#[tokio::test]
async fn preferences_are_the_persons_own_matter_or_a_managers() {
    let manager = token("console", "preferences:manage").unwrap();
    for (token, status) in
        [(token("123", "").unwrap(), 503), (token("124", "communication:read").unwrap(), 403), (manager, 503)]
    {
        assert_eq!(ask(&router(), "GET", PREFERENCES, Some(&token), "").await.unwrap().status, status);
        assert_eq!(put(&token, &json!({"sms_enabled": false})).await.status, status);
    }
    assert_eq!(ask(&router(), "GET", PREFERENCES, None, "").await.unwrap().status, 401);
}

#[tokio::test]
async fn a_preference_that_is_none_is_named() {
    let manager = token("console", "preferences:manage").unwrap();
    let cases = [
        (json!({"sms_enabled": "yes"}), "sms_enabled"),
        (json!({"sms_enabled": false, "user_id": 124}), "user_id"),
        (json!({"preferred_sms_time": "9 am"}), "preferred_sms_time"),
        (json!({"preferred_sms_time": "24:00:00"}), "preferred_sms_time"),
        (json!({"preferred_email_day": 0}), "preferred_email_day"),
        (json!({"preferred_email_day": 8}), "preferred_email_day"),
        (json!({"alert_types_sms": {"financial_alert": 1}}), "alert_types_sms.financial_alert"),
        (json!({"frequency_preference": "hourly"}), "frequency_preference"),
        (json!({"user_segment": ""}), "user_segment"),
        (json!({"user_segment": "x".repeat(65)}), "user_segment"),
        (json!({"time_zone": "Mars/Olympus"}), "time_zone"),
        (json!({"time_zone": "+02:00"}), "time_zone"),
        (json!({"quiet_hours": {"start": "21:00", "end": "8"}}), "quiet_hours.end"),
        (json!({"quiet_hours": {"start": "21:00:30", "end": "08:00"}}), "quiet_hours"),
        (json!({"locale": "english"}), "locale"),
        (json!({"locale": "en-"}), "locale"),
    ];
    for (body, field) in cases {
        let answer = put(&manager, &body).await;
        let error = format!("Invalid value for field: {field}");
        assert_eq!((answer.status.as_u16(), &answer.json["error"]), (400, &json!(error)), "{body}");
    }
    let missing = put(&manager, &json!({"quiet_hours": {"start": "21:00"}})).await;
    assert_eq!(missing.json["error"], "Missing required field: quiet_hours.end");
    let unknown = put(&manager, &json!({"alert_types_email": {"gossip": false}})).await;
    assert_eq!(
        (&unknown.json["error"], &unknown.json["field"]),
        (&json!("Invalid message type: gossip"), &json!("alert_types_email"))
    );
}

#[tokio::test]
async fn the_sample_event_is_read_as_api_gateway_sends_it() {
    let event = include_str!("../../../events/consent.json").replace("TOKEN", &token("123", "").unwrap());
    let request = lambda_http::request::from_str(&event).unwrap();
    let response = tower::ServiceExt::oneshot(router(), request).await.unwrap();
    // Past the edge and the body, to the store that does not answer.
    assert_eq!(response.status(), 503);
}

const SUPPRESSIONS: &str = "/api/communication/suppressions";

#[tokio::test]
async fn the_list_is_read_by_who_may_read_and_changed_by_who_may_manage() {
    let (reader, manager) =
        (token("crm", "communication:read").unwrap(), token("console", "preferences:manage").unwrap());
    let address = json!({"address": "+14155552671"}).to_string();
    let release = json!({"address": "+14155552671", "reason": "It is theirs again"}).to_string();
    let (check, free) = (format!("{SUPPRESSIONS}/check"), format!("{SUPPRESSIONS}/release"));
    for (method, path, body, scoped, other) in [
        ("GET", SUPPRESSIONS, "", &reader, &manager),
        ("POST", check.as_str(), address.as_str(), &reader, &manager),
        ("POST", SUPPRESSIONS, address.as_str(), &manager, &reader),
        ("POST", free.as_str(), release.as_str(), &manager, &reader),
    ] {
        // Past the scope, to the store that does not answer.
        for (token, status) in [(Some(scoped), 503), (Some(other), 403), (None, 401)] {
            let answer = ask(&router(), method, path, token.map(String::as_str), body).await.unwrap();
            assert_eq!(answer.status, status, "{method} {path}: {}", answer.json);
        }
    }
}

#[tokio::test]
async fn to_open_a_link_asks_no_store_and_to_press_its_button_does() {
    let road = dead_road(Clock::system()).unwrap();
    let links = UnsubscribeLinks::new(road.seal.clone(), road.keys.links().unwrap(), "");
    let ada = Address::Email(EmailAddress::parse("ada@example.com").unwrap());
    let link = links.url(&ada, Some(Trigger::WeeklyCheckin));
    // No store answers: what is looked at is nothing but the link.
    assert_eq!(ask(&router(), "GET", &link, None, "").await.unwrap().status, 200);
    assert_eq!(ask(&router(), "POST", &link, None, "List-Unsubscribe=One-Click").await.unwrap().status, 503);
    for method in ["GET", "POST"] {
        assert_eq!(ask(&router(), method, &format!("{link}x"), None, "").await.unwrap().status, 404);
    }
}
