//! What a code is for. A code for one purpose is worth nothing for another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::person::PersonId;
use crate::seal::Seal;

/// A purpose: 1 to 64 small letters, digits, `_`, `-` and `.`, for example `login`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "login")]
pub struct Purpose(String);

/// What was given is not a purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not 1 to 64 of a to z, 0 to 9, _, - and .")]
pub struct NotAPurpose;

impl Purpose {
    /// The second factor of a sign-in.
    pub fn two_factor() -> Self {
        Self("two_factor".to_owned())
    }

    /// Proves that an address belongs to whoever gave it.
    pub fn verification() -> Self {
        Self("verification".to_owned())
    }

    /// Proves that the number a person agreed to be texted on is theirs. It is bound to the person, by a hash nobody else
    /// can make: one person's code proves nothing of another's number, nor can it be asked for as a code for anything.
    pub fn consent(seal: &Seal, person: &PersonId) -> Self {
        let hash = seal.keyed_hash(format!("consent code: {person}").as_bytes());
        Self(format!("consent.{}", hex(&hash)))
    }

    /// What a caller's code is for. It is bound to the caller, by a hash nobody else can make: a code that one caller has sent is
    /// no other's to check, and no other caller can use up its checks.
    #[must_use]
    pub fn of_caller(&self, seal: &Seal, caller: &str) -> Self {
        let hash = seal.keyed_hash(format!("code of a caller: {} {caller} {self}", caller.len()).as_bytes());
        Self(format!("caller.{}", hex(&hash)))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The first 24 characters of a hash, in the alphabet of purposes.
fn hex(hash: &str) -> String {
    hash.bytes().take(24).fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

impl FromStr for Purpose {
    type Err = NotAPurpose;

    fn from_str(text: &str) -> Result<Self, NotAPurpose> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.".contains(&byte);
        let is_purpose = (1..=64).contains(&text.len()) && text.bytes().all(fits);
        is_purpose.then(|| Self(text.to_owned())).ok_or(NotAPurpose)
    }
}

impl TryFrom<String> for Purpose {
    type Error = NotAPurpose;

    fn try_from(text: String) -> Result<Self, NotAPurpose> {
        text.parse()
    }
}

impl From<Purpose> for String {
    fn from(purpose: Purpose) -> Self {
        purpose.0
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consents_code_is_for_one_person() {
        let seal = crate::seal::tests::test_seal();
        let of = |id: &str| Purpose::consent(&seal, &PersonId::text(id).unwrap());
        assert_eq!(of("1"), of("1"));
        assert_ne!(of("1"), of("2"));
        assert_eq!(of("1").as_str().parse(), Ok(of("1")), "it is a purpose as every other");
    }

    #[test]
    fn callers_code_is_for_one_caller_and_purpose() {
        let seal = crate::seal::tests::test_seal();
        let of = |caller: &str, purpose: &str| purpose.parse::<Purpose>().unwrap().of_caller(&seal, caller);
        assert_eq!(of("portal-a", "login"), of("portal-a", "login"));
        assert_ne!(of("portal-a", "login"), of("portal-b", "login"));
        assert_ne!(of("portal-a", "login"), of("portal-a", "transfer"));
        assert_eq!(of("a", "login").as_str().parse(), Ok(of("a", "login")), "it is a purpose as every other");
    }

    #[test]
    fn purposes_are_short_plain_words() {
        for text in ["login", "two_factor", "sms-consent", "v2.transfer", "a"] {
            assert_eq!(text.parse::<Purpose>().unwrap().as_str(), text);
        }
        for text in ["", "Login", "log in", "login#2", &"x".repeat(65), "é"] {
            assert!(text.parse::<Purpose>().is_err(), "{text}");
        }
    }
}
