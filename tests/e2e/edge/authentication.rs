//! Who is it, and may they.

use std::sync::OnceLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use crate::world::rotation::Changed;
use crate::world::{World, eventually, fresh, seconds, stack::stack, tokens};

const TYPES: &str = "/api/communication/trigger-types";
const STATUS: &str = "/api/communication/status/unknown";

fn with(name: &str, value: impl Into<Value>) -> Value {
    let mut claims = tokens::claims(&fresh::word(), "communication:send communication:read");
    claims[name] = value.into();
    claims
}

fn without(name: &str) -> Value {
    let mut claims = with("x", 1);
    claims.as_object_mut().expect("claims").remove(name);
    claims
}

/// The token's head and claims, unsigned or with any signature.
fn raw(head: &Value, claims: &Value, signature: &str) -> String {
    let part = |json: &Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
    format!("{}.{}.{signature}", part(head), part(claims))
}

#[tokio::test]
async fn a_request_without_a_good_token_is_refused() {
    let world = World::new();
    let now = jiff::Timestamp::now().as_second();
    let good = tokens::signed(&with("x", 1));
    world.get(TYPES).token(&good).send().await.ok();

    let key = |secret: &[u8]| EncodingKey::from_secret(secret);
    let secret = stack().secret("auth_secret").as_bytes();
    let kid = stack().secret("auth_key_id");
    let public = stack().secret("sendgrid_public_key");
    let head = |algorithm: &str| json!({"alg": algorithm, "kid": kid, "typ": "JWT"});
    let (body, signature) = good.rsplit_once('.').expect("a token");
    let cases = [
        ("garbage", "garbage".to_owned()),
        ("dots", "a.b.c".to_owned()),
        ("no signature", format!("{body}.")),
        (
            "another's signature",
            format!("{}.{signature}", raw(&head("HS256"), &with("x", 2), "").trim_end_matches('.')),
        ),
        ("expired", tokens::signed(&with("exp", now - 3_600))),
        ("not valid yet", tokens::signed(&with("nbf", now + 3_600))),
        ("no expiry", tokens::signed(&without("exp"))),
        ("wrong audience", tokens::signed(&with("aud", "another"))),
        ("no audience", tokens::signed(&without("aud"))),
        ("wrong issuer", tokens::signed(&with("iss", "another"))),
        ("nobody", tokens::signed(&with("sub", ""))),
        ("no subject", tokens::signed(&without("sub"))),
        ("alg none", raw(&head("none"), &with("x", 1), "")),
        ("alg None", raw(&head("None"), &with("x", 1), "")),
        ("another algorithm", tokens::with_key(Algorithm::HS512, kid, &with("x", 1), &key(secret))),
        ("a public key as secret", tokens::with_key(Algorithm::HS256, kid, &with("x", 1), &key(public.as_bytes()))),
        ("unknown key id", tokens::with_key(Algorithm::HS256, "unknown", &with("x", 1), &key(secret))),
        (
            "wrong secret",
            tokens::with_key(Algorithm::HS256, kid, &with("x", 1), &key(b"another secret of 32 bytes or more")),
        ),
    ];
    for path in [TYPES, STATUS] {
        for (name, token) in &cases {
            let answer = world.get(path).token(token).send().await;
            assert_eq!(answer.status, 401, "{name} at {path}: {}", answer.text);
            assert_eq!(answer.header("www-authenticate"), "Bearer", "{name}");
            assert_eq!(answer.json["success"], false, "{name}: {}", answer.text);
        }
        let missing = world.get(path).no_token().send().await.refused(401, "Authentication required");
        assert_eq!(missing.header("www-authenticate"), "Bearer");
        let basic = world.get(path).no_token().header("authorization", "Basic dTpw").send().await;
        basic.refused(401, "Invalid token");
    }
    let expired = tokens::signed(&with("exp", now - 3_600));
    world.get(TYPES).token(&expired).send().await.refused(401, "Token expired");
}

/// A key pair of an outside issuer, made for this run.
fn issuer() -> &'static (Vec<u8>, Vec<u8>) {
    static PAIR: OnceLock<(Vec<u8>, Vec<u8>)> = OnceLock::new();
    PAIR.get_or_init(|| {
        let private =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, private.as_ref()).expect("the same key");
        (private.as_ref().to_vec(), pair.public_key().as_ref().to_vec())
    })
}

#[tokio::test]
async fn a_public_key_proves_its_own_tokens_and_is_never_a_secret() {
    let world = World::new();
    let (private, point) = issuer();
    let (x, y) = point[1..].split_at(32);
    let url = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let jwk = json!({"kty": "EC", "crv": "P-256", "kid": "issuer-1", "x": url(x), "y": url(y), "use": "sig"});
    let changed = Changed::make(&world, "AUTH_SECRET", |auth| auth["jwks"] = json!({"keys": [jwk]})).await;

    let good = tokens::with_key(Algorithm::ES256, "issuer-1", &with("x", 1), &EncodingKey::from_ec_der(private));
    // A key id nobody knows makes the function read its keys anew, at most every ten seconds.
    eventually("the issuer's token is good", seconds(20), async || {
        let answer = world.get(TYPES).token(&good).send().await;
        if answer.status == 200 { Ok(()) } else { Err(answer.text) }
    })
    .await;
    let spki = [&BASE64_STANDARD.decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgA=").expect("a head")[..], point].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64_STANDARD.encode(&spki));
    for secret in [point.as_slice(), &spki, pem.as_bytes(), url(x).as_bytes(), BASE64_STANDARD.encode(&spki).as_bytes()]
    {
        let forged = tokens::with_key(Algorithm::HS256, "issuer-1", &with("x", 1), &EncodingKey::from_secret(secret));
        world.get(TYPES).token(&forged).send().await.refused(401, "Invalid token");
    }
    changed.undo(&world).await;
}

#[tokio::test]
async fn a_token_without_the_scope_may_not() {
    let world = World::new();
    let id = uuid::Uuid::now_v7();
    let text = json!({"to": "+14155552671", "body": "x"});
    let reader = tokens::token(&fresh::word(), "communication:read");
    for path in [
        "/api/communication/send",
        "/api/v1/twilio/send-sms",
        "/api/v1/twilio/send-whatsapp",
        "/api/v1/twilio/send-email",
    ] {
        let refused = world.post(path, &text).token(&reader).send().await.refused(403, "Insufficient scope");
        assert_eq!(refused.json["details"], "This needs the scope communication:send", "{path}");
    }
    let cancel = format!("/api/communication/cancel/{id}");
    world.post(&cancel, &json!({})).token(&reader).send().await.refused(403, "Insufficient scope");
    let writer = tokens::token(&fresh::word(), "communication:send");
    for path in [format!("/api/communication/status/{id}"), format!("/api/v2/communications/messages/{id}")] {
        let refused = world.get(&path).token(&writer).send().await.refused(403, "Insufficient scope");
        assert_eq!(refused.json["details"], "This needs the scope communication:read", "{path}");
    }
}
