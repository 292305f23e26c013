//! The edge, in process: who gets in, what a refusal looks like, and what happens when a store does not answer.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::*;
use crate::testing::{Answer, ask, claims, dead_road, edge, good_claims, token};

fn router() -> Router {
    let road = dead_road(Clock::system()).unwrap();
    routes(edge(&road).unwrap())
}

fn routes(edge: Edge) -> Router {
    let anyones = OwnerRule::Organization("a test");
    let send = Access::scoped(Scope::Send, Limit::Send, anyones, Cost::Message);
    let own = Access::authenticated(Limit::General, OwnerRule::Own, Cost::Free);
    let made = Access::scoped(Scope::Send, Limit::General, OwnerRule::Maker, Cost::Free);
    Routes::default()
        .post("/echo", "echo", send, async |caller: Caller, _: Body<BTreeMap<String, Value>>| {
            Json(json!({"by": caller.subject}))
        })
        .get("/roles", "roles", own, async |caller: Caller| {
            let of = |person: &str| caller.roles_of(&crate::person::PersonId::text(person).unwrap());
            let roles: Vec<String> = of("7").iter().map(ToString::to_string).collect();
            Json(json!({"own": roles, "others": of("8").len()}))
        })
        .get("/public", "public", Access::public(), async || Json(json!({})))
        .get("/panic", "panic", Access::signed(), panics)
        .get("/store", "store", Access::signed(), store)
        .post("/forgotten", "forgotten", made, async || Json(json!({"done": true})))
        .post("/asked", "asked", made, async |caller: Caller| {
            let message = crate::testing::sample_message(jiff::Timestamp::UNIX_EPOCH);
            caller.owned(Some(message), || ApiError::not_found("No such message")).map(|_| Json(json!({"done": true})))
        })
        .finish(Some(edge), network(), Arc::new(crate::seal::tests::test_seal()), dead_road(Clock::system()).unwrap())
}

pub(super) fn network() -> NetworkLimit {
    let road = dead_road(Clock::system()).unwrap();
    NetworkLimit::from_env(road.clock, road.ephemera, road.seal)
}

async fn panics() -> Json<Value> {
    panic!("a handler that breaks")
}

async fn store(State(road): State<crate::road::Road>) -> Result<Json<Value>, ApiError> {
    road.messages.get(crate::message::MessageId::new()).await?;
    Ok(Json(json!({})))
}

async fn echo(token: Option<&str>) -> Answer {
    ask(&router(), "POST", "/echo", token, "{}").await.unwrap()
}

#[tokio::test]
async fn a_valid_token_with_the_scope_gets_in_even_when_the_rate_limit_store_is_down() {
    let answer = echo(Some(&token("service", "communication:read communication:send").unwrap())).await;
    assert_eq!((answer.status.as_u16(), answer.json), (200, json!({"by": "service"})));
    assert!(answer.headers.contains_key("x-request-id"));
}

#[tokio::test]
async fn handler_that_forgets_the_owner_check_answers_nothing() {
    let service = token("service", "communication:send").unwrap();
    let answer = ask(&router(), "POST", "/forgotten", Some(&service), "").await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.json.get("done")), (500, None));
}

#[tokio::test]
async fn object_of_another_caller_does_not_exist() {
    for (subject, scope, status) in [
        ("test", "communication:send", 200),
        ("service", "communication:send", 404),
        ("service", "communication:send settings:manage", 200),
        ("administrator", "settings:manage", 403),
    ] {
        let answer = ask(&router(), "POST", "/asked", Some(&token(subject, scope).unwrap()), "").await.unwrap();
        assert_eq!(answer.status, status, "{subject} with {scope}: {}", answer.json);
    }
}

#[tokio::test]
async fn a_list_of_scopes_is_understood_too() {
    let mut all = good_claims("s", "");
    all["scope"] = json!(["communication:send"]);
    assert_eq!(echo(Some(&claims(all).unwrap())).await.status, 200);
}

#[tokio::test]
async fn a_token_gives_roles_to_its_own_subject_and_to_nobody_else() {
    let all = good_claims("7", "");
    for (name, value, own) in [
        ("roles", json!(["lender", "The Admin"]), json!(["lender"])),
        ("role", json!("lender"), json!(["lender"])),
        ("roles", json!("admin lender"), json!(["admin", "lender"])),
        ("scope", json!("lender"), json!([])),
        ("roles", json!({"realm": ["lender"]}), json!([])),
        ("role", json!(7), json!([])),
    ] {
        let mut all = all.clone();
        all[name] = value;
        let answer = ask(&router(), "GET", "/roles", Some(&claims(all).unwrap()), "").await.unwrap();
        assert_eq!(answer.json, json!({"own": own, "others": 0}), "{name}");
    }
}

#[tokio::test]
async fn what_is_meant_for_everybody_needs_no_token() {
    assert_eq!(ask(&router(), "GET", "/public", None, "").await.unwrap().status, 200);
    assert_eq!(ask(&router(), "GET", "/roles", None, "").await.unwrap().status, 401);
}

#[tokio::test]
async fn without_a_valid_token_nobody_gets_in() {
    let good = good_claims("s", "communication:send");
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        claims
    };
    let none = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzIn0.".to_owned();
    let mut tokens = vec![none, "x".to_owned(), "a.b.c".to_owned()];
    let bad = [
        with("iss", json!("other")),
        with("aud", json!("other")),
        with("nbf", json!(4_102_444_700_i64)),
        with("sub", json!("")),
        without("sub"),
        without("exp"),
        without("iss"),
        without("aud"),
        without("iat"),
        with("iat", json!(4_102_444_700_i64)),
        with("sub", json!("s".repeat(257))),
    ];
    tokens.extend(bad.into_iter().map(|bad| claims(bad).unwrap()));
    for token in tokens {
        let answer = echo(Some(&token)).await;
        assert_eq!(answer.status, 401, "{token}");
        assert_eq!(answer.json["error"], "Invalid token", "{token}");
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
    }
    let expired = claims(with("exp", json!(1_000_000_000))).unwrap();
    assert_eq!(echo(Some(&expired)).await.json["error"], "Token expired");
    let nobody = echo(None).await;
    assert_eq!((nobody.status.as_u16(), &nobody.json["error"]), (401, &json!("Authentication required")));
}

#[tokio::test]
async fn a_token_without_the_scope_is_told_which_one() {
    let answer = echo(Some(&token("s", "communication:read").unwrap())).await;
    assert_eq!(answer.status, 403);
    assert_eq!(
        answer.json,
        json!({"success": false, "error": "Insufficient scope", "details": "This needs the scope communication:send", "context": "echo"})
    );
}

#[tokio::test]
async fn without_the_secret_nobody_gets_in() {
    let road = dead_road(Clock::system()).unwrap();
    let unreadable = Secret::new(aws_sdk_secretsmanager::Client::new(&crate::testing::dead_aws()), "auth".to_owned());
    let router = routes(Edge::new(Clock::system(), unreadable, road.ephemera, Limits::default()));
    let answer = ask(&router, "POST", "/echo", Some(&token("s", "communication:send").unwrap()), "{}").await.unwrap();
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json["error"], "Communication service error");
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_a_503_that_tells_nothing_of_it() {
    let answer = ask(&router(), "GET", "/store", None, "").await.unwrap();
    assert_eq!(answer.status, 503);
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(
        answer.json,
        json!({
            "success": false, "error": "Communication service error",
            "details": "A service this depends on is unavailable; try again shortly", "context": "store",
        })
    );
}

#[tokio::test]
async fn a_panic_is_a_500_with_a_constant_body() {
    let answer = ask(&router(), "GET", "/panic", None, "").await.unwrap();
    assert_eq!(answer.status, 500);
    assert_eq!(answer.json, json!({"success": false, "error": "Internal server error", "context": "panic"}));
}

#[tokio::test]
async fn what_does_not_exist_is_said_in_the_envelope() {
    let missing = ask(&router(), "GET", "/nowhere", None, "").await.unwrap();
    assert_eq!((missing.status.as_u16(), &missing.json["success"]), (404, &json!(false)));
    let method = ask(&router(), "DELETE", "/echo", None, "").await.unwrap();
    assert_eq!((method.status.as_u16(), &method.json["error"]), (405, &json!("Method not allowed")));
}

#[tokio::test]
async fn a_public_key_is_never_taken_for_a_shared_secret() {
    // An RS256 key set, and a token signed with HS256 over the modulus: the classic confusion.
    let modulus = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    let keys = json!({"issuer": "test", "audience": "switchboard", "jwks": {"keys": [{"kty": "RSA", "kid": "k1", "alg": "RS256", "n": modulus, "e": "AQAB"}]}});
    let keys: AuthKeys = serde_json::from_value(keys).unwrap();
    let secret = Secret::fixed(crate::secrets::Versions { current: keys, previous: None });
    let road = dead_road(Clock::system()).unwrap();
    let router = routes(Edge::new(Clock::system(), secret, road.ephemera, Limits::default()));
    let answer = ask(&router, "POST", "/echo", Some(&token("s", "communication:send").unwrap()), "{}").await.unwrap();
    assert_eq!(answer.status, 401);
}

/// A request without a token from this network address.
async fn from_network(router: &Router, path: &str, ip: &str) -> u16 {
    let mut context = aws_lambda_events::apigw::ApiGatewayV2httpRequestContext::default();
    context.http.source_ip = Some(ip.to_owned());
    let mut request = http::Request::get(path).body(axum::body::Body::empty()).unwrap();
    request.extensions_mut().insert(lambda_http::request::RequestContext::ApiGatewayV2(context));
    tower::ServiceExt::oneshot(router.clone(), request).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn flood_without_a_token_is_limited_by_its_network_address() {
    use crate::provider::stub::{Stub, reply};
    let counted = |count: u32| {
        reply(200, json!({"Attributes": {"count": {"N": count.to_string()}, "resets": {"N": "9000000000000000"}}}))
    };
    let table = Stub::new([counted(1), counted(2), counted(1), counted(2)]).await;
    let road = crate::testing::road_on(&table.base_url, Clock::system()).unwrap();
    let network = NetworkLimit::new(road.clock.clone(), road.ephemera.clone(), road.seal.clone(), 1);
    let forged = async || ApiError::forbidden("Invalid signature");
    let router = Routes::default()
        .get("/link", "link", Access::public(), async || "a page")
        .get("/callback", "callback", Access::signed(), forged)
        .get("/report", "report", Access::signed(), async || "taken")
        .finish(None, network, road.seal.clone(), road);
    let link = [from_network(&router, "/link", "192.0.2.1").await, from_network(&router, "/link", "192.0.2.1").await];
    assert_eq!(link, [200, 429]);
    // A provider's callbacks are not counted, those with a bad signature are.
    for _ in 0..5 {
        assert_eq!(from_network(&router, "/report", "192.0.2.2").await, 200);
    }
    for expected in [403, 403, 429, 429] {
        assert_eq!(from_network(&router, "/callback", "192.0.2.2").await, expected);
    }
    assert_eq!(from_network(&router, "/report", "192.0.2.3").await, 200);
    assert_eq!(table.requests().len(), 4, "what is over the limit costs no store");
}
