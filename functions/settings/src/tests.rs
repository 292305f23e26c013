use serde_json::{Value, json};
use switchboard::clock::Clock;
use switchboard::event::Reach;
use switchboard::testing::{Answer, ask, dead_events, dead_road, edge, token};

fn router() -> axum::Router {
    let road = dead_road(Clock::system()).unwrap();
    let events = dead_events(&road).unwrap();
    crate::router(edge(&road).unwrap(), road, events, Reach::Public)
}

const WEBHOOKS: &str = "/api/v2/communications/webhooks";

async fn register(scope: &str, body: &Value) -> Answer {
    let token = token("admin", scope).unwrap();
    ask(&router(), "POST", WEBHOOKS, Some(&token), &body.to_string()).await.unwrap()
}

fn webhook() -> Value {
    json!({"url": "https://8.8.8.8/hook", "events": ["message.delivered"], "description": "Orders"})
}

#[tokio::test]
async fn only_administrators_register_webhooks() {
    // Past the edge and the body, to the store that does not answer.
    assert_eq!(register("settings:manage", &webhook()).await.status, 503);
    for scope in ["communication:send communication:read preferences:manage analytics:read", ""] {
        assert_eq!(register(scope, &webhook()).await.status, 403, "{scope}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let cases = [
        ("url", json!("http://hooks.example.com/"), "It must begin with https://"),
        ("url", json!("https://127.0.0.1/"), "Its host must have a public address"),
        ("url", json!("https://169.254.169.254/latest/meta-data"), "Its host must have a public address"),
        ("url", json!("https://localhost/"), "Its host must have a public address"),
        ("url", json!(format!("https://{}.example/", "a".repeat(64))), "Its host has no address"),
        ("events", json!([]), "It must name at least one event"),
        ("events", json!(["message.delivered", "webhook.test"]), "It must hold some of: message.sent,"),
        ("events", json!(["otp.sent"]), "It must hold some of: message.sent,"),
        ("description", json!(""), "It must be 1 to 256 characters"),
        ("description", json!("x".repeat(257)), "It must be 1 to 256 characters"),
        ("description", json!("a\nb"), "It must be 1 to 256 characters"),
        ("state", json!("asleep"), "unknown variant"),
        ("secret", json!("mine"), "unknown field"),
    ];
    for (field, value, details) in cases {
        let mut body = webhook();
        body[field] = value;
        let answer = register("settings:manage", &body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.json);
        assert_eq!(answer.json["error"], format!("Invalid value for field: {field}"), "{body}");
        let said = answer.json["details"].as_str().unwrap();
        assert!(said.starts_with(details), "{body}: {said}");
    }
    for field in ["url", "events"] {
        let mut body = webhook();
        body[field] = Value::Null;
        let answer = register("settings:manage", &body).await;
        assert_eq!(answer.json["error"], format!("Missing required field: {field}"));
    }
}

#[tokio::test]
async fn ids_that_cannot_be_ours_are_not_found() {
    let token = token("admin", "settings:manage").unwrap();
    for (method, path) in
        [("GET", "x"), ("DELETE", "x"), ("POST", "x/test"), ("POST", "x/secret/rotate"), ("GET", "x/deliveries")]
    {
        let answer = ask(&router(), method, &format!("{WEBHOOKS}/{path}"), Some(&token), "").await.unwrap();
        assert_eq!(
            (answer.status.as_u16(), &answer.json["error"]),
            (404, &json!("No such webhook")),
            "{method} {path}"
        );
    }
    let id = "0192f5e4-7c3a-7c5e-8f53-0a6f6f0c2d11";
    for (query, field) in [("limit=0", "limit"), ("limit=101", "limit"), ("cursor=x", "cursor")] {
        let path = format!("{WEBHOOKS}/{id}/deliveries?{query}");
        let answer = ask(&router(), "GET", &path, Some(&token), "").await.unwrap();
        assert_eq!((answer.status.as_u16(), &answer.json["field"]), (400, &json!(field)), "{query}");
    }
}

#[tokio::test]
async fn the_sample_event_is_read_as_api_gateway_sends_it() {
    let event =
        include_str!("../../../events/settings.json").replace("TOKEN", &token("admin", "settings:manage").unwrap());
    let request = lambda_http::request::from_str(&event).unwrap();
    let response = tower::ServiceExt::oneshot(router(), request).await.unwrap();
    // Past the edge and the body, to the store that does not answer.
    assert_eq!(response.status(), 503);
}
