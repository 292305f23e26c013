//! Sealing: people's addresses and messages' content are encrypted at rest and looked up by keyed fingerprint.
//!
//! AES-256-GCM with a random nonce; a sealed text is `key id . base64(nonce ‖ ciphertext ‖ tag)`. The row's key is
//! authenticated along (AAD), so a sealed value cannot be moved to another row. Rotation: the active key seals, every
//! key in the secret opens. Fingerprints ([`lookup`]) have a secret of their own, with generations: they are table keys, so a
//! version of that secret under which stored rows would not be found is never taken up by a running function. Everything else
//! has keys of its own ([`purpose`]).
//!
//! A function reads its secrets when it starts, and anew every five minutes or when it meets a key it does not know
//! ([`Seal::keep_current`]); `infra/docs/OPERATIONS.md` says in which steps a key is rotated.

pub mod delivery;
pub mod lookup;
pub mod purpose;
pub mod signed;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;

use self::lookup::Generations;
pub use self::lookup::LookupKeys;
use crate::message::{Address, IdKey};
use crate::secrets::{Secret, SecretError};

/// The seal secret, as it stands in Secrets Manager.
#[derive(Deserialize)]
pub struct SealKeys {
    active: String,
    keys: BTreeMap<String, String>,
    /// What messages' secrets are encrypted with, for `deliver` to decrypt.
    #[serde(default)]
    delivery: Option<delivery::PublicKey>,
}

impl fmt::Debug for SealKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealKeys[active {}]", self.active)
    }
}

/// What can go wrong. None of it says what was sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("a secret has no usable key {0:?}")]
    BadKey(String),
    #[error("sealed with an unknown key {0:?}")]
    UnknownKey(String),
    #[error("a sealed value does not open")]
    Broken,
}

/// Why there is no seal, or no other one.
#[derive(Debug, thiserror::Error)]
pub enum NoSeal {
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Keys(#[from] SealError),
    #[error("the lookup secret has other generations: what was stored would not be found any more")]
    OtherFingerprints,
}

/// A sealed text in a quarter less room: the key's id, a full stop, and the bytes themselves.
pub fn to_bytes(sealed: &str) -> Result<Vec<u8>, SealError> {
    let (id, text) = sealed.split_once('.').ok_or(SealError::Broken)?;
    let mut bytes = format!("{id}.").into_bytes();
    bytes.append(&mut URL_SAFE_NO_PAD.decode(text).map_err(|_| SealError::Broken)?);
    Ok(bytes)
}

/// The sealed text of such bytes.
pub fn from_bytes(bytes: &[u8]) -> Result<String, SealError> {
    let stop = bytes.iter().position(|byte| *byte == b'.').ok_or(SealError::Broken)?;
    let (id, rest) = bytes.split_at_checked(stop + 1).ok_or(SealError::Broken)?;
    let id = std::str::from_utf8(id).map_err(|_| SealError::Broken)?;
    Ok(format!("{id}{}", URL_SAFE_NO_PAD.encode(rest)))
}

/// The keys of one version of the secret.
struct Ring {
    active: String,
    keys: BTreeMap<String, RandomizedNonceKey>,
    delivery: Option<delivery::Encryptor>,
}

/// Seals, opens and fingerprints.
pub struct Seal {
    ring: RwLock<Arc<Ring>>,
    lookup: RwLock<Arc<Generations>>,
    ids: IdKey,
    /// What is compared by its hash and is no address.
    hashes: hmac::Key,
    /// Where the keys come from; none where they are given once and for all.
    secrets: Option<(Secret<SealKeys>, Secret<LookupKeys>)>,
    /// The keys of other purposes that this function holds, which are kept current along.
    held: Vec<Arc<purpose::Ring>>,
    /// Something was sealed with a key that is not in the ring.
    met_unknown: AtomicBool,
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seal[active {}]", self.active())
    }
}

impl Ring {
    /// All keys must be 32 bytes of base64, and the active one must be among them.
    fn new(secret: &SealKeys) -> Result<Self, SealError> {
        let mut keys = BTreeMap::new();
        for (id, text) in &secret.keys {
            let bad = || SealError::BadKey(id.clone());
            let bytes = STANDARD.decode(text).map_err(|_| bad())?;
            // The id stands before a full stop in what is sealed.
            if id.is_empty() || id.contains('.') {
                return Err(bad());
            }
            keys.insert(id.clone(), RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| bad())?);
        }
        if !keys.contains_key(&secret.active) {
            return Err(SealError::BadKey(secret.active.clone()));
        }
        let delivery = secret.delivery.as_ref().map(delivery::Encryptor::new).transpose()?;
        Ok(Self { active: secret.active.clone(), keys, delivery })
    }
}

fn hmac_key(name: &str, text: &str) -> Result<hmac::Key, SealError> {
    let key = STANDARD.decode(text).ok().filter(|key| key.len() >= 32);
    let key = key.ok_or_else(|| SealError::BadKey(name.to_owned()))?;
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &key))
}

/// A key bound to a use by its label.
fn derived(key: &hmac::Key, label: &str) -> hmac::Key {
    let tag = hmac::sign(key, format!("\0key: {label}").as_bytes());
    hmac::Key::new(hmac::HMAC_SHA256, tag.as_ref())
}

impl Seal {
    /// Builds the keys once and for all.
    pub fn new(content: &SealKeys, lookup: &LookupKeys) -> Result<Self, SealError> {
        let ids = hmac_key("ids_key", &lookup.ids_key)?;
        Ok(Self {
            ring: RwLock::new(Arc::new(Ring::new(content)?)),
            lookup: RwLock::new(Arc::new(Generations::new(lookup)?)),
            hashes: derived(&ids, "hashes"),
            ids: IdKey::new(ids),
            secrets: None,
            held: Vec::new(),
            met_unknown: AtomicBool::new(false),
        })
    }

    /// Builds the keys from the secrets of content and of lookups. They may change later.
    pub async fn from_secrets(content: Secret<SealKeys>, lookup: Secret<LookupKeys>) -> Result<Self, NoSeal> {
        let (keys, lookups) = futures::try_join!(content.get(), lookup.get())?;
        Ok(Self { secrets: Some((content, lookup)), ..Self::new(&keys.current, &lookups.current)? })
    }

    /// The same seal, which keeps these keys current, too.
    pub fn keeping(self, held: &purpose::HeldKeys) -> Self {
        Self { held: held.rings(), ..self }
    }

    /// Takes up the keys of the secrets' present versions, if they were read more than five minutes ago, or if something met
    /// here was made with a key that was not known. What is wrong with one is logged, and the keys of before stay.
    pub async fn keep_current(&self) {
        let others = futures::future::join_all(self.held.iter().map(|ring| ring.keep_current()));
        futures::join!(self.keep_own_current(), others);
    }

    async fn keep_own_current(&self) {
        let Some((content, lookup)) = &self.secrets else { return };
        let read = match self.met_unknown.swap(false, Ordering::Relaxed) {
            true => futures::join!(content.refreshed(), lookup.refreshed()),
            false => futures::join!(content.get(), lookup.get()),
        };
        let taken = match &read {
            (Ok(content), Ok(lookup)) => self.take_up(&content.current, &lookup.current),
            (Err(error), _) | (_, Err(error)) => {
                return tracing::warn!(error = %error, "a secret is not to be read; the keys of before stay");
            }
        };
        if let Err(error) = taken {
            tracing::error!(error = %error, "a secret cannot be used; the keys of before stay");
        }
    }

    /// The same, whenever the secret was read last (but ten seconds ago at the least).
    pub async fn read_anew(&self) {
        self.met_unknown.store(true, Ordering::Relaxed);
        self.keep_current().await;
    }

    /// Takes up other keys.
    fn take_up(&self, keys: &SealKeys, lookup: &LookupKeys) -> Result<(), NoSeal> {
        self.take_up_generations(Generations::new(lookup)?)?;
        let present = self.ring();
        let delivery = |ring: &Ring| ring.delivery.as_ref().map(|delivery| delivery.id.clone());
        let same_delivery = delivery(&present) == keys.delivery.as_ref().map(|delivery| delivery.id.clone());
        if present.active == keys.active && present.keys.keys().eq(keys.keys.keys()) && same_delivery {
            return Ok(());
        }
        let ring = Arc::new(Ring::new(keys)?);
        tracing::info!(seal.active = ring.active, seal.keys = ring.keys.len(), "seal keys");
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        Ok(())
    }

    fn take_up_generations(&self, new: Generations) -> Result<(), NoSeal> {
        let present = self.generations();
        if !new.finds_what_was_written_under(&present) {
            return Err(NoSeal::OtherFingerprints);
        }
        if !new.is_like(&present) {
            tracing::info!(lookup.active = new.active, "lookup generations");
            *self.lookup.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        }
        Ok(())
    }

    fn generations(&self) -> Arc<Generations> {
        self.lookup.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn ring(&self) -> Arc<Ring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The id of the key that seals.
    pub fn active(&self) -> String {
        self.ring().active.clone()
    }

    /// Whether a sealed text is sealed with the key that seals now.
    pub fn is_current(&self, sealed: &str) -> bool {
        sealed.split_once('.').is_some_and(|(id, _)| id == self.ring().active)
    }

    /// The same text, sealed with the key that seals now; `None`: it is.
    pub fn reseal(&self, row: &str, sealed: &str) -> Result<Option<String>, SealError> {
        if self.is_current(sealed) { Ok(None) } else { self.seal(row, &self.open(row, sealed)?).map(Some) }
    }

    /// Seals `plain` for the row `row`.
    pub fn seal(&self, row: &str, plain: &[u8]) -> Result<String, SealError> {
        let ring = self.ring();
        let key = ring.keys.get(&ring.active).ok_or(SealError::Broken)?;
        let mut sealed = plain.to_vec();
        let nonce = key.seal_in_place_append_tag(Aad::from(row), &mut sealed).map_err(|_| SealError::Broken)?;
        let mut bytes = nonce.as_ref().to_vec();
        bytes.append(&mut sealed);
        Ok(format!("{}.{}", ring.active, URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Encrypts `plain` so that `deliver` alone can decrypt it, in this context.
    pub fn encrypt_for_delivery(&self, context: &str, plain: &[u8]) -> Result<String, SealError> {
        let ring = self.ring();
        let delivery = ring.delivery.as_ref().ok_or_else(|| SealError::BadKey("delivery".to_owned()))?;
        delivery.encrypt(context, plain)
    }

    /// Opens what was sealed for the row `row`.
    pub fn open(&self, row: &str, sealed: &str) -> Result<Vec<u8>, SealError> {
        let (id, text) = sealed.split_once('.').ok_or(SealError::Broken)?;
        let ring = self.ring();
        let key = ring.keys.get(id).ok_or_else(|| {
            self.met_unknown.store(true, Ordering::Relaxed);
            SealError::UnknownKey(id.to_owned())
        })?;
        let mut bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| SealError::Broken)?;
        let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN).ok_or(SealError::Broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Broken)?;
        let plain = key.open_in_place(nonce, Aad::from(row), sealed).map_err(|_| SealError::Broken)?;
        Ok(plain.to_vec())
    }

    /// The address's fingerprint: the same for every spelling of its letters' case, of no use without the key. While rows may be
    /// stored under several generations it is the oldest of them, from which [`Seal::forms`] gives the others.
    pub fn fingerprint(&self, address: &Address) -> String {
        self.generations().oldest(address)
    }

    /// The address's fingerprint that new rows are stored under.
    pub fn fingerprint_to_store(&self, address: &Address) -> String {
        self.generations().written(address)
    }

    /// Whether a fingerprint, of whatever generation, is this address's.
    pub fn is_fingerprint_of(&self, fingerprint: &str, address: &Address) -> bool {
        self.generations().is_of(fingerprint, address)
    }

    /// Every fingerprint under which rows of the same address may be stored, the oldest first. Rows move from an older to a newer
    /// one, so whoever reads them in this order misses none.
    pub fn forms(&self, fingerprint: &str) -> Vec<String> {
        let generations = self.generations();
        if generations.is_unknown(fingerprint) {
            self.met_unknown.store(true, Ordering::Relaxed);
        }
        generations.forms(fingerprint)
    }

    /// The fingerprint of the same address that new rows are stored under.
    pub fn form_to_store(&self, fingerprint: &str) -> String {
        self.generations().written_form(fingerprint)
    }

    /// A text with every fingerprint of an earlier generation in it carried to the active one; `None`: it has none.
    pub fn carried_forward(&self, text: &str) -> Option<String> {
        self.generations().carried_text(text)
    }

    /// The generation that new rows are stored under.
    pub fn lookup_generation(&self) -> u16 {
        self.generations().active
    }

    /// Returns the key that ids are derived under.
    pub fn ids(&self) -> &IdKey {
        &self.ids
    }

    /// A keyed hash of anything but an address, for comparing without keeping (request bodies).
    pub fn keyed_hash(&self, bytes: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.hashes, bytes))
    }
}

#[cfg(test)]
pub(crate) mod tests;
