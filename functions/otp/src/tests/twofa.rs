//! Second factors: what is refused before any store is asked.

use serde_json::{Value, json};
use switchboard::testing::{Answer, ask, claims, good_claims, token};

use super::router;

const PATHS: [&str; 7] = ["enrol", "enrol/confirm", "start", "check", "recovery-codes", "devices/revoke", "remove"];

async fn call(method: &str, path: &str, scope: &str, body: &Value) -> Answer {
    let token = token("service", scope).unwrap();
    ask(&router(), method, &format!("/api/v2/2fa/{path}"), Some(&token), &body.to_string()).await.unwrap()
}

const BOTH: &str = "communication:send preferences:manage";

#[tokio::test]
async fn what_is_wrong_is_named() {
    let id = "7a0c7e62-6f0e-4a52-9f54-3c1e8f1d2b11";
    let cases = [
        ("enrol", json!({"phone_number": "+14155552671"}), "Missing required field: user_id"),
        ("enrol", json!({"user_id": 7}), "Missing required field: phone_number"),
        ("enrol", json!({"user_id": 7, "phone_number": "12"}), "Invalid value for field: phone_number"),
        ("enrol", json!({"user_id": "", "phone_number": "+14155552671"}), "Invalid value for field: user_id"),
        (
            "enrol",
            json!({"user_id": 7, "phone_number": "+14155552671", "channel": "email"}),
            "Invalid value for field: channel",
        ),
        ("enrol/confirm", json!({"user_id": 7}), "Missing required field: code"),
        ("enrol/confirm", json!({"user_id": 7, "code": "12"}), "Invalid value for field: code"),
        ("start", json!({}), "Missing required field: user_id"),
        ("start", json!({"user_id": 7, "channel": "email"}), "Invalid value for field: channel"),
        ("start", json!({"user_id": 7, "device_token": "abc"}), "Missing required field: audience"),
        ("start", json!({"user_id": 7, "audience": "a b"}), "Invalid value for field: audience"),
        ("check", json!({"user_id": 7, "audience": "service"}), "Missing required field: code"),
        ("check", json!({"user_id": 7, "code": "482913"}), "Missing required field: audience"),
        ("check", json!({"user_id": 7, "code": "482913", "audience": ""}), "Invalid value for field: audience"),
        ("check", json!({"user_id": 7, "code": 482913, "audience": "service"}), "Invalid value for field: code"),
        (
            "check",
            json!({"user_id": 7, "recovery_code": "K7QMX", "audience": "service"}),
            "Invalid value for field: recovery_code",
        ),
        (
            "check",
            json!({"user_id": 7, "code": "482913", "recovery_code": "K7QMX-4TRWP", "audience": "service"}),
            "Invalid value for field: recovery_code",
        ),
        (
            "check",
            json!({"user_id": 7, "recovery_code": "K7QMX-4TRWP", "audience": "service", "trust_device": true}),
            "Invalid value for field: trust_device",
        ),
        (
            "check",
            json!({"user_id": 7, "code": "482913", "audience": "service", "trust_device": "yes"}),
            "Invalid value for field: trust_device",
        ),
        ("recovery-codes", json!({}), "Missing required field: user_id"),
        ("devices/revoke", json!({"user_id": 7}), "Missing required field: device_id"),
        ("devices/revoke", json!({"user_id": 7, "device_id": "x"}), "Invalid value for field: device_id"),
        ("devices/revoke", json!({"device_id": id}), "Missing required field: user_id"),
        ("remove", json!({}), "Missing required field: user_id"),
    ];
    for (path, body, error) in cases {
        let answer = call("POST", path, BOTH, &body).await;
        assert_eq!((answer.status.as_u16(), &answer.json["error"]), (400, &json!(error)), "{path} {body}");
        let entered = ["482913", "K7QMX"];
        assert!(!entered.iter().any(|code| answer.json["details"].to_string().contains(code)), "{}", answer.json);
    }
    let long = vec!["lender"; 17].join(",");
    for (path, field) in [
        ("status/7?role=The%20Lender", "role"),
        (&format!("status/7?role={long}"), "role"),
        (&format!("status/{}", "x".repeat(129)), "user_id"),
        ("history/7?limit=0", "limit"),
        ("history/7?limit=101", "limit"),
        ("history/7?cursor=next", "cursor"),
        ("history/7?cursor=0", "cursor"),
    ] {
        let answer = call("GET", path, BOTH, &Value::Null).await;
        assert_eq!((answer.status.as_u16(), &answer.json["field"]), (400, &json!(field)), "{path}");
    }
}

#[tokio::test]
async fn who_sends_may_begin_and_check_and_who_administers_may_do_the_rest() {
    let bodies = |path: &str| {
        let mut body = json!({"user_id": 7});
        match path {
            "enrol" => body["phone_number"] = json!("+14155552671"),
            "enrol/confirm" => body["code"] = json!("482913"),
            "check" => {
                body["code"] = json!("482913");
                body["audience"] = json!("service");
            }
            "devices/revoke" => body["device_id"] = json!("7a0c7e62-6f0e-4a52-9f54-3c1e8f1d2b11"),
            _ => {}
        }
        body
    };
    for path in PATHS {
        let sends = matches!(path, "start" | "check");
        for (scope, may) in
            [("communication:send", sends), ("preferences:manage", !sends), ("communication:read", false)]
        {
            // Past the edge and the body, to the store that does not answer.
            let expected = if may { 503 } else { 403 };
            let answer = call("POST", path, scope, &bodies(path)).await;
            assert_eq!(answer.status.as_u16(), expected, "{path} with {scope}: {}", answer.json);
        }
        let none = ask(&router(), "POST", &format!("/api/v2/2fa/{path}"), None, "{}").await.unwrap();
        assert_eq!(none.status, 401, "{path}");
    }
    for path in ["status/7", "history/7"] {
        for (subject, scope, expected) in
            [("7", "", 503), ("8", "", 403), ("8", "preferences:manage", 503), ("8", "communication:send", 403)]
        {
            let token = token(subject, scope).unwrap();
            let answer = ask(&router(), "GET", &format!("/api/v2/2fa/{path}"), Some(&token), "").await.unwrap();
            assert_eq!(answer.status.as_u16(), expected, "{path} as {subject} with {scope:?}");
        }
    }
}

#[tokio::test]
async fn assertion_is_only_for_an_audience_of_the_caller() {
    for path in ["start", "check"] {
        let body = |audience: &str| json!({"user_id": 7, "code": "482913", "audience": audience});
        let body = |audience| {
            let mut body = body(audience);
            if path == "start" {
                body.as_object_mut().unwrap().remove("code");
            }
            body
        };
        let other = call("POST", path, "communication:send", &body("lender-portal")).await;
        assert_eq!((other.status.as_u16(), &other.json["field"]), (403, &json!("audience")), "{path}");
        assert_eq!(call("POST", path, "communication:send", &body("service")).await.status, 503, "{path}: its own");
        let mut listed = good_claims("service", "communication:send");
        listed["two_factor_audiences"] = json!(["lender-portal"]);
        let listed = claims(listed);
        let path = format!("/api/v2/2fa/{path}");
        let listed = ask(&router(), "POST", &path, Some(&listed.unwrap()), &body("lender-portal").to_string()).await;
        assert_eq!(listed.unwrap().status, 503, "{path}: one its token lists");
    }
}

#[tokio::test]
async fn the_keys_are_there_for_everybody_and_may_be_kept_for_a_while() {
    let answer = ask(&router(), "GET", "/.well-known/jwks.json", None, "").await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["cache-control"], "public, max-age=300");
    assert_eq!(answer.headers["content-type"], "application/jwk-set+json");
    let key = &answer.json["keys"][0];
    assert_eq!((&key["kty"], &key["crv"], &key["alg"]), (&json!("EC"), &json!("P-256"), &json!("ES256")));
    assert!(key["kid"].as_str().is_some_and(|kid| kid.len() == 43) && key.get("d").is_none(), "{key}");
}
