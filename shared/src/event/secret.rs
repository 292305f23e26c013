//! Signatures by Standard Webhooks (standardwebhooks.com, specification §"Signature scheme"): HMAC-SHA256 over
//! `id.timestamp.body`, as `v1,BASE64`, one for every secret in force, with spaces between them.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use standardwebhooks::{Webhook, WebhookError};

/// How long a secret that was rotated out still signs, beside the new one.
const OVERLAP: SignedDuration = SignedDuration::from_hours(24);
/// How many secrets may be in force at a time: each is a signature in every request.
pub const MOST: usize = 4;
/// Bytes of a new secret. The specification asks for 24 to 64.
const SECRET_BYTES: usize = 32;

/// The secrets of a subscriber. Kept sealed; none is ever shown again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secrets {
    current: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    retired: Vec<Retired>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Retired {
    secret: String,
    #[serde(with = "crate::clock::millis")]
    until: Timestamp,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets[1 and {} retired]", self.retired.len())
    }
}

/// Why there is no new secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSecret {
    #[error("the system gives no random bytes")]
    NoRandomness,
    /// Too many are in force; the oldest ends in a while.
    #[error("{MOST} secrets are in force")]
    TooMany,
}

impl Secrets {
    /// A first secret.
    pub fn new() -> Result<Self, NoSecret> {
        Ok(Self { current: fresh()?, retired: Vec::new() })
    }

    /// The secret in force, as its owner is told it once: `whsec_…`.
    pub fn current(&self) -> &str {
        &self.current
    }

    /// A new secret; the one before signs beside it for a day.
    pub fn rotated(&self, now: Timestamp) -> Result<Self, NoSecret> {
        let mut retired: Vec<Retired> = self.retired.iter().filter(|retired| retired.until > now).cloned().collect();
        if retired.len() + 2 > MOST {
            return Err(NoSecret::TooMany);
        }
        let until = now.saturating_add(OVERLAP).unwrap_or(Timestamp::MAX);
        retired.push(Retired { secret: self.current.clone(), until });
        Ok(Self { current: fresh()?, retired })
    }

    /// Until when the secret before the current one signs too.
    pub fn overlap_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.retired.iter().map(|retired| retired.until).filter(|until| *until > now).max()
    }

    /// The value of `webhook-signature`: the current secret's first.
    pub fn sign(&self, id: &str, now: Timestamp, body: &str) -> Result<String, WebhookError> {
        let retired = self.retired.iter().filter(|retired| retired.until > now).rev();
        let secrets = std::iter::once(&self.current).chain(retired.map(|retired| &retired.secret));
        let signatures: Result<Vec<String>, WebhookError> =
            secrets.map(|secret| Webhook::new(secret)?.sign(id, now.as_second(), body.as_bytes())).collect();
        Ok(signatures?.join(" "))
    }
}

fn fresh() -> Result<String, NoSecret> {
    let mut bytes = [0; SECRET_BYTES];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| NoSecret::NoRandomness)?;
    Ok(format!("whsec_{}", STANDARD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published in the specification's libraries ("test signing": JavaScript, Python, Rust).
    #[test]
    fn the_published_signature_comes_out() {
        let secrets = Secrets { current: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(), retired: Vec::new() };
        let at = Timestamp::from_second(1_614_265_330).unwrap();
        let signed = secrets.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, r#"{"test": 2432232314}"#).unwrap();
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_that_was_rotated_out_signs_for_a_day() {
        let now = Timestamp::UNIX_EPOCH;
        let old = Secrets::new().unwrap();
        let new = old.rotated(now).unwrap();
        assert_ne!(old.current(), new.current());
        let by = |secrets: &Secrets, at| secrets.sign("msg_1", at, "{}").unwrap();
        let before_the_end = now + SignedDuration::from_hours(24) - SignedDuration::from_secs(1);
        let both = format!(
            "{} {}",
            by(&Secrets { retired: Vec::new(), ..new.clone() }, before_the_end),
            by(&old, before_the_end)
        );
        assert_eq!(by(&new, before_the_end), both);
        assert_eq!(new.overlap_until(before_the_end), Some(now + SignedDuration::from_hours(24)));
        let end = now + SignedDuration::from_hours(24);
        assert_eq!(by(&new, end).split(' ').count(), 1);
        assert_eq!(new.overlap_until(end), None);
    }

    #[test]
    fn no_more_are_in_force_than_a_header_should_have() {
        let now = Timestamp::UNIX_EPOCH;
        let mut secrets = Secrets::new().unwrap();
        for _ in 1..MOST {
            secrets = secrets.rotated(now).unwrap();
        }
        assert_eq!(secrets.rotated(now), Err(NoSecret::TooMany));
        assert!(secrets.rotated(now + SignedDuration::from_hours(24)).is_ok());
    }

    #[test]
    fn a_new_secret_is_long_enough_and_not_printed() {
        let secrets = Secrets::new().unwrap();
        let key = STANDARD.decode(secrets.current().strip_prefix("whsec_").unwrap()).unwrap();
        assert_eq!(key.len(), 32);
        assert_eq!(format!("{secrets:?}"), "Secrets[1 and 0 retired]");
    }
}
