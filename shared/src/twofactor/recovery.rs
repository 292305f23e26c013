//! Recovery codes: ten words of 50 random bits, for whoever lost their phone. They are shown once and kept as keyed
//! hashes; each is good once (NIST SP 800-63B, look-up secrets).

use std::fmt;

use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer};

use super::keys::{Keys, NoRandomness, random};

/// How many there are.
pub const CODES: usize = 10;

/// 32 signs nobody takes for another.
const SIGNS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
const LENGTH: usize = 10;

/// A recovery code. Its text forms show nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode(String);

/// What was given is no recovery code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not ten letters and digits")]
pub struct NotARecoveryCode;

impl RecoveryCode {
    /// A full set of new ones, no two of them the same.
    pub fn set() -> Result<Vec<Self>, NoRandomness> {
        let mut codes: Vec<Self> = Vec::with_capacity(CODES);
        while codes.len() < CODES {
            let code = Self::new()?;
            if !codes.contains(&code) {
                codes.push(code);
            }
        }
        Ok(codes)
    }

    fn new() -> Result<Self, NoRandomness> {
        // 256 is a multiple of 32: every sign is as likely.
        let bytes = random::<LENGTH>()?;
        let code = bytes.iter().filter_map(|byte| SIGNS.get(usize::from(byte % 32))).map(|sign| char::from(*sign));
        Ok(Self(code.collect()))
    }

    /// What somebody entered: large or small letters, with spaces or hyphens anywhere.
    pub fn entered(text: &str) -> Result<Self, NotARecoveryCode> {
        if text.len() > 64 {
            return Err(NotARecoveryCode);
        }
        let signs = text.chars().filter(|c| !c.is_whitespace() && *c != '-').map(|c| c.to_ascii_uppercase());
        let code: String = signs.collect();
        let is_code = code.len() == LENGTH && code.bytes().all(|byte| SIGNS.contains(&byte));
        is_code.then_some(Self(code)).ok_or(NotARecoveryCode)
    }

    /// As it is shown, once: `K7QMX-4TRWP`.
    pub fn shown(&self) -> String {
        let (first, second) = self.0.split_at(LENGTH / 2);
        format!("{first}-{second}")
    }

    /// What is kept of it.
    pub fn hash(&self, keys: &Keys, enrolment: super::EnrolmentId) -> String {
        keys.recovery(&enrolment.to_string(), &self.0)
    }

    /// What may be kept of it, by the key it was made with.
    pub fn hashes(&self, keys: &Keys, enrolment: super::EnrolmentId) -> Vec<String> {
        keys.recovery_by_key(&enrolment.to_string(), &self.0)
    }
}

/// A text, and whatever else it may be, no refusal quotes it.
impl<'de> Deserialize<'de> for RecoveryCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        if value.is_null() {
            return Err(D::Error::invalid_type(Unexpected::Unit, &"a recovery code"));
        }
        let code = value.as_str().and_then(|text| Self::entered(text).ok());
        code.ok_or_else(|| D::Error::custom("It is not a text of ten letters and digits"))
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode[…]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::purpose::CodeKeys;
    use crate::seal::purpose::tests::{codes, secret};
    use crate::twofactor::EnrolmentId;

    #[test]
    fn a_set_has_ten_different_codes_of_unmistakable_signs() {
        let codes = RecoveryCode::set().unwrap();
        assert_eq!(codes.len(), 10);
        for code in &codes {
            assert!(!code.shown().contains(['0', '1', 'I', 'O']), "mistakable");
            let again = RecoveryCode::entered(&format!(" {} ", code.shown().to_lowercase())).unwrap();
            assert_eq!((&again, code.shown().len()), (code, 11));
            assert_eq!(codes.iter().filter(|other| *other == code).count(), 1);
        }
    }

    #[test]
    fn every_sign_is_as_likely_in_every_place() {
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..3_200 {
            for (place, sign) in RecoveryCode::new().unwrap().0.bytes().enumerate() {
                *counts.entry((place, sign)).or_insert(0_u32) += 1;
            }
        }
        // 100 expected of each of 320: seven standard deviations are 70.
        assert_eq!(counts.len(), 320);
        assert!(counts.values().all(|count| (30..170).contains(count)), "{counts:?}");
    }

    #[test]
    fn its_hash_is_bound_to_the_enrolment_and_it_shows_itself_to_nobody() {
        let keys = Keys::new(codes());
        let code = RecoveryCode::entered("K7QMX-4TRWP").unwrap();
        let (one, other) = (EnrolmentId::random(), EnrolmentId::random());
        assert_eq!(code.hash(&keys, one), RecoveryCode::entered("k7qmx4trwp").unwrap().hash(&keys, one));
        assert_ne!(code.hash(&keys, one), code.hash(&keys, other));
        let kept = code.hash(&keys, one);
        let with = |active: &str, keys: &[(&str, u8)]| Keys::new(CodeKeys::fixed(secret(active, keys)).unwrap());
        let rotating = with("c2", &[("c1", 3), ("c2", 7)]);
        assert!(code.hash(&rotating, one) != kept && code.hashes(&rotating, one).contains(&kept));
        assert!(!code.hashes(&with("c2", &[("c2", 7)]), one).contains(&kept), "a removed key made it");
        assert_eq!(format!("{code:?}"), "RecoveryCode[…]");
        for text in ["", "K7QMX-4TRW", "K7QMX-4TRWP2", "K7QMX-4TRW0", "K7QMX-4TRWÉ", &"-".repeat(65)] {
            assert!(RecoveryCode::entered(text).is_err(), "{text}");
        }
    }
}
