//! Tokens the stack accepts, and tokens it must not.

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::stack::stack;

/// Claims the stack accepts, of a caller with these scopes and the default limits.
pub(crate) fn claims(subject: &str, scope: &str) -> Value {
    let now = Timestamp::now().as_second();
    json!({
        "iss": stack().secret("auth_issuer"),
        "aud": stack().secret("auth_audience"),
        "iat": now,
        "exp": now + 3_600,
        "sub": subject,
        "scope": scope,
    })
}

/// A good token.
pub(crate) fn token(subject: &str, scope: &str) -> String {
    signed(&claims(subject, scope))
}

/// A token of a caller who may send and read.
pub(crate) fn sender(subject: &str) -> String {
    token(subject, "communication:send communication:read")
}

/// Any claims, signed with the stack's key.
pub(crate) fn signed(claims: &Value) -> String {
    let key = EncodingKey::from_secret(stack().secret("auth_secret").as_bytes());
    with_key(Algorithm::HS256, stack().secret("auth_key_id"), claims, &key)
}

pub(crate) fn with_key(algorithm: Algorithm, kid: &str, claims: &Value, key: &EncodingKey) -> String {
    let header = Header { kid: Some(kid.to_owned()), ..Header::new(algorithm) };
    encode(&header, claims, key).expect("a token")
}
