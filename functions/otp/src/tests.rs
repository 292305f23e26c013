//! What is refused before any store is asked, in process.

use crate::lookups::Lookups;
use axum::Router;
use serde_json::{Value, json};
use switchboard::clock::Clock;
use switchboard::testing::{Answer, ask, dead_otp, dead_road, dead_twofactor, edge, token};

mod twofa;

fn router() -> Router {
    let road = dead_road(Clock::system()).unwrap();
    let (engine, lookup, store) = dead_otp(&road).unwrap();
    let lookups = Lookups::new(lookup, store, road.clone());
    crate::router(edge(&road).unwrap(), road.clone(), engine, lookups, dead_twofactor(&road).unwrap())
}

async fn post(path: &str, body: &Value) -> Answer {
    let token = token("service", "communication:send").unwrap();
    ask(&router(), "POST", path, Some(&token), &body.to_string()).await.unwrap()
}

const SEND: &str = "/api/v2/communications/otp/send";
const VERIFY: &str = "/api/v2/communications/otp/verify";

#[tokio::test]
async fn what_is_wrong_is_named() {
    let phone = "+14155552671";
    let cases = [
        (SEND, json!({"phone_number": phone}), "Missing required field: purpose"),
        (SEND, json!({"purpose": "login"}), "Missing required field: phone_number"),
        (SEND, json!({"phone_number": "12", "purpose": "login"}), "Invalid value for field: phone_number"),
        (SEND, json!({"email": "nobody", "purpose": "login"}), "Invalid value for field: email"),
        (
            SEND,
            json!({"phone_number": phone, "email": "a@example.com", "purpose": "login"}),
            "Invalid value for field: email",
        ),
        (SEND, json!({"phone_number": phone, "purpose": "Log in"}), "Invalid value for field: purpose"),
        (
            SEND,
            json!({"phone_number": phone, "purpose": "login", "channel": "email"}),
            "Invalid value for field: channel",
        ),
        (
            SEND,
            json!({"email": "a@example.com", "purpose": "login", "channel": "sms"}),
            "Invalid value for field: channel",
        ),
        (
            SEND,
            json!({"phone_number": phone, "purpose": "login", "channel": "owl"}),
            "Invalid value for field: channel",
        ),
        (
            SEND,
            json!({"phone_number": phone, "purpose": "login", "fallback": ["email"]}),
            "Invalid value for field: fallback",
        ),
        (
            SEND,
            json!({"phone_number": phone, "purpose": "login", "ip_address": "here"}),
            "Invalid value for field: ip_address",
        ),
        (VERIFY, json!({"phone_number": phone, "purpose": "login"}), "Missing required field: code"),
        (VERIFY, json!({"phone_number": phone, "purpose": "login", "code": "12"}), "Invalid value for field: code"),
        (VERIFY, json!({"phone_number": phone, "purpose": "login", "code": 123456}), "Invalid value for field: code"),
        (VERIFY, json!({"phone_number": phone, "code": "123456"}), "Missing required field: purpose"),
        ("/api/sms/send-2fa", json!({}), "Missing required field: phone_number"),
        ("/api/sms/validate-phone", json!({}), "Missing required field: phone_number"),
        (
            "/api/sms/validate-phone",
            json!({"phone_number": "1", "country": "United Kingdom"}),
            "Invalid value for field: country",
        ),
    ];
    for (path, body, error) in cases {
        let answer = post(path, &body).await;
        assert_eq!((answer.status.as_u16(), &answer.json["error"]), (400, &json!(error)), "{path} {body}");
    }
}

#[tokio::test]
async fn codes_go_neither_to_costly_numbers_nor_to_countries_that_are_not_served() {
    let premium = post(SEND, &json!({"phone_number": "+449098790123", "purpose": "login"})).await;
    assert_eq!(
        (premium.status.as_u16(), &premium.json["reason"]),
        (400, &json!("line_not_allowed")),
        "{}",
        premium.json
    );
    let landline = json!({"phone_number": "+442079460018"});
    let landline = post("/api/sms/send-2fa", &landline).await;
    assert_eq!((landline.status.as_u16(), &landline.json["field"]), (400, &json!("phone_number")));
    let country = post(SEND, &json!({"phone_number": "+252612345678", "purpose": "login"})).await;
    assert_eq!((country.status.as_u16(), &country.json["reason"]), (403, &json!("country_not_allowed")));
    // Past the guard's own rules, to the store that does not answer: nothing is sent uncounted.
    let call = json!({"phone_number": "+442079460018", "purpose": "login", "channel": "call"});
    assert_eq!(post(SEND, &call).await.status, 503);
}

#[tokio::test]
async fn only_who_may_send_may_send_and_verify_codes() {
    let reader = token("reader", "communication:read").unwrap();
    let body = json!({"phone_number": "+14155552671", "purpose": "login", "code": "123456"}).to_string();
    for path in [SEND, VERIFY, "/api/sms/send-2fa", "/api/sms/validate-phone"] {
        assert_eq!(ask(&router(), "POST", path, Some(&reader), &body).await.unwrap().status, 403, "{path}");
        assert_eq!(ask(&router(), "POST", path, None, &body).await.unwrap().status, 401, "{path}");
    }
}

#[tokio::test]
async fn a_number_is_described_without_asking_anybody() {
    let path = "/api/sms/validate-phone";
    let answer = post(path, &json!({"phoneNumber": "020 7946 0018", "country": "gb"})).await;
    assert_eq!(
        answer.json,
        json!({
            "success": true, "valid": true, "phone_number": "+442079460018", "country": "GB", "calling_code": 44,
            "type": "landline", "national_format": "020 7946 0018", "international_format": "+44 20 7946 0018",
        })
    );
    let answer = post(path, &json!({"phone_number": "call me"})).await;
    assert_eq!(
        answer.json,
        json!({"success": true, "valid": false, "type": "unknown", "error": "It is not a phone number"})
    );
    let answer = post(path, &json!({"phone_number": "+1234567890"})).await;
    assert_eq!((&answer.json["valid"], &answer.json["phone_number"]), (&json!(false), &json!("+1234567890")));
}

#[tokio::test]
async fn the_sample_event_is_read_as_api_gateway_sends_it() {
    let event = include_str!("../../../events/otp.json").replace("TOKEN", &token("s", "communication:send").unwrap());
    let request = lambda_http::request::from_str(&event).unwrap();
    let response = tower::ServiceExt::oneshot(router(), request).await.unwrap();
    // Past the edge and the body, to the store that does not answer.
    assert_eq!(response.status(), 503);
}
