//! Authentication: a JWT in `Authorization: Bearer`. The algorithm is pinned to the key, never taken from the token;
//! issuer, audience and expiry are checked; a key id we do not know is looked up again (keys rotate) at most every ten
//! seconds. Without the secret nobody gets in: 503, not 200.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::{HeaderMap, header};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, errors::ErrorKind};
use serde::Deserialize;
use serde_json::Value;
use strum::{EnumString, IntoStaticStr};

use super::ApiError;
use super::rate_limit::Limit;
use crate::person::PersonId;
use crate::secrets::Secret;
use crate::twofactor::Role;

/// The auth secret, as it stands in Secrets Manager.
#[derive(Deserialize)]
pub struct AuthKeys {
    issuer: String,
    audience: String,
    /// Shared secrets, each with its id and its one algorithm.
    #[serde(default)]
    keys: Vec<SharedKey>,
    /// Public keys of RS256 and ES256 issuers, as a JWKS document.
    #[serde(default = "no_keys")]
    jwks: JwkSet,
}

#[derive(Deserialize)]
struct SharedKey {
    kid: String,
    alg: Algorithm,
    secret: String,
}

fn no_keys() -> JwkSet {
    JwkSet { keys: Vec::new() }
}

impl fmt::Debug for AuthKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthKeys[{}]", self.issuer)
    }
}

/// A shared secret shorter than the hash it keys is refused (RFC 7518 §3.2).
const SHORTEST_SECRET: usize = 32;

impl AuthKeys {
    /// The key of this id and the algorithm it is pinned to.
    fn key(&self, kid: Option<&str>) -> Option<(DecodingKey, Algorithm)> {
        let shared = match kid {
            Some(kid) => self.keys.iter().find(|key| key.kid == kid),
            // A token without a key id can only mean the one shared key there is.
            None if self.keys.len() == 1 && self.jwks.keys.is_empty() => self.keys.first(),
            None => None,
        };
        if let Some(key) = shared {
            let hmac = matches!(key.alg, Algorithm::HS256) && key.secret.len() >= SHORTEST_SECRET;
            return hmac.then(|| (DecodingKey::from_secret(key.secret.as_bytes()), key.alg));
        }
        let jwk = self.jwks.find(kid?)?;
        Some((DecodingKey::from_jwk(jwk).ok()?, asymmetric(jwk)?))
    }
}

/// RS256 and ES256 only: a public key must never be taken for an HMAC secret.
fn asymmetric(jwk: &Jwk) -> Option<Algorithm> {
    use jsonwebtoken::jwk::{AlgorithmParameters, KeyAlgorithm};
    match (&jwk.algorithm, jwk.common.key_algorithm) {
        (AlgorithmParameters::RSA(_), None | Some(KeyAlgorithm::RS256)) => Some(Algorithm::RS256),
        (AlgorithmParameters::EllipticCurve(_), None | Some(KeyAlgorithm::ES256)) => Some(Algorithm::ES256),
        _ => None,
    }
}

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumString, IntoStaticStr)]
pub enum Scope {
    #[strum(serialize = "communication:send")]
    Send,
    /// Sends free text with the class `security`.
    #[strum(serialize = "communication:urgent")]
    SendUrgent,
    #[strum(serialize = "communication:read")]
    Read,
    #[strum(serialize = "preferences:manage")]
    ManagePreferences,
    #[strum(serialize = "analytics:read")]
    ReadAnalytics,
    #[strum(serialize = "settings:manage")]
    ManageSettings,
    #[strum(serialize = "monitoring:read")]
    ReadMonitoring,
}

impl Scope {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Who calls.
#[derive(Clone, Debug)]
pub struct Caller {
    pub subject: String,
    scopes: BTreeSet<Scope>,
    /// The roles the token gives its subject.
    roles: BTreeSet<Role>,
    /// Rate limits of this token, where it carries its own.
    limits: BTreeMap<String, u32>,
    /// Whether the handler asked whose object it is.
    checked: Arc<AtomicBool>,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    #[serde(default)]
    scope: ListClaim,
    /// RFC 9068 §2.2.3.1.
    #[serde(default)]
    roles: Value,
    #[serde(default)]
    role: Value,
    #[serde(default)]
    limits: BTreeMap<String, u32>,
}

/// RFC 8693 has one string with spaces; several issuers send a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum ListClaim {
    Text(String),
    List(Vec<String>),
}

impl Default for ListClaim {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl ListClaim {
    /// Those of its words that are known ones.
    fn words<T: FromStr + Ord>(&self) -> BTreeSet<T> {
        match self {
            Self::Text(text) => text.split_whitespace().filter_map(|word| word.parse().ok()).collect(),
            Self::List(list) => list.iter().filter_map(|word| word.parse().ok()).collect(),
        }
    }
}

/// The roles a claim names. Issuers put all kinds of things there; what is no list of words is no role, and no reason to
/// refuse the token.
fn roles_in(claim: Value) -> BTreeSet<Role> {
    serde_json::from_value::<ListClaim>(claim).map(|claim| claim.words()).unwrap_or_default()
}

impl Caller {
    /// A caller with no limits of its own. For tests.
    pub fn new(subject: &str, scopes: &[Scope]) -> Self {
        Self {
            subject: subject.to_owned(),
            scopes: scopes.iter().copied().collect(),
            roles: BTreeSet::new(),
            limits: BTreeMap::new(),
            checked: Arc::default(),
        }
    }

    /// The roles its token gives this person: none, unless it is their own.
    pub fn roles_of(&self, person: &PersonId) -> BTreeSet<Role> {
        if self.subject == person.as_str() { self.roles.clone() } else { BTreeSet::new() }
    }

    pub fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    pub fn require(&self, scope: Scope) -> Result<(), ApiError> {
        if self.has(scope) {
            return Ok(());
        }
        Err(ApiError::forbidden("Insufficient scope").details(format!("This needs the scope {}", scope.as_str())))
    }

    /// People may manage what is their own; everybody else needs the scope.
    pub fn may_manage(&self, person: &PersonId) -> Result<(), ApiError> {
        self.may_act_for(Some(person), Scope::ManagePreferences)
    }

    /// People may act for themselves; everybody else needs this scope.
    pub fn may_act_for(&self, person: Option<&PersonId>, scope: Scope) -> Result<(), ApiError> {
        self.note_check();
        if person.is_some_and(|person| person.as_str() == self.subject) { Ok(()) } else { self.require(scope) }
    }

    /// Notes that the handler asked whose object it is.
    pub(super) fn note_check(&self) {
        self.checked.store(true, Ordering::Relaxed);
    }

    /// Whether the handler asked whose object it is.
    pub(super) fn was_checked(&self) -> bool {
        self.checked.load(Ordering::Relaxed)
    }

    pub(super) fn limit(&self, limit: Limit) -> Option<u32> {
        self.limits.get(limit.as_str()).copied()
    }
}

/// Who sent these headers, by their token.
pub(super) async fn authenticate(headers: &HeaderMap, secret: &Secret<AuthKeys>) -> Result<Caller, ApiError> {
    let value = headers.get(header::AUTHORIZATION).ok_or_else(|| ApiError::unauthorized("Authentication required"))?;
    let invalid = || ApiError::unauthorized("Invalid token");
    let (scheme, token) = value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or_else(invalid)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(invalid());
    }
    let token = token.trim();
    let kid = decode_header(token).map_err(|_| invalid())?.kid;
    let mut versions = secret.get().await?;
    if versions.iter().all(|keys| keys.key(kid.as_deref()).is_none()) {
        versions = secret.refreshed().await?;
    }
    let mut refused = invalid();
    for keys in versions.iter() {
        let Some((key, algorithm)) = keys.key(kid.as_deref()) else { continue };
        let mut rules = Validation::new(algorithm);
        rules.set_issuer(&[&keys.issuer]);
        rules.set_audience(&[&keys.audience]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        rules.validate_nbf = true;
        match decode::<Claims>(token, &key, &rules) {
            Ok(token) if !token.claims.sub.is_empty() => {
                let Claims { sub, scope, roles, role, limits } = token.claims;
                let roles = [roles, role].into_iter().flat_map(roles_in).collect();
                return Ok(Caller { subject: sub, scopes: scope.words(), roles, limits, checked: Arc::default() });
            }
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::ExpiredSignature) => {
                refused = ApiError::unauthorized("Token expired")
            }
            Err(_) => {}
        }
    }
    Err(refused)
}
