//! Keys by purpose. Each purpose has a secret of its own, so a function that is not given a purpose's secret can neither make
//! nor check what belongs to it: without [`CodeKeys`] nobody computes a one-time code, without [`LedgerKeys`] nobody marks a
//! ledger entry, without [`LinkKeys`] nobody makes a link.
//!
//! A secret lists its keys by id and names the active one. The active key makes, every listed key checks. Keys are HMAC-SHA256
//! keys of 32 bytes or more; what is made of one is bound to its use by a label.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{NoSeal, Seal, SealError, derived};
use crate::config::{optional, required};
use crate::road::secrets_client;
use crate::secrets::{Secret, Versions};

const MIN_KEY_BYTES: usize = 32;

/// The secret of a purpose, as it stands in Secrets Manager.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PurposeSecret {
    active: String,
    keys: BTreeMap<String, String>,
}

impl fmt::Debug for PurposeSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PurposeSecret[active {}]", self.active)
    }
}

struct Keys {
    active: String,
    all: BTreeMap<String, hmac::Key>,
}

impl Keys {
    fn new(secret: &PurposeSecret) -> Result<Self, SealError> {
        let mut all = BTreeMap::new();
        for (id, text) in &secret.keys {
            // The id stands before a full stop in marks.
            let bytes = STANDARD.decode(text).ok().filter(|key| key.len() >= MIN_KEY_BYTES);
            let bytes = bytes.filter(|_| !id.is_empty() && !id.contains('.'));
            let bytes = bytes.ok_or_else(|| SealError::BadKey(id.clone()))?;
            all.insert(id.clone(), hmac::Key::new(hmac::HMAC_SHA256, &bytes));
        }
        if !all.contains_key(&secret.active) {
            return Err(SealError::BadKey(secret.active.clone()));
        }
        Ok(Self { active: secret.active.clone(), all })
    }
}

/// The keys of one purpose, and where they come from.
pub(super) struct Ring {
    keys: RwLock<Arc<Keys>>,
    secret: Secret<PurposeSecret>,
    met_unknown: AtomicBool,
}

impl Ring {
    async fn load(secret: Secret<PurposeSecret>) -> Result<Arc<Self>, NoSeal> {
        let keys = Keys::new(&secret.get().await?.current)?;
        Ok(Arc::new(Self { keys: RwLock::new(Arc::new(keys)), secret, met_unknown: AtomicBool::new(false) }))
    }

    fn fixed(secret: PurposeSecret) -> Result<Arc<Self>, SealError> {
        let keys = RwLock::new(Arc::new(Keys::new(&secret)?));
        let secret = Secret::fixed(Versions { current: secret, previous: None });
        Ok(Arc::new(Self { keys, secret, met_unknown: AtomicBool::new(false) }))
    }

    /// Takes up the keys of the secret's present version, as [`Seal::keep_current`] does.
    pub(super) async fn keep_current(&self) {
        let read = match self.met_unknown.swap(false, Ordering::Relaxed) {
            true => self.secret.refreshed().await,
            false => self.secret.get().await,
        };
        let keys = read.map_err(NoSeal::from).and_then(|versions| Ok(Keys::new(&versions.current)?));
        match keys {
            Ok(keys) => *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys),
            Err(error) => {
                tracing::error!(error = %error, secret = ?self.secret, "a purpose's keys cannot be used; the keys of before stay");
            }
        }
    }

    fn keys(&self) -> Arc<Keys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The key that makes, for one use, and its id.
    fn active(&self, label: &str) -> (String, hmac::Key) {
        let keys = self.keys();
        // The active key is one of them: `Keys::new` refuses others. An empty key would make marks that nobody checks.
        let key = keys.all.get(&keys.active).cloned();
        let key = key.unwrap_or_else(|| hmac::Key::new(hmac::HMAC_SHA256, &[]));
        (keys.active.clone(), derived(&key, label))
    }

    /// The key of this id, for one use.
    fn named(&self, id: &str, label: &str) -> Option<hmac::Key> {
        let key = self.keys().all.get(id).map(|key| derived(key, label));
        if key.is_none() {
            self.met_unknown.store(true, Ordering::Relaxed);
        }
        key
    }

    /// Every key with its id, for one use, the active one first.
    fn each(&self, label: &str) -> Vec<(String, hmac::Key)> {
        let keys = self.keys();
        let (active, others): (Vec<_>, Vec<_>) = keys.all.iter().partition(|(id, _)| **id == keys.active);
        active.into_iter().chain(others).map(|(id, key)| (id.clone(), derived(key, label))).collect()
    }
}

macro_rules! purpose {
    ($(#[$doc:meta])* $name:ident, $variable:literal) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(Arc<Ring>);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "[…]"))
            }
        }

        impl $name {
            /// Keys that are given once and for all. For tests.
            pub fn fixed(secret: PurposeSecret) -> Result<Self, SealError> {
                Ring::fixed(secret).map(Self)
            }

            /// The keys, where this function is given their secret.
            async fn held(aws: &aws_config::SdkConfig) -> Result<Option<Self>, NoSeal> {
                match optional($variable, "") {
                    name if name.is_empty() => Ok(None),
                    name => Ring::load(Secret::new(secrets_client(aws), name)).await.map(|ring| Some(Self(ring))),
                }
            }

            /// The key that makes, for this use, and its id.
            pub fn active(&self, label: &str) -> (String, hmac::Key) {
                self.0.active(label)
            }

            /// The key of this id, for this use.
            pub fn named(&self, id: &str, label: &str) -> Option<hmac::Key> {
                self.0.named(id, label)
            }

            /// Every key with its id, for this use, the active one first.
            pub fn each(&self, label: &str) -> Vec<(String, hmac::Key)> {
                self.0.each(label)
            }
        }
    };
}

purpose!(
    /// Keys of what proves a person: one-time codes, recovery codes, trusted devices.
    CodeKeys,
    "CODES_SECRET"
);
purpose!(
    /// Keys of the ledger's marks.
    LedgerKeys,
    "LEDGER_SECRET"
);
impl LedgerKeys {
    /// Takes up the keys of the secret's present version.
    pub(crate) async fn keep_current(&self) {
        self.0.keep_current().await;
    }
}
purpose!(
    /// Keys of links: confirmation, unsubscribe, short.
    LinkKeys,
    "LINKS_SECRET"
);

/// The purposes a function holds the keys of, beside content and lookups.
#[derive(Clone, Debug, Default)]
pub struct HeldKeys {
    pub codes: Option<CodeKeys>,
    pub ledger: Option<LedgerKeys>,
    pub links: Option<LinkKeys>,
}

/// The function is not given the secret of a purpose it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {0} is not set, so this function has no such keys")]
pub struct NotHeld(&'static str);

impl HeldKeys {
    /// Reads the secrets that the environment names. The seal keeps them current from then on.
    pub(super) async fn from_env(aws: &aws_config::SdkConfig) -> Result<Self, NoSeal> {
        let (codes, ledger, links) =
            futures::try_join!(CodeKeys::held(aws), LedgerKeys::held(aws), LinkKeys::held(aws))?;
        Ok(Self { codes, ledger, links })
    }

    pub(super) fn rings(&self) -> Vec<Arc<Ring>> {
        let codes = self.codes.iter().map(|keys| &keys.0);
        let ledger = self.ledger.iter().map(|keys| &keys.0);
        codes.chain(ledger).chain(self.links.iter().map(|keys| &keys.0)).cloned().collect()
    }

    pub fn codes(&self) -> Result<CodeKeys, NotHeld> {
        self.codes.clone().ok_or(NotHeld("CODES_SECRET"))
    }

    pub fn ledger(&self) -> Result<LedgerKeys, NotHeld> {
        self.ledger.clone().ok_or(NotHeld("LEDGER_SECRET"))
    }

    pub fn links(&self) -> Result<LinkKeys, NotHeld> {
        self.links.clone().ok_or(NotHeld("LINKS_SECRET"))
    }
}

/// The seal and the keys of every purpose this function is given, read at the same time.
pub async fn from_env(aws: &aws_config::SdkConfig) -> Result<(Seal, HeldKeys), crate::road::StartError> {
    let client = secrets_client(aws);
    let content = Secret::new(client.clone(), required("SEAL_SECRET")?);
    let lookup = Secret::new(client, required("LOOKUP_SECRET")?);
    let (seal, held) = futures::try_join!(Seal::from_secrets(content, lookup), HeldKeys::from_env(aws))?;
    Ok((seal.keeping(&held), held))
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// A secret with these keys, each of one byte 32 times.
    pub(crate) fn secret(active: &str, keys: &[(&str, u8)]) -> PurposeSecret {
        let keys: BTreeMap<_, _> = keys.iter().map(|(id, byte)| (*id, STANDARD.encode([*byte; 32]))).collect();
        serde_json::from_value(json!({"active": active, "keys": keys})).unwrap()
    }

    pub(crate) fn codes() -> CodeKeys {
        CodeKeys::fixed(secret("c1", &[("c1", 3)])).unwrap()
    }

    pub(crate) fn ledger() -> LedgerKeys {
        LedgerKeys::fixed(secret("l1", &[("l1", 4)])).unwrap()
    }

    pub(crate) fn links() -> LinkKeys {
        LinkKeys::fixed(secret("u1", &[("u1", 5)])).unwrap()
    }

    fn tag(key: &hmac::Key) -> Vec<u8> {
        hmac::sign(key, b"x").as_ref().to_vec()
    }

    #[test]
    fn active_key_makes_and_every_listed_key_checks() {
        let keys = CodeKeys::fixed(secret("c2", &[("c1", 3), ("c2", 4)])).unwrap();
        let (id, active) = keys.active("use");
        assert_eq!(id, "c2");
        let tags: Vec<_> = keys.each("use").iter().map(|(_, key)| tag(key)).collect();
        let old = keys.named("c1", "use").unwrap();
        assert_eq!(tags, [tag(&active), tag(&old)]);
        assert!(keys.named("c3", "use").is_none(), "a removed key checks nothing");
        assert_ne!(tag(&active), tag(&keys.active("another use").1));
    }

    #[test]
    fn purposes_have_keys_of_their_own() {
        assert_ne!(tag(&codes().active("use").1), tag(&ledger().active("use").1));
        let refused = |active: &str, keys: &[(&str, u8)]| CodeKeys::fixed(secret(active, keys)).is_err();
        assert!(refused("c2", &[("c1", 3)]) && refused("c.1", &[("c.1", 3)]) && refused("", &[("", 3)]));
        let short = json!({"active": "c1", "keys": {"c1": STANDARD.encode([1; 31])}});
        assert!(CodeKeys::fixed(serde_json::from_value(short).unwrap()).is_err());
    }
}
