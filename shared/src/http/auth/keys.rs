//! The auth secret: which keys sign tokens, what each may say, and which keys and tokens are revoked.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, KeyAlgorithm};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

use super::Scope;
use crate::http::ApiError;

/// The longest a token may be good for, in seconds, where the secret says nothing: a day.
const DEFAULT_MAX_LIFETIME_SECONDS: u32 = 24 * 3_600;
/// How far the issuer's clock may be from ours, in seconds.
const LEEWAY_SECONDS: f64 = 60.0;
/// A shared secret shorter than the hash it keys is refused (RFC 7518 §3.2).
const MIN_SECRET_BYTES: usize = 32;

/// The auth secret, as it stands in Secrets Manager. A misspelt field must not quietly leave a key without its rules, so
/// unknown ones are refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthKeys {
    pub(super) issuer: String,
    pub(super) audience: String,
    /// How long a token may be good for: `exp` less `iat`.
    #[serde(default = "default_max_lifetime")]
    max_lifetime_seconds: u32,
    #[serde(default)]
    revoked: Revoked,
    /// Shared secrets, each with its id and its one algorithm.
    #[serde(default)]
    keys: Vec<SharedKey>,
    /// Public keys of RS256 and ES256 issuers, as a JWKS document.
    #[serde(default)]
    jwks: PublicKeys,
}

/// What is refused though its signature is right. An entry can go once the token it names has expired.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Revoked {
    /// Key ids.
    kids: BTreeSet<String>,
    /// Token ids (`jti`).
    jtis: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SharedKey {
    kid: String,
    alg: Algorithm,
    secret: String,
    #[serde(default)]
    may: KeyRules,
}

#[derive(Default, Deserialize)]
struct PublicKeys {
    keys: Vec<PublicKey>,
}

/// A JWK with a member of ours beside its own (RFC 7517 §4 allows that).
#[derive(Deserialize)]
struct PublicKey {
    #[serde(flatten)]
    jwk: Jwk,
    #[serde(default)]
    may: KeyRules,
}

/// What a key may say. Without a rule it may say everything.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct KeyRules {
    /// Scopes its tokens may have; others are dropped.
    scopes: Option<BTreeSet<String>>,
    /// What the subjects of its tokens begin with; others are refused.
    sub_prefix: Option<String>,
    /// The highest rate limits its tokens may carry; others than these are dropped.
    limits: Option<BTreeMap<String, u32>>,
}

impl KeyRules {
    pub(super) fn allow_subject(&self, subject: &str) -> bool {
        self.sub_prefix.as_deref().is_none_or(|prefix| subject.starts_with(prefix))
    }

    pub(super) fn allow_scope(&self, scope: Scope) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| scopes.contains(scope.as_str()))
    }

    /// These limits, none higher than the key may give.
    pub(super) fn cap_limits(&self, limits: BTreeMap<String, u32>) -> BTreeMap<String, u32> {
        let Some(highest) = &self.limits else { return limits };
        let capped = |(name, limit): (String, u32)| Some((name.clone(), limit.min(*highest.get(&name)?)));
        limits.into_iter().filter_map(capped).collect()
    }
}

/// The key a token names.
pub(super) struct TokenKey<'a> {
    pub(super) kid: &'a str,
    pub(super) verifier: DecodingKey,
    pub(super) algorithm: Algorithm,
    pub(super) rules: &'a KeyRules,
}

/// Why a token with a right signature is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Invalid,
    Revoked,
    TooLongLived,
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::unauthorized(match refusal {
            Refusal::Invalid => "Invalid token",
            Refusal::Revoked => "Token revoked",
            Refusal::TooLongLived => "Token lifetime too long",
        })
    }
}

fn default_max_lifetime() -> u32 {
    DEFAULT_MAX_LIFETIME_SECONDS
}

impl fmt::Debug for AuthKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthKeys[{}]", self.issuer)
    }
}

impl AuthKeys {
    /// The key of this id, the algorithm it is pinned to, and what it may say.
    pub(super) fn key(&self, kid: Option<&str>) -> Option<TokenKey<'_>> {
        let shared = match kid {
            Some(kid) => self.keys.iter().find(|key| key.kid == kid),
            // A token without a key id can only mean the one shared key there is.
            None if self.keys.len() == 1 && self.jwks.keys.is_empty() => self.keys.first(),
            None => None,
        };
        if let Some(SharedKey { kid, alg, secret, may }) = shared {
            let hmac = matches!(alg, Algorithm::HS256) && secret.len() >= MIN_SECRET_BYTES;
            let verifier = DecodingKey::from_secret(secret.as_bytes());
            return hmac.then_some(TokenKey { kid, verifier, algorithm: *alg, rules: may });
        }
        let named = |key: &&PublicKey| key.jwk.common.key_id.is_some() && key.jwk.common.key_id.as_deref() == kid;
        let PublicKey { jwk, may } = self.jwks.keys.iter().find(named)?;
        let (kid, verifier) = (jwk.common.key_id.as_deref()?, DecodingKey::from_jwk(jwk).ok()?);
        Some(TokenKey { kid, verifier, algorithm: asymmetric(jwk)?, rules: may })
    }

    /// Refuses revoked keys and tokens.
    pub(super) fn admit(&self, kid: &str, token_id: Option<&str>) -> Result<(), Refusal> {
        let revoked = self.revoked.kids.contains(kid) || token_id.is_some_and(|id| self.revoked.jtis.contains(id));
        if revoked { Err(Refusal::Revoked) } else { Ok(()) }
    }

    /// Refuses tokens that are good for longer than allowed, and those that do not say since when they are.
    pub(super) fn check_lifetime(&self, issued: Option<f64>, expires: f64, now: f64) -> Result<(), Refusal> {
        let issued = issued.filter(|issued| *issued <= now + LEEWAY_SECONDS).ok_or(Refusal::Invalid)?;
        let fits = expires - issued <= f64::from(self.max_lifetime_seconds);
        if fits { Ok(()) } else { Err(Refusal::TooLongLived) }
    }
}

/// RS256 and ES256 only: a public key must never be taken for an HMAC secret.
fn asymmetric(jwk: &Jwk) -> Option<Algorithm> {
    match (&jwk.algorithm, jwk.common.key_algorithm) {
        (AlgorithmParameters::RSA(_), None | Some(KeyAlgorithm::RS256)) => Some(Algorithm::RS256),
        (AlgorithmParameters::EllipticCurve(_), None | Some(KeyAlgorithm::ES256)) => Some(Algorithm::ES256),
        _ => None,
    }
}
