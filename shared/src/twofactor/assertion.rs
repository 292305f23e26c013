//! What a passed check gives: a statement, signed with ES256, that a person proved their second factor just now. A portal
//! verifies it offline, with the keys published at `/.well-known/jwks.json`.
//!
//! The secret's current version signs. The one before stays published for [`PUBLISHED_AFTER`], so what was signed right
//! before a rotation still verifies; after that nothing it signed is valid. A key's id is its thumbprint (RFC 7638).

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::message::Channel;
use crate::person::PersonId;
use crate::secrets::Versions;

/// How long an assertion is good, in seconds: long enough to be handed over.
pub const VALID_SECONDS: i64 = 300;
/// How long the key of before a rotation stays published: functions sign with it for up to five minutes, until they read the
/// secret again, and what they sign is good for five more.
pub const PUBLISHED_AFTER: Duration = Duration::from_secs(600);
/// The longest audience.
pub const LONGEST_AUDIENCE: usize = 255;

/// What the header says it is, so that it is taken for no other token (RFC 8725 §3.11).
pub const TYPE: &str = "2fa+jwt";

/// The signing secret, as it stands in Secrets Manager.
#[derive(Deserialize)]
pub struct SigningKey {
    /// A P-256 key: base64 of PKCS#8 DER.
    private_key: String,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey[…]")
    }
}

/// The secret holds no key that signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the two-factor secret has no usable P-256 key")]
pub struct UnusableKey;

/// For whom an assertion is: 1 to 255 printable ASCII characters without spaces.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Audience(String);

/// What was given is no audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("It must be 1 to 255 printable ASCII characters without spaces")]
pub struct NotAnAudience;

impl TryFrom<String> for Audience {
    type Error = NotAnAudience;

    fn try_from(text: String) -> Result<Self, NotAnAudience> {
        let fits = (1..=LONGEST_AUDIENCE).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then_some(Self(text)).ok_or(NotAnAudience)
    }
}

impl Audience {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How a person proved it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// A code that went by this channel and no other.
    Code(Channel),
    /// A code that went by several channels, or nobody knows which.
    CodeSomehow,
    RecoveryCode,
    TrustedDevice,
}

impl Method {
    /// Authentication method references: RFC 8176's, where it has one. `mca`: the code came on another channel than the
    /// one it was entered on.
    pub fn amr(self) -> &'static [&'static str] {
        match self {
            Self::Code(Channel::Sms) => &["otp", "sms", "mca"],
            Self::Code(Channel::Voice) => &["otp", "tel", "mca"],
            Self::Code(Channel::Whatsapp | Channel::Email) | Self::CodeSomehow => &["otp", "mca"],
            Self::RecoveryCode => &["recovery_code"],
            Self::TrustedDevice => &["trusted_device"],
        }
    }

    /// The one a code went by, if all of its messages went by it.
    pub fn of_code(channels: &BTreeSet<Channel>) -> Self {
        match channels.iter().collect::<Vec<_>>().as_slice() {
            [channel] => Self::Code(**channel),
            _ => Self::CodeSomehow,
        }
    }
}

/// The claims of an assertion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    pub sub: String,
    pub aud: String,
    pub iat: i64,
    pub exp: i64,
    pub jti: String,
    pub amr: Vec<String>,
    /// When they proved it: for a trusted device, when it became one.
    pub auth_time: i64,
}

impl Claims {
    pub fn new(
        issuer: &str,
        person: &PersonId,
        audience: &Audience,
        (method, proved): (Method, Timestamp),
        now: Timestamp,
    ) -> Self {
        Self {
            iss: issuer.to_owned(),
            sub: person.as_str().to_owned(),
            aud: audience.0.clone(),
            iat: now.as_second(),
            exp: now.as_second() + VALID_SECONDS,
            jti: Uuid::new_v4().to_string(),
            amr: method.amr().iter().map(|&name| name.to_owned()).collect(),
            auth_time: proved.as_second(),
        }
    }
}

/// Signs.
pub struct Signer {
    key: EncodingKey,
    header: Header,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer[{}]", self.header.kid.as_deref().unwrap_or_default())
    }
}

impl Signer {
    pub fn new(key: &SigningKey) -> Result<Self, UnusableKey> {
        let kid = published(key)?.common.key_id;
        let header = Header { typ: Some(TYPE.to_owned()), kid, ..Header::new(Algorithm::ES256) };
        Ok(Self { key: private(key)?, header })
    }

    pub fn sign(&self, claims: &Claims) -> Result<String, UnusableKey> {
        encode(&self.header, claims, &self.key).map_err(|_| UnusableKey)
    }
}

fn private(key: &SigningKey) -> Result<EncodingKey, UnusableKey> {
    STANDARD.decode(key.private_key.trim()).map(|der| EncodingKey::from_ec_der(&der)).map_err(|_| UnusableKey)
}

/// The public half.
fn published(key: &SigningKey) -> Result<Jwk, UnusableKey> {
    let mut jwk = Jwk::from_encoding_key(&private(key)?, Algorithm::ES256).map_err(|_| UnusableKey)?;
    let kid = jwk.thumbprint(ThumbprintHash::SHA256).map_err(|_| UnusableKey)?;
    jwk.common.key_id = Some(kid);
    jwk.common.public_key_use = Some(PublicKeyUse::Signature);
    Ok(jwk)
}

/// The public halves of all versions. One that holds no key is left out as long as there is another.
pub fn jwks(versions: &Versions<SigningKey>) -> Result<JwkSet, UnusableKey> {
    let mut keys: Vec<Jwk> = Vec::new();
    for jwk in versions.iter().filter_map(|key| published(key).ok()) {
        if !keys.iter().any(|known| known.common.key_id == jwk.common.key_id) {
            keys.push(jwk);
        }
    }
    if keys.is_empty() { Err(UnusableKey) } else { Ok(JwkSet { keys }) }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::{SHA256, digest};
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
    use serde_json::{Value, json};

    use super::*;
    use crate::clock::from_millis;

    fn key() -> SigningKey {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        SigningKey { private_key: STANDARD.encode(pkcs8.as_ref()) }
    }

    fn claims(now: Timestamp) -> Claims {
        let (person, audience) =
            (PersonId::text("7").unwrap(), Audience::try_from("lender-portal".to_owned()).unwrap());
        Claims::new("https://api.example", &person, &audience, (Method::Code(Channel::Sms), now), now)
    }

    /// As a portal does it, with nothing but the published document.
    fn verified(token: &str, document: &str) -> Option<Claims> {
        let set: JwkSet = serde_json::from_str(document).unwrap();
        let jwk = set.find(&decode_header(token).ok()?.kid?)?;
        let mut rules = Validation::new(Algorithm::ES256);
        rules.set_issuer(&["https://api.example"]);
        rules.set_audience(&["lender-portal"]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        Some(decode::<Claims>(token, &DecodingKey::from_jwk(jwk).ok()?, &rules).ok()?.claims)
    }

    #[test]
    fn what_is_signed_verifies_by_the_published_keys_also_after_a_rotation() {
        let (old, new) = (key(), key());
        let claims = claims(Timestamp::now());
        let before = Signer::new(&old).unwrap().sign(&claims).unwrap();
        let after = Signer::new(&new).unwrap().sign(&claims).unwrap();
        let document = serde_json::to_string(&jwks(&Versions { current: new, previous: Some(old) }).unwrap()).unwrap();
        assert_eq!(verified(&before, &document).as_ref(), Some(&claims));
        assert_eq!(verified(&after, &document).as_ref(), Some(&claims));
        let stranger = Signer::new(&key()).unwrap().sign(&claims).unwrap();
        assert_eq!(verified(&stranger, &document), None);
        let header = decode_header(&after).unwrap();
        assert_eq!((header.alg, header.typ.as_deref()), (Algorithm::ES256, Some(TYPE)));
        assert_eq!(claims.exp - claims.iat, 300);
    }

    #[test]
    fn only_public_halves_are_published_under_their_thumbprints() {
        let one = key();
        let set = serde_json::to_value(jwks(&Versions { current: one, previous: None }).unwrap()).unwrap();
        let jwk = set["keys"][0].as_object().unwrap();
        let names: BTreeSet<&str> = jwk.keys().map(String::as_str).collect();
        assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x", "y"].into());
        // RFC 7638 §3: the required members in the order of their names, without spaces.
        let text = json!({"crv": "P-256", "kty": "EC", "x": jwk["x"], "y": jwk["y"]});
        let part = |name: &str| format!("\"{name}\":{}", text[name]);
        let text = format!("{{{}}}", ["crv", "kty", "x", "y"].map(part).join(","));
        assert_eq!(jwk["kid"], Value::from(URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))));
        assert_eq!((&jwk["use"], &jwk["alg"]), (&json!("sig"), &json!("ES256")));
    }

    #[test]
    fn a_secret_without_a_key_signs_nothing_and_does_not_hide_the_other() {
        let empty = || SigningKey { private_key: String::new() };
        assert_eq!(Signer::new(&empty()).unwrap_err(), UnusableKey);
        assert_eq!(jwks(&Versions { current: empty(), previous: None }).unwrap_err(), UnusableKey);
        assert_eq!(jwks(&Versions { current: key(), previous: Some(empty()) }).unwrap().keys.len(), 1);
        assert!(serde_json::from_str::<SigningKey>("{}").is_err());
    }

    #[test]
    fn the_methods_are_told_as_they_were() {
        let amr = |channels: &[Channel]| Method::of_code(&channels.iter().copied().collect()).amr();
        assert_eq!(amr(&[Channel::Sms]), ["otp", "sms", "mca"]);
        assert_eq!(amr(&[Channel::Voice]), ["otp", "tel", "mca"]);
        assert_eq!(amr(&[Channel::Whatsapp]), ["otp", "mca"]);
        assert_eq!(amr(&[Channel::Sms, Channel::Voice]), ["otp", "mca"], "nobody knows which was read");
        assert_eq!(amr(&[]), ["otp", "mca"]);
        assert_eq!(Method::RecoveryCode.amr(), ["recovery_code"]);
        let device = (Method::TrustedDevice, from_millis(5_000));
        let (person, audience) = (PersonId::text("7").unwrap(), Audience::try_from("a".to_owned()).unwrap());
        let claims = Claims::new("i", &person, &audience, device, from_millis(900_000));
        assert_eq!(
            (claims.auth_time, claims.iat, claims.exp),
            (5, 900, 1_200),
            "when they proved it, not when they came"
        );
    }

    #[test]
    fn audiences_are_plain_words() {
        for text in ["", "a b", "é", "a\n", &"x".repeat(256)] {
            assert!(Audience::try_from(text.to_owned()).is_err(), "{text}");
        }
        assert!(Audience::try_from("https://portal.example/lender".to_owned()).is_ok());
    }
}
