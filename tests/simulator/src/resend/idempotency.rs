//! `Idempotency-Key`: the same key with the same body gets the same answer for a day; with another body, a 409.
//! And the team's rate limit, which is counted in the same place.

use std::{
    collections::{HashMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::answer::Error;

/// How long a key is remembered.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// Keys seen, and the requests of the current second.
#[derive(Debug)]
pub(crate) struct Idempotency {
    keys: HashMap<String, (u64, String)>,
    ages: VecDeque<(Instant, String)>,
    limit: u32,
    window: Instant,
    used: u32,
}

/// Where the team stands against its limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    pub(crate) exceeded: bool,
}

/// What a key says about a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    New,
    /// The same request was accepted under this email id.
    Before(String),
}

impl Idempotency {
    pub(crate) fn new(limit: u32) -> Self {
        Self { keys: HashMap::new(), ages: VecDeque::new(), limit, window: Instant::now(), used: 0 }
    }

    /// Counts a request.
    pub(super) fn rate(&mut self, now: Instant) -> Rate {
        if now.duration_since(self.window) >= Duration::from_secs(1) {
            self.window = now;
            self.used = 0;
        }
        self.used = self.used.saturating_add(1);
        let remaining = self.limit.saturating_sub(self.used);
        Rate { limit: self.limit, remaining, exceeded: self.used > self.limit }
    }

    /// Looks a key up.
    pub(super) fn check(&mut self, key: &str, body: &Value, now: Instant) -> Result<Seen, Error> {
        while let Some((since, key)) = self.ages.front()
            && now.duration_since(*since) >= REMEMBERED
        {
            self.keys.remove(key);
            self.ages.pop_front();
        }
        match self.keys.get(key) {
            None => Ok(Seen::New),
            Some((known, id)) if *known == digest(body) => Ok(Seen::Before(id.clone())),
            Some(_) => {
                let message = "Same idempotency key used with a different request payload.";
                Err(Error::new(409, "invalid_idempotent_request", message))
            }
        }
    }

    /// Remembers what came of a key.
    pub(super) fn remember(&mut self, key: &str, body: &Value, email_id: &str, now: Instant) {
        self.keys.insert(key.to_owned(), (digest(body), email_id.to_owned()));
        self.ages.push_back((now, key.to_owned()));
    }

    pub(crate) fn forget(&mut self) {
        self.keys.clear();
        self.ages.clear();
    }
}

/// Equal for equal JSON, whatever the order of its fields.
fn digest(body: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    body.to_string().hash(&mut hasher);
    hasher.finish()
}

/// A key has 1 to 256 characters.
pub(super) fn valid_key(key: &str) -> Result<(), Error> {
    if (1..=256).contains(&key.chars().count()) {
        Ok(())
    } else {
        Err(Error::new(400, "invalid_idempotency_key", "The idempotency key must be between 1-256 chars."))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn state() -> (Idempotency, Instant) {
        (Idempotency::new(2), Instant::now())
    }

    #[test]
    fn the_same_key_and_body_get_the_same_email() {
        let (mut keys, now) = state();
        assert_eq!(keys.check("k", &json!({"a": 1, "b": 2}), now).expect("new"), Seen::New);
        keys.remember("k", &json!({"a": 1, "b": 2}), "e-1", now);
        let again: Value = serde_json::from_str(r#"{"b":2,"a":1}"#).expect("JSON");
        assert_eq!(keys.check("k", &again, now).expect("known"), Seen::Before("e-1".to_owned()));
    }

    #[test]
    fn the_same_key_with_another_body_is_a_conflict() {
        let (mut keys, now) = state();
        keys.remember("k", &json!({"a": 1}), "e-1", now);
        assert_eq!(keys.check("k", &json!({"a": 2}), now).expect_err("409").name(), "invalid_idempotent_request");
    }

    #[test]
    fn a_key_is_forgotten_after_a_day() {
        let (mut keys, now) = state();
        keys.remember("k", &json!({}), "e-1", now);
        let later = now + REMEMBERED;
        assert_eq!(keys.check("k", &json!({"a": 2}), later).expect("new again"), Seen::New);
    }

    #[test]
    fn the_limit_is_per_second() {
        let (mut keys, now) = state();
        let exceeded: Vec<bool> = (0..3).map(|_| keys.rate(now).exceeded).collect();
        assert_eq!(exceeded, [false, false, true]);
        assert!(!keys.rate(now + Duration::from_secs(1)).exceeded);
    }
}
