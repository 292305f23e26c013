//! Fingerprints of addresses: what a stored row is found by where the address itself is sealed.
//!
//! A fingerprint is `generation~base64url(HMAC-SHA256)`. Generation 1 is the HMAC of the address under the first key, and each
//! later one the HMAC of the generation before under its own key. So a stored fingerprint can be carried forward without the
//! address, which many rows no longer hold (a suppression of somebody who was erased, a link in a mail), and nobody without
//! the newest key can compute or compare the newest generation, whatever older keys they have.
//!
//! The secret says under which generation rows are written (`active`) and under which others they may still be stored (`read`).
//! Functions pass an address around as its oldest readable fingerprint: every newer one follows from it, so the stores find
//! all its rows. `infra/docs/OPERATIONS.md` says in which steps a generation is added and removed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::{SealError, hmac_key};
use crate::message::Address;

/// Separates the generation from the hash. It appears in no base64 and in none of the separators of our keys.
const SEPARATOR: char = '~';
/// Bytes of a hash, and characters of its text.
const HASH_BYTES: usize = 32;
const HASH_TEXT: usize = 43;
/// Digits of a generation: more rotations than anybody makes.
const MAX_DIGITS: usize = 4;

/// The lookup secret, as it stands in Secrets Manager.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookupKeys {
    /// The generation that rows are written under.
    active: u16,
    /// Other generations that rows may be stored under: the next one before it is written, the one before until everything was
    /// carried forward.
    #[serde(default)]
    read: BTreeSet<u16>,
    /// Every generation's key, from 1 on without a gap: base64 of 32 bytes or more.
    keys: BTreeMap<u16, String>,
    /// What ids are derived under: base64 of 32 bytes or more.
    pub(super) ids_key: String,
}

impl fmt::Debug for LookupKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LookupKeys[active {}]", self.active)
    }
}

/// The generations of one version of the secret.
#[derive(Clone)]
pub(super) struct Generations {
    pub(super) active: u16,
    /// The active one and the others that are read, the oldest first.
    readable: BTreeSet<u16>,
    /// The key of generation 1 first.
    keys: Vec<hmac::Key>,
}

/// The parts of a fingerprint; `None`: it is none.
fn parts(text: &str) -> Option<(u16, &str)> {
    let (generation, hash) = text.split_once(SEPARATOR)?;
    let is_number = (1..=MAX_DIGITS).contains(&generation.len()) && !generation.starts_with('0');
    let is_number = is_number && generation.bytes().all(|byte| byte.is_ascii_digit());
    let is_hash = hash.len() == HASH_TEXT && hash.bytes().all(is_hash_byte);
    generation.parse().ok().filter(|_| is_number && is_hash).map(|generation| (generation, hash))
}

fn is_hash_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Whether a text has the form of a fingerprint.
pub fn is_fingerprint(text: &str) -> bool {
    parts(text).is_some()
}

/// A fingerprint as bytes, for what is encoded whole: the generation (2 bytes), then the hash.
pub fn to_bytes(fingerprint: &str) -> Option<Vec<u8>> {
    let (generation, hash) = parts(fingerprint)?;
    let hash = URL_SAFE_NO_PAD.decode(hash).ok().filter(|hash| hash.len() == HASH_BYTES)?;
    Some([&generation.to_be_bytes(), hash.as_slice()].concat())
}

/// How many bytes [`to_bytes`] makes.
pub const FINGERPRINT_BYTES: usize = 2 + HASH_BYTES;

/// What [`to_bytes`] made.
pub fn from_bytes(bytes: &[u8]) -> Option<String> {
    let (generation, hash) = bytes.split_first_chunk::<2>()?;
    let text = format!("{}{SEPARATOR}{}", u16::from_be_bytes(*generation), URL_SAFE_NO_PAD.encode(hash));
    is_fingerprint(&text).then_some(text)
}

impl Generations {
    /// Keys must be there for every generation from 1 on; what is written and read must be among them.
    pub(super) fn new(secret: &LookupKeys) -> Result<Self, SealError> {
        let mut keys = Vec::new();
        for (at, (generation, text)) in (1..).zip(&secret.keys) {
            let name = format!("lookup generation {at}");
            if *generation != at {
                return Err(SealError::BadKey(name));
            }
            keys.push(hmac_key(&name, text)?);
        }
        let readable: BTreeSet<u16> = secret.read.iter().copied().chain([secret.active]).collect();
        match readable.iter().find(|generation| !secret.keys.contains_key(generation)) {
            Some(missing) => Err(SealError::BadKey(format!("lookup generation {missing}"))),
            None => Ok(Self { active: secret.active, readable, keys }),
        }
    }

    /// Whether everything that was written under `before` is found under these, too.
    pub(super) fn finds_what_was_written_under(&self, before: &Self) -> bool {
        // Keys are compared as what they make, in which the key itself does not show.
        let probe = b"\0the fingerprints' key";
        let same = |(one, other): (&hmac::Key, &hmac::Key)| {
            hmac::verify(one, probe, hmac::sign(other, probe).as_ref()).is_ok()
        };
        self.keys.iter().zip(&before.keys).all(same) && self.readable.contains(&before.active)
    }

    /// Whether this and another are the same.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.active == other.active && self.readable == other.readable && self.keys.len() == other.keys.len()
    }

    /// The fingerprint of an address under a generation; of one without a key, under the newest that has one.
    fn of(&self, address: &Address, generation: u16) -> String {
        let (mut made, mut hash) = (0, address.canonical().as_bytes().to_vec());
        for key in self.keys.iter().take(usize::from(generation)) {
            hash = hmac::sign(key, &hash).as_ref().to_vec();
            made += 1;
        }
        format!("{made}{SEPARATOR}{}", URL_SAFE_NO_PAD.encode(hash))
    }

    /// The oldest fingerprint that rows of an address may be stored under.
    pub(super) fn oldest(&self, address: &Address) -> String {
        self.of(address, self.readable.first().copied().unwrap_or(self.active))
    }

    /// The one that rows of an address are written under.
    pub(super) fn written(&self, address: &Address) -> String {
        self.of(address, self.active)
    }

    /// Whether a fingerprint, of whatever generation, is an address's.
    pub(super) fn is_of(&self, fingerprint: &str, address: &Address) -> bool {
        parts(fingerprint).is_some_and(|(generation, _)| self.of(address, generation) == fingerprint)
    }

    /// The same address's fingerprint under a later generation; `None`: it is of a later one, or there is no key.
    fn carried(&self, fingerprint: &str, to: u16) -> Option<String> {
        let (from, hash) = parts(fingerprint)?;
        let keys = self.keys.get(usize::from(from)..usize::from(to))?;
        let mut hash = URL_SAFE_NO_PAD.decode(hash).ok()?;
        for key in keys {
            hash = hmac::sign(key, &hash).as_ref().to_vec();
        }
        Some(format!("{to}{SEPARATOR}{}", URL_SAFE_NO_PAD.encode(hash)))
    }

    /// Every fingerprint under which rows of the same address may be stored, the oldest first. What is of a later generation
    /// than all that are read stands for itself.
    pub(super) fn forms(&self, fingerprint: &str) -> Vec<String> {
        let forms: Vec<String> =
            self.readable.iter().filter_map(|generation| self.carried(fingerprint, *generation)).collect();
        if forms.is_empty() { vec![fingerprint.to_owned()] } else { forms }
    }

    /// The one that rows of the same address are written under.
    pub(super) fn written_form(&self, fingerprint: &str) -> String {
        self.carried(fingerprint, self.active).unwrap_or_else(|| fingerprint.to_owned())
    }

    /// Whether a fingerprint is of a generation without a key here.
    pub(super) fn is_unknown(&self, fingerprint: &str) -> bool {
        parts(fingerprint).is_some_and(|(generation, _)| usize::from(generation) > self.keys.len())
    }

    /// A text with every fingerprint of an earlier generation in it carried to the one that is written; `None`: it has none.
    pub(super) fn carried_text(&self, text: &str) -> Option<String> {
        let mut carried = text.to_owned();
        for (at, _) in text.match_indices(SEPARATOR) {
            let digits = text[..at].bytes().rev().take_while(u8::is_ascii_digit).take(MAX_DIGITS).count();
            let Some(found) = text.get(at - digits..at + 1 + HASH_TEXT) else { continue };
            if parts(found).is_some_and(|(generation, _)| generation < self.active)
                && let Some(new) = self.carried(found, self.active)
            {
                carried = carried.replace(found, &new);
            }
        }
        (carried != text).then_some(carried)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    use super::*;
    use crate::message::Channel;

    /// A secret whose generation n has a key of the byte n, and so on.
    pub(crate) fn secret(active: u16, read: &[u16], keys: &[u8]) -> LookupKeys {
        let keys: BTreeMap<u16, String> = (1..).zip(keys.iter().map(|byte| STANDARD.encode([*byte; 32]))).collect();
        let ids_key = STANDARD.encode([8; 32]);
        serde_json::from_value(json!({"active": active, "read": read, "keys": keys, "ids_key": ids_key})).unwrap()
    }

    fn generations(active: u16, read: &[u16], keys: &[u8]) -> Generations {
        Generations::new(&secret(active, read, keys)).unwrap()
    }

    fn phone() -> Address {
        Address::stored(Channel::Sms, "+14155552671".to_owned())
    }

    #[test]
    fn fingerprint_is_carried_forward_without_the_address() {
        let first = generations(1, &[], &[9]);
        let next = generations(1, &[2], &[9, 7]);
        let (one, two) = (first.written(&phone()), generations(2, &[], &[9, 7]).written(&phone()));
        assert!(one.starts_with("1~") && two.starts_with("2~") && one[2..] != two[2..]);
        assert_eq!(next.carried(&one, 2), Some(two.clone()));
        assert_eq!(next.carried(&two, 1), None, "nothing is carried back");
        assert_eq!(next.forms(&one), [one.clone(), two.clone()]);
        assert_eq!(next.forms(&two), [two]);
    }

    #[test]
    fn every_state_of_a_rotation_passes_on_a_form_that_leads_to_all_others() {
        let states = [(1, vec![]), (1, vec![2]), (2, vec![1])];
        let oldest: BTreeSet<_> =
            states.iter().map(|(active, read)| generations(*active, read, &[9, 7]).oldest(&phone())).collect();
        assert_eq!(oldest.len(), 1, "one name while rows may be under either");
        let ended = generations(2, &[], &[9, 7]);
        let old = oldest.first().unwrap();
        assert_eq!(ended.forms(old), [ended.oldest(&phone())], "a link of before leads there");
        assert!(ended.is_of(old, &phone()) && ended.is_of(&ended.oldest(&phone()), &phone()));
    }

    #[test]
    fn leaked_old_key_computes_no_new_fingerprint() {
        let thief = generations(1, &[], &[9]);
        let rotated = generations(2, &[], &[9, 7]);
        let stored = rotated.written(&phone());
        assert!(!thief.is_of(&stored, &phone()), "a number that is guessed shows in no row");
        assert_eq!(thief.forms(&thief.written(&phone())), [thief.written(&phone())]);
        assert!(!generations(2, &[], &[9, 6]).is_of(&stored, &phone()));
    }

    #[test]
    fn text_is_carried_with_every_older_fingerprint_in_it() {
        let (old, new) = (generations(1, &[], &[9]), generations(2, &[1], &[9, 7]));
        let (one, two) = (old.written(&phone()), new.written(&phone()));
        let text = format!("0017#{one}.sms.opt_out~{one}");
        assert_eq!(new.carried_text(&text), Some(format!("0017#{two}.sms.opt_out~{two}")));
        for text in [two.as_str(), "17~0192f5e4-7c3a-7c5e-8f53-0a6f6f0c2d11", "é~é", "1~", ""] {
            assert_eq!(new.carried_text(text), None, "{text}");
        }
        assert_eq!(old.carried_text(&two), None, "nothing is carried back");
    }

    #[test]
    fn secret_without_a_generation_it_names_is_refused() {
        for (active, read, keys) in
            [(2, vec![], vec![9]), (1, vec![2], vec![9]), (0, vec![], vec![9]), (1, vec![], vec![])]
        {
            assert!(Generations::new(&secret(active, &read, &keys)).is_err(), "{active} {read:?}");
        }
        let gap = json!({"active": 1, "keys": {"1": STANDARD.encode([1; 32]), "3": STANDARD.encode([3; 32])},
            "ids_key": STANDARD.encode([8; 32])});
        assert!(Generations::new(&serde_json::from_value(gap).unwrap()).is_err());
    }

    #[test]
    fn version_that_would_lose_rows_is_recognized() {
        let present = generations(1, &[], &[9]);
        assert!(generations(1, &[2], &[9, 7]).finds_what_was_written_under(&present));
        assert!(generations(2, &[1], &[9, 7]).finds_what_was_written_under(&present));
        assert!(!generations(2, &[], &[9, 7]).finds_what_was_written_under(&present), "rows are under 1");
        assert!(!generations(1, &[2], &[6, 7]).finds_what_was_written_under(&present), "another key");
    }

    #[test]
    fn fingerprint_survives_as_bytes_and_nothing_else_is_one() {
        let fingerprint = generations(2, &[], &[9, 7]).written(&phone());
        assert_eq!(from_bytes(&to_bytes(&fingerprint).unwrap()), Some(fingerprint.clone()));
        assert!(is_fingerprint(&fingerprint));
        let hash = &fingerprint[2..];
        for text in ["", hash, &format!("~{hash}"), &format!("0~{hash}"), &format!("x~{hash}"), &format!("1~{hash}=")] {
            assert!(!is_fingerprint(text), "{text}");
        }
        assert_eq!(from_bytes(&[0; FINGERPRINT_BYTES]), None);
        assert_eq!(from_bytes(&[0, 1, 2]), None);
    }
}
