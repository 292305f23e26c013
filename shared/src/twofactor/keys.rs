//! The keys two-factor hashes with, each for one use, and where random bytes come from.

use super::factor::EnrolmentId;
use crate::message::{Address, Channel};
use crate::person::PersonId;
use crate::seal::Seal;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Derived keys. Another label is another key.
#[derive(Clone)]
pub struct Keys {
    recovery: hmac::Key,
    device: hmac::Key,
    nobody: hmac::Key,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys[…]")
    }
}

fn tag(key: &hmac::Key, parts: &[&[u8]]) -> hmac::Tag {
    let mut mac = hmac::Context::with_key(key);
    for part in parts {
        // Length first: no two different lists give the same bytes.
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.sign()
}

impl Keys {
    pub fn new(seal: &Seal) -> Self {
        Self {
            recovery: seal.derived_key("two-factor recovery code v1"),
            device: seal.derived_key("two-factor device v1"),
            nobody: seal.derived_key("two-factor nobody v1"),
        }
    }

    pub(super) fn recovery(&self, enrolment: &str, code: &str) -> String {
        URL_SAFE_NO_PAD.encode(tag(&self.recovery, &[enrolment.as_bytes(), code.as_bytes()]))
    }

    pub(super) fn device(&self, enrolment: &str, id: &[u8], secret: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(tag(&self.device, &[enrolment.as_bytes(), id, secret]))
    }

    /// The enrolment of somebody who has none, and an address nothing is ever sent to: always the same for a person, so
    /// that they are no different from somebody who has one.
    pub(super) fn nobody(&self, person: &PersonId) -> (EnrolmentId, Address) {
        let tag = tag(&self.nobody, &[person.as_str().as_bytes()]);
        let wide = tag.as_ref().iter().take(16).fold(0_u128, |wide, byte| (wide << 8) | u128::from(*byte));
        let id = uuid::Builder::from_random_bytes(wide.to_be_bytes()).into_uuid();
        (EnrolmentId(id), Address::stored(Channel::Email, format!("{}@nobody.invalid", id.simple())))
    }
}

/// The machine has no randomness to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no randomness")]
pub struct NoRandomness;

/// So many random bytes.
pub(super) fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0_u8; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}
