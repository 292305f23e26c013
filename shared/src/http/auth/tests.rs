//! Attacks with tokens whose signature is right.

use axum::Json;
use axum::Router;
use serde_json::{Value, json};
use std::sync::Arc;

use crate::clock::Clock;
use crate::http::{Access, Caller, Cost, Edge, Limit, Limits, OwnerRule, Routes, Scope};
use crate::testing::{self, SECRET, ask, auth_secret, dead_road, good_claims};

/// An edge with this auth secret; `/send` needs the scope to send, `/own` any token.
fn router(fields: &Value) -> Router {
    let road = dead_road(Clock::system()).unwrap();
    let edge = Edge::new(Clock::system(), auth_secret(fields).unwrap(), road.ephemera.clone(), Limits::default());
    let echo = async |caller: Caller| Json(json!({"by": caller.subject, "general": caller.limit(Limit::General)}));
    let send = Access::scoped(Scope::Send, Limit::Send, OwnerRule::Own, Cost::Free);
    let own = Access::authenticated(Limit::General, OwnerRule::Own, Cost::Free);
    Routes::default().get("/send", "send", send, echo).get("/own", "own", own, echo).finish(
        Some(edge),
        crate::http::tests::network(),
        Arc::new(crate::seal::tests::test_seal()),
        road,
    )
}

fn key() -> Value {
    json!({"kid": "k1", "alg": "HS256", "secret": SECRET})
}

fn claims_with(name: &str, value: Value) -> String {
    let mut claims = good_claims("service", "communication:send");
    claims[name] = value;
    testing::claims(claims).unwrap()
}

async fn refused(router: &Router, token: &str, status: u16, error: &str) {
    let answer = ask(router, "GET", "/send", Some(token), "").await.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.json["error"]), (status, &json!(error)));
}

async fn accepted(router: &Router, token: &str) {
    assert_eq!(ask(router, "GET", "/send", Some(token), "").await.unwrap().status, 200);
}

#[tokio::test]
async fn revoked_token_id_is_refused() {
    let router = router(&json!({"keys": [key()], "revoked": {"jtis": ["stolen"]}}));
    refused(&router, &claims_with("jti", json!("stolen")), 401, "Token revoked").await;
    accepted(&router, &claims_with("jti", json!("another"))).await;
}

#[tokio::test]
async fn revoked_key_id_is_refused_also_unnamed() {
    let router = router(&json!({"keys": [key()], "revoked": {"kids": ["k1"]}}));
    refused(&router, &claims_with("x", json!(1)), 401, "Token revoked").await;
    let unnamed = jsonwebtoken::encode(
        &jsonwebtoken::Header::default(),
        &good_claims("service", "communication:send"),
        &jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes()),
    );
    refused(&router, &unnamed.unwrap(), 401, "Token revoked").await;
}

#[tokio::test]
async fn overlong_token_is_refused() {
    let now = jiff::Timestamp::now().as_second();
    let usual = router(&json!({"keys": [key()]}));
    refused(&usual, &claims_with("exp", json!(now + 86_400 + 100)), 401, "Token lifetime too long").await;
    accepted(&usual, &claims_with("exp", json!(now + 86_000))).await;
    let short = router(&json!({"keys": [key()], "max_lifetime_seconds": 900}));
    refused(&short, &claims_with("exp", json!(now + 1_000)), 401, "Token lifetime too long").await;
    accepted(&short, &claims_with("exp", json!(now + 800))).await;
    // A token issued in the future would otherwise be good for longer.
    refused(&short, &claims_with("iat", json!(now + 3_600)), 401, "Invalid token").await;
}

#[tokio::test]
async fn key_cannot_mint_scopes_beyond_its_own() {
    let mut key = key();
    key["may"] = json!({"scopes": ["communication:read"]});
    let router = router(&json!({"keys": [key]}));
    refused(&router, &claims_with("scope", json!("communication:send communication:read")), 403, "Insufficient scope")
        .await;
}

#[tokio::test]
async fn key_cannot_mint_subjects_beyond_its_own() {
    let mut key = key();
    key["may"] = json!({"sub_prefix": "service:"});
    let router = router(&json!({"keys": [key]}));
    refused(&router, &claims_with("sub", json!("123")), 401, "Invalid token").await;
    accepted(&router, &claims_with("sub", json!("service:booking"))).await;
}

#[tokio::test]
async fn key_cannot_mint_limits_beyond_its_own() {
    let mut key = key();
    key["may"] = json!({"limits": {"general": 200}});
    let router = router(&json!({"keys": [key]}));
    for (asked, given) in [(100_000, json!(200)), (50, json!(50))] {
        let token = claims_with("limits", json!({"general": asked, "send": asked}));
        let answer = ask(&router, "GET", "/own", Some(&token), "").await.unwrap();
        assert_eq!(answer.json["general"], given);
    }
}

#[test]
fn misspelt_rules_make_the_secret_unreadable() {
    let unreadable = |fields: Value| assert!(auth_secret(&fields).is_err(), "{fields}");
    unreadable(json!({"keys": [], "revoke": {"kids": []}}));
    unreadable(json!({"keys": [], "revoked": {"kid": []}}));
    let mut key = key();
    key["may"] = json!({"scope": ["communication:read"]});
    unreadable(json!({"keys": [key]}));
}
