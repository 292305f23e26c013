//! Sealing: people's addresses and messages' content are encrypted at rest and looked up by keyed fingerprint.
//!
//! AES-256-GCM with a random nonce; a sealed text is `key id . base64(nonce ‖ ciphertext ‖ tag)`. The row's key is
//! authenticated along (AAD), so a sealed value cannot be moved to another row. Rotation: the active key seals, every
//! key in the secret opens. Fingerprints are HMAC-SHA256 under their own key, which does not rotate (they are table keys).

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;

use crate::message::Address;

/// The seal secret, as it stands in Secrets Manager.
#[derive(Deserialize)]
pub struct SealKeys {
    active: String,
    keys: BTreeMap<String, String>,
    fingerprint_key: String,
}

impl fmt::Debug for SealKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealKeys[active {}]", self.active)
    }
}

/// What can go wrong. None of it says what was sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("the seal secret has no usable key {0:?}")]
    BadKey(String),
    #[error("sealed with an unknown key {0:?}")]
    UnknownKey(String),
    #[error("a sealed value does not open")]
    Broken,
}

/// Seals, opens and fingerprints.
pub struct Seal {
    active: String,
    keys: BTreeMap<String, RandomizedNonceKey>,
    fingerprint: hmac::Key,
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seal[active {}]", self.active)
    }
}

impl Seal {
    /// Builds the keys; all of them must be 32 bytes of base64.
    pub fn new(secret: &SealKeys) -> Result<Self, SealError> {
        let mut keys = BTreeMap::new();
        for (id, text) in &secret.keys {
            let bad = || SealError::BadKey(id.clone());
            let bytes = STANDARD.decode(text).map_err(|_| bad())?;
            keys.insert(id.clone(), RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| bad())?);
        }
        if !keys.contains_key(&secret.active) {
            return Err(SealError::BadKey(secret.active.clone()));
        }
        let fingerprint = STANDARD.decode(&secret.fingerprint_key).ok().filter(|key| key.len() >= 32);
        let fingerprint = fingerprint.ok_or_else(|| SealError::BadKey("fingerprint_key".to_owned()))?;
        Ok(Self { active: secret.active.clone(), keys, fingerprint: hmac::Key::new(hmac::HMAC_SHA256, &fingerprint) })
    }

    /// Seals `plain` for the row `row`.
    pub fn seal(&self, row: &str, plain: &[u8]) -> Result<String, SealError> {
        let key = self.keys.get(&self.active).ok_or(SealError::Broken)?;
        let mut sealed = plain.to_vec();
        let nonce = key.seal_in_place_append_tag(Aad::from(row), &mut sealed).map_err(|_| SealError::Broken)?;
        let mut bytes = nonce.as_ref().to_vec();
        bytes.append(&mut sealed);
        Ok(format!("{}.{}", self.active, URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Opens what was sealed for the row `row`.
    pub fn open(&self, row: &str, sealed: &str) -> Result<Vec<u8>, SealError> {
        let (id, text) = sealed.split_once('.').ok_or(SealError::Broken)?;
        let key = self.keys.get(id).ok_or_else(|| SealError::UnknownKey(id.to_owned()))?;
        let mut bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| SealError::Broken)?;
        let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN).ok_or(SealError::Broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Broken)?;
        let plain = key.open_in_place(nonce, Aad::from(row), sealed).map_err(|_| SealError::Broken)?;
        Ok(plain.to_vec())
    }

    /// The address's fingerprint: the same for every spelling of its letters' case, of no use without the key.
    pub fn fingerprint(&self, address: &Address) -> String {
        self.keyed_hash(address.canonical().as_bytes())
    }

    /// A key for another use, bound to that use by its label. It follows from the fingerprints' key, which does not rotate.
    /// The zero byte keeps it apart from everything fingerprinted or hashed: that is text without one.
    pub fn derived_key(&self, label: &str) -> hmac::Key {
        let tag = hmac::sign(&self.fingerprint, format!("\0key: {label}").as_bytes());
        hmac::Key::new(hmac::HMAC_SHA256, tag.as_ref())
    }

    /// A keyed hash of anything, for comparing without keeping (request bodies).
    pub fn keyed_hash(&self, bytes: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.fingerprint, bytes))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn key(byte: u8) -> String {
        STANDARD.encode([byte; 32])
    }

    fn keys(active: &str, ids: &[(&str, u8)]) -> SealKeys {
        SealKeys {
            active: active.to_owned(),
            keys: ids.iter().map(|(id, byte)| ((*id).to_owned(), key(*byte))).collect(),
            fingerprint_key: key(9),
        }
    }

    pub(crate) fn test_seal() -> Seal {
        Seal::new(&keys("k1", &[("k1", 1)])).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_only_for_its_own_row() {
        let seal = test_seal();
        let sealed = seal.seal("messages/1", b"hello").unwrap();
        assert!(!sealed.contains("hello"));
        assert_eq!(seal.open("messages/1", &sealed).unwrap(), b"hello");
        assert!(matches!(seal.open("messages/2", &sealed), Err(SealError::Broken)));
        assert_ne!(sealed, seal.seal("messages/1", b"hello").unwrap(), "a fresh nonce each time");
    }

    #[test]
    fn a_rotated_key_still_opens_and_the_new_one_seals() {
        let old = Seal::new(&keys("k1", &[("k1", 1)])).unwrap().seal("row", b"x").unwrap();
        let rotated = Seal::new(&keys("k2", &[("k1", 1), ("k2", 2)])).unwrap();
        assert_eq!(rotated.open("row", &old).unwrap(), b"x");
        assert!(rotated.seal("row", b"x").unwrap().starts_with("k2."));
        let gone = Seal::new(&keys("k2", &[("k2", 2)])).unwrap();
        assert!(matches!(gone.open("row", &old), Err(SealError::UnknownKey(id)) if id == "k1"));
    }

    #[test]
    fn broken_input_is_an_error_and_bad_secrets_are_refused() {
        let seal = test_seal();
        for text in ["", "k1", "k1.", "k1.AAAA", "k1.****", "nokey.AAAA"] {
            assert!(seal.open("row", text).is_err(), "{text}");
        }
        assert!(Seal::new(&keys("k3", &[("k1", 1)])).is_err());
        let short = SealKeys {
            active: "k1".into(),
            keys: [("k1".into(), STANDARD.encode([1; 16]))].into(),
            fingerprint_key: key(9),
        };
        assert!(Seal::new(&short).is_err());
    }
}
