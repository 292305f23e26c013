//! Authentication: a JWT in `Authorization: Bearer`. The algorithm is pinned to the key, never taken from the token;
//! issuer, audience, expiry and lifetime are checked, and that neither the key nor the token is revoked ([`keys`]). Only the
//! keys in the secret's current version count; a key id we do not know is looked up again at most every ten seconds.
//! Without the secret nobody gets in: 503, not 200.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::{HeaderMap, header};
use jsonwebtoken::{Validation, decode, decode_header, errors::ErrorKind};
use serde::Deserialize;
use serde_json::Value;
use strum::{EnumString, IntoStaticStr};

use super::ApiError;
use super::rate_limit::Limit;
use crate::person::PersonId;
use crate::secrets::Secret;
use crate::twofactor::{Audience, Role};

mod keys;
#[cfg(test)]
mod tests;

pub use keys::AuthKeys;
use keys::{KeyRules, Refusal};

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

/// The longest subject. It is part of table keys, which hold 2,048 bytes.
const MAX_SUBJECT_BYTES: usize = 256;

/// Who calls.
#[derive(Clone, Debug)]
pub struct Caller {
    pub subject: String,
    scopes: BTreeSet<Scope>,
    /// The roles the token gives its subject.
    roles: BTreeSet<Role>,
    /// Rate limits of this token, where it carries its own.
    limits: BTreeMap<String, u32>,
    /// For whom it may have assertions of a second factor made, besides itself.
    audiences: BTreeSet<String>,
    /// Whether the handler asked whose object it is.
    checked: Arc<AtomicBool>,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    /// Seconds since 1970; some issuers send fractions.
    exp: f64,
    iat: Option<f64>,
    jti: Option<String>,
    #[serde(default)]
    scope: ListClaim,
    /// RFC 9068 §2.2.3.1.
    #[serde(default)]
    roles: Value,
    #[serde(default)]
    role: Value,
    #[serde(default)]
    limits: BTreeMap<String, u32>,
    #[serde(default)]
    two_factor_audiences: ListClaim,
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
            audiences: BTreeSet::new(),
            checked: Arc::default(),
        }
    }

    /// The roles its token gives this person: none, unless it is their own.
    pub fn roles_of(&self, person: &PersonId) -> BTreeSet<Role> {
        if self.subject == person.as_str() { self.roles.clone() } else { BTreeSet::new() }
    }

    /// Checks that it may have assertions of a second factor made for this audience: its own name, or one its token lists.
    /// Otherwise a code that somebody enters at one portal would sign them in at another.
    pub fn may_assert_for(&self, audience: &Audience) -> Result<(), ApiError> {
        let audience = audience.as_str();
        if audience == self.subject || self.audiences.contains(audience) {
            return Ok(());
        }
        let why = "It must be the token's subject, or one of its claim two_factor_audiences";
        Err(ApiError::forbidden("Not an audience of this caller").details(why).with("field", "audience"))
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
        let own = |limit: Limit| self.limits.get(limit.as_str()).copied();
        // Whoever may send more batches may send to more people: a batch has up to a hundred.
        own(limit).or_else(|| match limit {
            Limit::Recipients => own(Limit::Batch).map(|batches| batches.saturating_mul(100)),
            Limit::General | Limit::Send | Limit::Batch | Limit::Analytics => None,
        })
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
    let mut keys = secret.get().await?;
    if keys.current.key(kid.as_deref()).is_none() {
        keys = secret.refreshed().await?;
    }
    let keys = &keys.current;
    let Some(key) = keys.key(kid.as_deref()) else { return Err(invalid()) };
    let mut rules = Validation::new(key.algorithm);
    rules.set_issuer(&[&keys.issuer]);
    rules.set_audience(&[&keys.audience]);
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    rules.validate_nbf = true;
    let claims = match decode::<Claims>(token, &key.verifier, &rules) {
        Ok(token) => token.claims,
        Err(error) if matches!(error.kind(), ErrorKind::ExpiredSignature) => {
            return Err(ApiError::unauthorized("Token expired"));
        }
        Err(_) => return Err(invalid()),
    };
    let now = jsonwebtoken::get_current_timestamp() as f64;
    keys.admit(key.kid, claims.jti.as_deref())?;
    keys.check_lifetime(claims.iat, claims.exp, now)?;
    Ok(caller(claims, key.rules)?)
}

/// The caller these claims describe, as far as the key that signed them may say so.
fn caller(claims: Claims, rules: &KeyRules) -> Result<Caller, Refusal> {
    let Claims { sub, scope, roles, role, limits, two_factor_audiences, .. } = claims;
    if sub.is_empty() || sub.len() > MAX_SUBJECT_BYTES || !rules.allow_subject(&sub) {
        return Err(Refusal::Invalid);
    }
    let roles = [roles, role].into_iter().flat_map(roles_in).collect();
    let scopes = scope.words().into_iter().filter(|scope| rules.allow_scope(*scope)).collect();
    let (limits, audiences) = (rules.cap_limits(limits), two_factor_audiences.words());
    Ok(Caller { subject: sub, scopes, roles, limits, audiences, checked: Arc::default() })
}
