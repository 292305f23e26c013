//! A challenge: somebody is to prove that they read what was sent to an address, for one purpose. There is one at a time
//! for an address and a purpose.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::code::Digits;
use super::purpose::Purpose;
use crate::clock::plus_seconds;

/// How long a code is valid, in seconds. A resend does not make it longer.
pub const VALID_SECONDS: i64 = 600;
/// How many codes may be entered for one challenge, right or wrong.
pub const MOST_CHECKS: u32 = 5;

/// The id of a challenge: random, because the code follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChallengeId(Uuid);

impl ChallengeId {
    /// A new one, of 122 random bits.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    #[cfg(test)]
    pub(crate) fn for_tests(number: u64) -> Self {
        Self(Uuid::from_u128(u128::from(number)))
    }
}

impl fmt::Display for ChallengeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl std::str::FromStr for ChallengeId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

/// Which code a message carries. Its content says `[code]` until it is handed to the provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeRef {
    pub challenge: ChallengeId,
    pub purpose: Purpose,
    pub digits: Digits,
}

/// A challenge as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    pub id: ChallengeId,
    pub digits: Digits,
    pub expires: Timestamp,
    /// The verification at Twilio, where Twilio makes the code and has been asked.
    pub verification: Option<String>,
    /// How many codes were entered for it.
    pub checks: u32,
}

impl Challenge {
    /// A new challenge.
    pub fn new(digits: Digits, now: Timestamp) -> Self {
        Self {
            id: ChallengeId::random(),
            digits,
            expires: plus_seconds(now, VALID_SECONDS),
            verification: None,
            checks: 0,
        }
    }

    /// Whether a code may still be entered for it, as far as their number goes.
    pub fn is_exhausted(&self) -> bool {
        self.checks >= MOST_CHECKS
    }
}
