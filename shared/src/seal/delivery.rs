//! Encryption to `deliver`: what any function that accepts messages can encrypt, and `deliver` alone can decrypt.
//!
//! A value is encrypted with a fresh AES-256-GCM key, and that key with RSA-OAEP (SHA-256) under the public key. The functions
//! that accept messages hold the public key only, so whoever takes one of them over reads no secret that was accepted before.
//! The context (the message's task) is authenticated with both, so an encrypted value cannot be moved to another message.
//!
//! The text form is `key id . base64(encrypted key ‖ nonce ‖ ciphertext ‖ tag)`.

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::rand;
use aws_lc_rs::rsa::{
    OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
    PublicEncryptingKey,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;

use super::SealError;

/// The public key, as it stands in the seal secret.
#[derive(Clone, Deserialize)]
pub struct PublicKey {
    pub id: String,
    /// Base64 of the DER form (SubjectPublicKeyInfo) of an RSA key of 2,048 bits or more.
    pub public_key: String,
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey[{}]", self.id)
    }
}

/// The private keys, as they stand in the secret that `deliver` alone reads: by id, base64 of the DER form (PKCS#8).
#[derive(Deserialize)]
pub struct DeliveryKeys {
    keys: BTreeMap<String, String>,
}

impl fmt::Debug for DeliveryKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeliveryKeys[{}]", self.keys.len())
    }
}

/// Encrypts to `deliver`.
pub(super) struct Encryptor {
    pub(super) id: String,
    key: OaepPublicEncryptingKey,
}

const KEY_BYTES: usize = 32;

impl Encryptor {
    pub(super) fn new(public: &PublicKey) -> Result<Self, SealError> {
        let bad = || SealError::BadKey(public.id.clone());
        if public.id.is_empty() || public.id.contains('.') {
            return Err(bad());
        }
        let der = STANDARD.decode(&public.public_key).map_err(|_| bad())?;
        let key = PublicEncryptingKey::from_der(&der).map_err(|_| bad())?;
        Ok(Self { id: public.id.clone(), key: OaepPublicEncryptingKey::new(key).map_err(|_| bad())? })
    }

    pub(super) fn encrypt(&self, context: &str, plain: &[u8]) -> Result<String, SealError> {
        let broken = |_| SealError::Broken;
        let mut content_key = [0_u8; KEY_BYTES];
        rand::fill(&mut content_key).map_err(broken)?;
        let mut bytes = vec![0_u8; self.key.ciphertext_size()];
        self.key
            .encrypt(&OAEP_SHA256_MGF1SHA256, &content_key, &mut bytes, Some(context.as_bytes()))
            .map_err(broken)?;
        let key = RandomizedNonceKey::new(&AES_256_GCM, &content_key).map_err(broken)?;
        let mut sealed = plain.to_vec();
        let nonce = key.seal_in_place_append_tag(Aad::from(context), &mut sealed).map_err(broken)?;
        bytes.extend_from_slice(nonce.as_ref());
        bytes.append(&mut sealed);
        Ok(format!("{}.{}", self.id, URL_SAFE_NO_PAD.encode(bytes)))
    }
}

impl DeliveryKeys {
    /// Decrypts what was encrypted for this context.
    pub fn decrypt(&self, context: &str, encrypted: &str) -> Result<Vec<u8>, SealError> {
        let broken = |_| SealError::Broken;
        let (id, text) = encrypted.split_once('.').ok_or(SealError::Broken)?;
        let private = self.keys.get(id).ok_or_else(|| SealError::UnknownKey(id.to_owned()))?;
        let bad = || SealError::BadKey(id.to_owned());
        let der = STANDARD.decode(private).map_err(|_| bad())?;
        let private = PrivateDecryptingKey::from_pkcs8(&der).map_err(|_| bad())?;
        let private = OaepPrivateDecryptingKey::new(private).map_err(|_| bad())?;
        let mut bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| SealError::Broken)?;
        let (wrapped, rest) = bytes.split_at_mut_checked(private.key_size_bytes()).ok_or(SealError::Broken)?;
        let mut room = vec![0_u8; private.min_output_size()];
        let content_key =
            private.decrypt(&OAEP_SHA256_MGF1SHA256, wrapped, &mut room, Some(context.as_bytes())).map_err(broken)?;
        let key = RandomizedNonceKey::new(&AES_256_GCM, content_key).map_err(broken)?;
        let (nonce, sealed) = rest.split_at_mut_checked(NONCE_LEN).ok_or(SealError::Broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(broken)?;
        let plain = key.open_in_place(nonce, Aad::from(context), sealed).map_err(broken)?;
        Ok(plain.to_vec())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::LazyLock;

    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
    use aws_lc_rs::rsa::KeySize;

    use super::*;

    /// A key pair of the tests: base64 of the private and of the public half.
    static PAIR: LazyLock<(String, String)> = LazyLock::new(|| {
        let private = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
        let public: PublicKeyX509Der<'_> = private.public_key().as_der().unwrap();
        let secret: Pkcs8V1Der<'_> = private.as_der().unwrap();
        (STANDARD.encode(secret.as_ref()), STANDARD.encode(public.as_ref()))
    });

    pub(crate) fn public_key() -> PublicKey {
        PublicKey { id: "d1".to_owned(), public_key: PAIR.1.clone() }
    }

    pub(crate) fn private_keys() -> DeliveryKeys {
        DeliveryKeys { keys: [("d1".to_owned(), PAIR.0.clone())].into() }
    }

    #[test]
    fn encrypted_value_opens_with_the_private_key_in_its_context_only() {
        let encryptor = Encryptor::new(&public_key()).unwrap();
        let encrypted = encryptor.encrypt("task 1", b"hello").unwrap();
        assert!(encrypted.starts_with("d1."), "{encrypted}");
        assert_ne!(encrypted, encryptor.encrypt("task 1", b"hello").unwrap(), "a fresh key each time");
        let keys = private_keys();
        assert_eq!(keys.decrypt("task 1", &encrypted).unwrap(), b"hello");
        assert!(matches!(keys.decrypt("task 2", &encrypted), Err(SealError::Broken)));
        let other = encrypted.replacen("d1.", "d2.", 1);
        assert!(matches!(keys.decrypt("task 1", &other), Err(SealError::UnknownKey(id)) if id == "d2"));
        for broken in ["", "d1.", "d1.AAAA", "d1.?"] {
            assert!(keys.decrypt("task 1", broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn public_key_that_is_no_rsa_key_is_refused() {
        for public_key in ["", "AAAA", "?"] {
            let key = PublicKey { id: "d1".to_owned(), public_key: public_key.to_owned() };
            assert!(Encryptor::new(&key).is_err(), "{public_key}");
        }
    }
}
