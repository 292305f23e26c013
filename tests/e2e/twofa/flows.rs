//! A lender's way into a portal, by the API and a phone.

use std::time::Instant;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

use crate::otp::flows::other_than;
use crate::world::{Line, World, fresh, tokens};

const TWO_FACTOR: &str = "/api/v2/2fa";
const AUDIENCE: &str = "lender-portal";

impl World {
    async fn two_factor(&self, path: &str, body: &Value) -> Value {
        self.post(&format!("{TWO_FACTOR}/{path}"), body).send().await.ok()
    }

    /// Enrols a phone; its recovery codes.
    pub(crate) async fn enrolled(&self, user: i64, phone: &str) -> Vec<String> {
        let pending = self.two_factor("enrol", &json!({"user_id": user, "phone_number": phone})).await;
        assert_eq!((&pending["status"], &pending["channel"]), (&json!("pending"), &json!("sms")), "{pending}");
        let code = self.codes_until(1, phone, "sms").await.remove(0);
        let confirmed = self.two_factor("enrol/confirm", &json!({"user_id": user, "code": code})).await;
        assert_eq!((&confirmed["verified"], &confirmed["status"]), (&json!(true), &json!("enrolled")), "{confirmed}");
        serde_json::from_value(confirmed["recovery_codes"].clone()).expect("recovery codes")
    }

    /// Begins a sign-in; the code that arrives, `sent` texts after the phone was new.
    async fn code_after(&self, user: i64, phone: &str, sent: usize) -> String {
        self.two_factor("start", &json!({"user_id": user})).await;
        self.codes_until(sent, phone, "sms").await.pop().expect("a code")
    }

    /// What an assertion claims, verified with nothing but the published keys.
    async fn claims(&self, assertion: &str) -> Value {
        let published = self.get("/.well-known/jwks.json").no_token().send().await.is(200);
        assert_eq!(published.header("cache-control"), "public, max-age=300");
        let set: JwkSet = serde_json::from_str(&published.text).expect("a JWK set");
        let kid = decode_header(assertion).expect("a header").kid.expect("a key id");
        let key = DecodingKey::from_jwk(set.find(&kid).expect("a published key")).expect("a key");
        let mut rules = Validation::new(Algorithm::ES256);
        rules.set_audience(&[AUDIENCE]);
        rules.set_issuer(&[self.setting("PUBLIC_BASE_URL").await]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        decode::<Value>(assertion, &key, &rules).expect("it verifies").claims
    }
}

#[tokio::test]
async fn a_lender_enrols_signs_in_trusts_a_device_and_is_removed() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (user, phone) = (fresh::user(), fresh::phone());
    let status = async || world.get(&format!("{TWO_FACTOR}/status/{user}?role=lender")).send().await.ok();
    let before = status().await;
    assert_eq!(
        (&before["required"], &before["enrolled"], &before["user_id"]),
        (&json!(true), &json!(false), &json!(user))
    );
    let recovery = world.enrolled(user, &phone).await;
    assert_eq!(recovery.len(), 10);
    let again = json!({"user_id": user, "phone_number": phone});
    world.post(&format!("{TWO_FACTOR}/enrol"), &again).send().await.refused(409, "Already enrolled");

    let code = world.code_after(user, &phone, 2).await;
    let check = json!({"user_id": user, "code": code, "audience": AUDIENCE, "trust_device": true});
    let passed = world.two_factor("check", &check).await;
    assert_eq!((&passed["verified"], &passed["status"]), (&json!(true), &json!("approved")), "{passed}");
    let claims = world.claims(passed["assertion"].as_str().expect("an assertion")).await;
    assert_eq!((&claims["sub"], &claims["amr"]), (&json!(user.to_string()), &json!(["otp", "sms", "mca"])));
    let used = world.two_factor("check", &check).await;
    assert_eq!((&used["verified"], &used["attempts_left"]), (&json!(false), &json!(4)), "a code is used once: {used}");

    let begin = json!({"user_id": user, "audience": AUDIENCE, "device_token": passed["device_token"]});
    let trusted = world.two_factor("start", &begin).await;
    assert_eq!(trusted["status"], "approved", "{trusted}");
    let of_device = world.claims(trusted["assertion"].as_str().expect("an assertion")).await;
    assert_eq!((&of_device["amr"], &of_device["auth_time"]), (&json!(["trusted_device"]), &claims["auth_time"]));

    let lost = json!({"user_id": user, "recovery_code": recovery[4].to_lowercase(), "audience": AUDIENCE});
    let recovered = world.two_factor("check", &lost).await;
    assert_eq!((&recovered["amr"], &recovered["recovery_codes_left"]), (&json!(["recovery_code"]), &json!(9)));
    assert_eq!(world.two_factor("check", &lost).await["verified"], false, "once");
    let after = status().await;
    assert_eq!((&after["enrolled"], &after["recovery_codes_left"]), (&json!(true), &json!(9)), "{after}");
    assert_eq!(after["trusted_devices"][0]["device_id"], passed["device_id"]);
    assert!(!after.to_string().contains(&phone[1..10]), "only the end of the number: {after}");

    assert_eq!(world.two_factor("remove", &json!({"user_id": user})).await["removed"], true);
    assert_eq!(world.two_factor("start", &begin).await["status"], "pending", "the device went with it");
    world.post(&format!("{TWO_FACTOR}/remove"), &json!({"user_id": user})).send().await.refused(404, "Not enrolled");
    let history = world.get(&format!("{TWO_FACTOR}/history/{user}?limit=3")).send().await.ok();
    assert_eq!((&history["intact"], &history["entries"][0]["event"]), (&json!(true), &json!("removed")), "{history}");
    let cursor = history["next_cursor"].as_str().expect("more");
    let next = world.get(&format!("{TWO_FACTOR}/history/{user}?limit=100&cursor={cursor}")).send().await.ok();
    let entries = next["entries"].as_array().expect("entries");
    assert_eq!(entries.last().expect("the first one")["event"], "enrolment_started", "{next}");
    assert!(next.get("next_cursor").is_none());
    let all = format!("{history}{next}");
    assert!([&code, &phone, &recovery[4]].iter().all(|secret| !all.contains(secret.as_str())), "{all}");
}

#[tokio::test]
async fn who_may_only_send_cannot_tell_who_is_enrolled() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (user, nobody, phone) = (fresh::user(), fresh::user(), fresh::phone());
    world.enrolled(user, &phone).await;
    let sender = fresh::word();
    let token = tokens::sender(&sender);
    for path in ["status", "history"] {
        world.get(&format!("{TWO_FACTOR}/{path}/{user}")).token(&token).send().await.refused(403, "Insufficient scope");
    }
    let first = Instant::now();
    let begin = async |user: i64, key: &str| {
        let call = world.post(&format!("{TWO_FACTOR}/start"), &json!({"user_id": user})).token(&token).key(key);
        let mut answer = call.send().await.is(200);
        let replayed = answer.header("idempotency-replay").to_owned();
        let body = answer.json.as_object_mut().expect("an object");
        body.remove("expires_in");
        // It counts down from each one's own first request.
        let wait = body.remove("resend_after").and_then(|wait| wait.as_u64()).expect("seconds");
        assert!((30_u64.saturating_sub(first.elapsed().as_secs())..=30).contains(&wait), "{wait}");
        (answer.json, replayed)
    };
    let (key, other) = (fresh::word(), fresh::word());
    for _ in 0..3 {
        assert_eq!(begin(user, &key).await, begin(nobody, &other).await);
    }
    let code = world.codes_until(2, &phone, "sms").await.pop().expect("a code");
    assert_eq!(world.arrived(&phone).await.len(), 2, "one to enrol, and one for three requests with the same key");
    let enter = async |user: i64| {
        let body = json!({"user_id": user, "code": other_than(&code), "audience": sender});
        let mut answer = world.post(&format!("{TWO_FACTOR}/check"), &body).token(&token).send().await;
        let wait = answer.header("retry-after").is_empty();
        if let Some(body) = answer.json.as_object_mut() {
            body.remove("details");
            body.remove("retry_after");
        }
        (answer.status, wait, answer.json)
    };
    for attempt in 0..7 {
        let (known, unknown) = (enter(user).await, enter(nobody).await);
        assert_eq!(known, unknown);
        assert_eq!((known.0, known.1), if attempt < 5 { (200, true) } else { (429, false) }, "{}", known.2);
    }
}

#[tokio::test]
async fn people_see_their_own_and_servers_without_the_scope_administer_nothing() {
    let world = World::new();
    let user = fresh::user();
    let mut claims = tokens::claims(&user.to_string(), "");
    claims["roles"] = json!(["lender"]);
    let own = tokens::signed(&claims);
    let status = world.get(&format!("{TWO_FACTOR}/status/{user}")).token(&own).send().await.ok();
    assert_eq!((&status["required"], &status["enrolled"]), (&json!(true), &json!(false)), "{status}");
    world.get(&format!("{TWO_FACTOR}/status/{}", fresh::user())).token(&own).send().await.is(403);
    let sender = tokens::sender(&fresh::word());
    for path in ["enrol", "enrol/confirm", "recovery-codes", "devices/revoke"] {
        for token in [&own, &sender] {
            world.post(&format!("{TWO_FACTOR}/{path}"), &json!({"user_id": user})).token(token).send().await.is(403);
        }
    }
    let remove = json!({"user_id": user});
    world.post(&format!("{TWO_FACTOR}/remove"), &remove).token(&sender).send().await.is(403);
    world.post(&format!("{TWO_FACTOR}/remove"), &remove).token(&own).send().await.refused(404, "Not enrolled");
}

#[tokio::test]
async fn own_token_cannot_remove_the_second_factor_by_erasure() {
    let world = World::new();
    let _lines = world.share(&[Line::Sms]).await;
    let (user, phone) = (fresh::user(), fresh::phone());
    world.enrolled(user, &phone).await;
    let (own, path) = (tokens::token(&user.to_string(), ""), format!("/api/communication/privacy/{user}/erase"));
    let refused = world.post(&path, &json!({})).token(&own).send().await.refused(403, "A second factor is required");
    assert_eq!(refused.json["reason"], "second_factor_required", "{}", refused.json);
    world.get(&path).token(&own).send().await.refused(404, "No erasure was asked for");
    let status = world.get(&format!("{TWO_FACTOR}/status/{user}")).send().await.ok();
    assert_eq!(status["enrolled"], true, "{status}");
    // Whoever administers does it once they proved it.
    world.post(&path, &json!({})).send().await.is(202);
}
