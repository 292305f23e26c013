//! Trusted devices: whoever passed a check may be spared the next ones on the same device for thirty days. The device
//! keeps a random token; here is only a keyed hash of it, bound to the person's enrolment.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::factor::EnrolmentId;
use super::keys::{Keys, NoRandomness, random};
use crate::clock::plus_seconds;

/// How long a device is trusted, in seconds.
pub const TRUSTED_SECONDS: i64 = 30 * 86_400;
/// How many devices of a person are trusted at a time; one more takes the place of the one that ends first.
pub const DEVICES: usize = 10;

/// The longest text that is looked at as a token.
pub const LONGEST_TOKEN: usize = 128;

/// A trusted device's public id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = String)]
pub struct DeviceId(Uuid);

impl std::str::FromStr for DeviceId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// A device's token: its id and 256 random bits. Its text forms show nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceToken {
    id: DeviceId,
    secret: [u8; 32],
}

impl fmt::Debug for DeviceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceToken[…]")
    }
}

impl DeviceToken {
    pub fn new() -> Result<Self, NoRandomness> {
        Ok(Self { id: DeviceId(Uuid::new_v4()), secret: random()? })
    }

    /// Reads a token; `None`: it is none of ours.
    pub fn presented(text: &str) -> Option<Self> {
        if text.len() > LONGEST_TOKEN {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (id, secret) = bytes.split_at_checked(16)?;
        Some(Self { id: DeviceId(Uuid::from_slice(id).ok()?), secret: secret.try_into().ok()? })
    }

    /// As the device gets it, once.
    pub fn shown(&self) -> String {
        let mut bytes = self.id.0.as_bytes().to_vec();
        bytes.extend_from_slice(&self.secret);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    pub fn id(&self) -> DeviceId {
        self.id
    }

    /// The device to remember for it. `proved`: when the check was passed that it is trusted for.
    pub fn trusted(&self, keys: &Keys, enrolment: EnrolmentId, proved: Timestamp) -> TrustedDevice {
        let expires = plus_seconds(proved, TRUSTED_SECONDS);
        let hash = keys.device(&enrolment.to_string(), self.id.0.as_bytes(), &self.secret);
        TrustedDevice { id: self.id, hash, proved, expires }
    }

    /// The device of this token among those that are trusted now.
    pub fn find<'a>(
        &self,
        keys: &Keys,
        enrolment: EnrolmentId,
        devices: &'a [TrustedDevice],
        now: Timestamp,
    ) -> Option<&'a TrustedDevice> {
        let device = devices.iter().find(|device| device.id == self.id)?;
        let same = keys.is_device(&device.hash, &enrolment.to_string(), self.id.0.as_bytes(), &self.secret);
        (same && device.expires > now).then_some(device)
    }
}

/// A device that is trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedDevice {
    pub id: DeviceId,
    /// Keyed hash of its token.
    pub hash: String,
    /// When its owner passed the check it is trusted for.
    #[serde(with = "crate::clock::millis")]
    pub proved: Timestamp,
    #[serde(with = "crate::clock::millis")]
    pub expires: Timestamp,
}

/// Those devices with one more, without those that have ended, and no more than there is room for.
pub fn with_one_more(devices: &[TrustedDevice], one: TrustedDevice, now: Timestamp) -> Vec<TrustedDevice> {
    let mut all: Vec<TrustedDevice> = devices.iter().filter(|device| device.expires > now).cloned().collect();
    all.push(one);
    all.sort_by_key(|device| device.expires);
    let surplus = all.len().saturating_sub(DEVICES);
    all.split_off(surplus)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;
    use crate::seal::purpose::tests::codes;

    #[test]
    fn a_device_is_trusted_for_thirty_days_by_its_token_and_for_its_enrolment_only() {
        let (keys, now) = (Keys::new(codes()), from_millis(1_000));
        let (enrolment, token) = (EnrolmentId::random(), DeviceToken::new().unwrap());
        let device = token.trusted(&keys, enrolment, now);
        let devices = [device.clone()];
        let presented = DeviceToken::presented(&token.shown()).unwrap();
        let last = plus_seconds(now, TRUSTED_SECONDS);
        assert_eq!(presented.find(&keys, enrolment, &devices, now), Some(&device));
        assert_eq!(presented.find(&keys, enrolment, &devices, from_millis(last.as_millisecond() - 1)), Some(&device));
        assert_eq!(presented.find(&keys, enrolment, &devices, last), None, "thirty days are over");
        assert_eq!(presented.find(&keys, EnrolmentId::random(), &devices, now), None);
        let forged = DeviceToken { secret: [7; 32], ..presented };
        assert_eq!(forged.find(&keys, enrolment, &devices, now), None, "the id alone is worth nothing");
        assert!(!device.hash.contains(&token.shown()) && !format!("{token:?}").contains(&token.shown()));
    }

    #[test]
    fn what_is_no_token_is_none() {
        let shown = DeviceToken::new().unwrap().shown();
        for text in ["", "abc", &shown[1..], &format!("{shown}AA"), &"A".repeat(129), "****"] {
            assert_eq!(DeviceToken::presented(text), None, "{text}");
        }
    }

    #[test]
    fn one_device_too_many_takes_the_place_of_the_one_that_ends_first() {
        let (keys, enrolment) = (Keys::new(codes()), EnrolmentId::random());
        let mut devices = Vec::new();
        for second in 0..12 {
            let (token, at) = (DeviceToken::new().unwrap(), from_millis(second * 1_000));
            devices = with_one_more(&devices, token.trusted(&keys, enrolment, at), at);
        }
        let proved: Vec<i64> = devices.iter().map(|device| device.proved.as_second()).collect();
        assert_eq!(proved, (2..12).collect::<Vec<_>>());
        let (token, late) = (DeviceToken::new().unwrap(), plus_seconds(from_millis(0), TRUSTED_SECONDS + 5));
        let devices = with_one_more(&devices, token.trusted(&keys, enrolment, late), late);
        assert_eq!(devices.len(), 7, "those that ended are gone");
    }
}
