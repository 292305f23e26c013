//! What is refused before any store is asked, in process.

use axum::Router;
use serde_json::{Value, json};
use switchboard::clock::Clock;
use switchboard::testing::{Answer, ask, dead_road, edge, token};

fn router() -> Router {
    let road = dead_road(Clock::system()).unwrap();
    crate::router(edge(&road).unwrap(), road)
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

#[tokio::test]
async fn the_sample_event_is_read_as_api_gateway_sends_it() {
    let event = include_str!("../../../events/consent.json").replace("TOKEN", &token("123", "").unwrap());
    let request = lambda_http::request::from_str(&event).unwrap();
    let response = tower::ServiceExt::oneshot(router(), request).await.unwrap();
    // Past the edge and the body, to the store that does not answer.
    assert_eq!(response.status(), 503);
}
