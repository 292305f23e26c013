//! A second factor: a phone that proved, by a code, that its owner reads it. A person has one at most.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::action::Action;
use super::device::TrustedDevice;
use crate::message::PhoneNumber;
use crate::otp::Purpose;

/// How long an enrolment waits for its code, in seconds. The code itself lasts as long as every one.
pub const PENDING_SECONDS: i64 = 3_600;

/// An enrolment: random, and told to nobody. Whatever is bound to it (codes, recovery codes, devices) ends with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EnrolmentId(pub(super) Uuid);

impl EnrolmentId {
    /// A new one, of 122 random bits.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// What the codes are for that confirm it.
    pub(super) fn enrolling(self, epoch: u32) -> Purpose {
        self.purpose("enrol", epoch)
    }

    /// What the codes are for that prove it, to this caller and for this action, if it is for one. After a lock they are others:
    /// those of before were guessed at.
    pub(super) fn proving(self, epoch: u32, caller: &str, action: Option<Action>) -> Purpose {
        // 40 bits: callers' names are their issuer's choice, so none is made to meet another's.
        let action = action.map_or_else(String::new, |action| format!("\0{action}"));
        let digest = digest(&SHA256, format!("{caller}{action}").as_bytes());
        let hash = digest.as_ref().iter().take(5).fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        self.purpose(&format!("prove.{hash}"), epoch)
    }

    fn purpose(self, what: &str, epoch: u32) -> Purpose {
        // At most 3 + 1 + 5 + 1 + 10 + 1 + 32 + 1 + 10 = 64 of the 64 characters a purpose may have, all of them of its alphabet.
        let text = format!("2fa.{what}.{}.{epoch}", self.0.simple());
        text.parse().unwrap_or_else(|_| Purpose::two_factor())
    }
}

impl fmt::Display for EnrolmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for EnrolmentId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

/// A phone that waits for its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    pub enrolment: EnrolmentId,
    pub phone: PhoneNumber,
    pub expires: Timestamp,
}

/// A confirmed phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Factor {
    pub enrolment: EnrolmentId,
    pub phone: PhoneNumber,
    pub confirmed: Timestamp,
    /// How many recovery codes are left.
    pub recovery_left: usize,
    pub devices: Vec<TrustedDevice>,
    /// Of the devices: it grows with every change of them.
    pub version: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_of_an_enrolment_are_for_nothing_else() {
        let (one, other) = (EnrolmentId::random(), EnrolmentId::random());
        let purposes = [
            one.proving(0, "portal", None),
            one.proving(1, "portal", None),
            one.enrolling(0),
            other.proving(0, "portal", None),
            one.proving(u32::MAX, "portal", None),
            one.proving(0, "another portal", None),
            one.proving(0, "portal", Some(Action::ErasePerson)),
            one.proving(0, "portal", Some(Action::ChangeAddress)),
            Purpose::two_factor(),
        ];
        for (at, purpose) in purposes.iter().enumerate() {
            assert!(purposes.iter().skip(at + 1).all(|another| another != purpose), "{purpose}");
        }
        assert_eq!(one.to_string().parse(), Ok(one));
    }
}
