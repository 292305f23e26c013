//! A callback that does not verify gets nowhere: no store is asked (none of these answers), nothing is parsed.

use axum::Router;
use serde_json::json;
use switchboard::clock::Clock;
use switchboard::secrets::{Secret, Versions};
use switchboard::testing::{ask, dead_road};

use crate::App;

fn router() -> Router {
    let keys = json!({
        "twilio": {"auth_tokens": ["an auth token of the tests"]},
        "resend": {"secrets": ["whsec_c2VjcmV0IG9mIHRoZSB0ZXN0cw=="]},
    });
    let keys = Secret::fixed(Versions { current: serde_json::from_value(keys).unwrap(), previous: None });
    crate::router(App::new(dead_road(Clock::system()).unwrap(), keys, "https://api.switchboard.example".to_owned()))
}

#[tokio::test]
async fn an_unsigned_callback_is_refused_whatever_it_says() {
    let paths = [
        "/api/communication/webhooks/twilio",
        "/api/communication/webhooks/sendgrid",
        "/api/communication/webhooks/resend",
        "/api/communication/webhooks/sms-opt-out",
        "/twilio/sms-status",
        "/twilio/whatsapp-status",
        "/twilio/incoming-sms",
        "/twilio/incoming-whatsapp",
        "/twilio/call-status",
        "/twilio/voice-response",
        "/twilio/gather-response",
        "/twilio/recording-complete",
        "/webhooks/resend",
    ];
    for path in paths {
        for body in ["", "{", "[]", "MessageSid=SM1&MessageStatus=delivered", r#"{"type":"email.delivered","id":"x"}"#]
        {
            let answer = ask(&router(), "POST", path, None, body).await.unwrap();
            assert_eq!(answer.status, 403, "{path} {body}");
            assert_eq!(answer.json["error"], "Invalid signature", "{path} {body}");
        }
    }
}

#[tokio::test]
async fn the_sample_event_verifies_over_its_decoded_bytes_and_the_public_url() {
    let event: serde_json::Value = serde_json::from_str(include_str!("../../../events/webhooks.json")).unwrap();
    let status = |event: serde_json::Value| async move {
        let request = lambda_http::request::from_str(&event.to_string()).unwrap();
        tower::ServiceExt::oneshot(router(), request).await.unwrap().status().as_u16()
    };
    // Past the signature, to the stores that do not answer: not acknowledged, so that nothing is lost.
    assert_eq!(status(event.clone()).await, 503);
    for (field, value) in [("rawQueryString", "message=other"), ("rawPath", "/twilio/whatsapp-status")] {
        let mut forged = event.clone();
        forged[field] = json!(value);
        assert_eq!(status(forged).await, 403, "{field}");
    }
}

#[tokio::test]
async fn a_link_that_cannot_be_ours_is_known_without_asking_and_one_that_may_be_is_not_guessed() {
    for other in ["x", "abcdefghijk", "abcdefghijklm", "abcdefghijk%2F", "https:%2F%2Fa.example"] {
        let answer = ask(&router(), "GET", &format!("/l/{other}"), None, "").await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.headers.get("location")), (404, None), "{other}");
        assert_eq!(answer.headers["cache-control"], "no-store", "{other}");
    }
    // Nobody can say where it leads: it may well lead somewhere.
    for method in ["GET", "HEAD"] {
        assert_eq!(ask(&router(), method, "/l/abcdefghijkl", None, "").await.unwrap().status, 503, "{method}");
    }
}

/// A form of Twilio's, signed over the public URL with the token above.
async fn signed(path: &str, form: &str, signature: &str) -> (u16, String) {
    let request = http::Request::post(path).header("content-type", "application/x-www-form-urlencoded");
    let request =
        request.header("x-twilio-signature", signature).body(axum::body::Body::from(form.to_owned())).unwrap();
    let (parts, body) = tower::ServiceExt::oneshot(router(), request).await.unwrap().into_parts();
    let body = axum::body::to_bytes(body, 65_536).await.unwrap();
    (parts.status.as_u16(), String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_caller_hears_the_menu_go_on_though_the_recording_can_be_kept_nowhere() {
    let action = "/twilio/recording-complete?node=main&misses=0&step=1";
    let recorded = "CallSid=CA1&RecordingSid=RE00000000000000000000000000000001&RecordingUrl=https%3A%2F%2Fapi.twilio.com%2Fx&RecordingDuration=3";
    let unreadable = "CallSid=CA1";
    for (form, signature) in [(recorded, "/6GhUO8g1WTByS6UnxqZFaThxi8="), (unreadable, "iSGHSKUenD2jfUlIObfZgbIuf6c=")]
    {
        let (status, answer) = signed(action, form, signature).await;
        assert_eq!(status, 200, "{form}: {answer}");
        assert!(answer.contains("<Response>") && answer.contains("<Gather"), "{form}: {answer}");
        assert_eq!(signed(action, form, "forged").await.0, 403);
    }
    // Nobody waits for the answer to a status callback: it is not acknowledged.
    let status = "/twilio/recording-complete";
    assert_eq!(signed(status, recorded, "4vkQtGWQJbVod5O8PQz7mpSh+iM=").await.0, 503);
    assert_eq!(signed(status, unreadable, "s2vhHkR0YAl2maD4CZBBSAt63Dc=").await.0, 400);
}
