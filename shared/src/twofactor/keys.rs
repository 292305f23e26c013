//! The keys two-factor hashes with, each for one use, and where random bytes come from.

use super::factor::EnrolmentId;
use crate::message::{Address, Channel};
use crate::person::PersonId;
use crate::seal::purpose::CodeKeys;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const RECOVERY: &str = "two-factor recovery code v1";
const DEVICE: &str = "two-factor device v1";
const NOBODY: &str = "two-factor nobody v1";

/// What two-factor hashes with. What is kept of a recovery code or a device begins with the id of its key: `id.hash`.
#[derive(Clone, Debug)]
pub struct Keys(CodeKeys);

fn kept(id: &str, key: &hmac::Key, parts: &[&[u8]]) -> String {
    format!("{id}.{}", URL_SAFE_NO_PAD.encode(tag(key, parts)))
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

/// In a time that does not depend on where they differ.
fn equal(one: &str, other: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

impl Keys {
    pub fn new(keys: CodeKeys) -> Self {
        Self(keys)
    }

    pub(super) fn recovery(&self, enrolment: &str, code: &str) -> String {
        let (id, key) = self.0.active(RECOVERY);
        kept(&id, &key, &[enrolment.as_bytes(), code.as_bytes()])
    }

    /// What may be kept of this code, by the key it was made with, the active one's first.
    pub(super) fn recovery_by_key(&self, enrolment: &str, code: &str) -> Vec<String> {
        let parts = [enrolment.as_bytes(), code.as_bytes()];
        self.0.each(RECOVERY).iter().map(|(id, key)| kept(id, key, &parts)).collect()
    }

    pub(super) fn device(&self, enrolment: &str, id: &[u8], secret: &[u8]) -> String {
        let (key_id, key) = self.0.active(DEVICE);
        kept(&key_id, &key, &[enrolment.as_bytes(), id, secret])
    }

    /// Whether a kept hash is this device's.
    pub(super) fn is_device(&self, hash: &str, enrolment: &str, id: &[u8], secret: &[u8]) -> bool {
        let again = self.rehash(hash, DEVICE, &[enrolment.as_bytes(), id, secret]);
        again.is_some_and(|again| equal(&again, hash))
    }

    /// The hash of these parts under the key that made a kept one.
    fn rehash(&self, hash: &str, label: &str, parts: &[&[u8]]) -> Option<String> {
        let (id, _) = hash.split_once('.')?;
        Some(kept(id, &self.0.named(id, label)?, parts))
    }

    /// The enrolment of somebody who has none, and an address nothing is ever sent to: always the same for a person, so
    /// that they are no different from somebody who has one.
    pub(super) fn nobody(&self, person: &PersonId) -> (EnrolmentId, Address) {
        let tag = tag(&self.0.active(NOBODY).1, &[person.as_str().as_bytes()]);
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
