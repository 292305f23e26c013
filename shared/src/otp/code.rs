//! The code itself. It is never stored: it follows from a key of ours, the challenge, the address and the purpose, so
//! whoever holds the key can tell it again, and a resend says the same code.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer};

use super::challenge::CodeRef;
use crate::message::Address;
use crate::seal::purpose::CodeKeys;

/// What a code's key is derived under. Another label is another code.
const LABEL: &str = "one-time code v1";

/// How many digits a code has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Digits(u8);

/// A code of so few or so many digits is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not 4 to 10 digits")]
pub struct NotDigits;

impl Default for Digits {
    fn default() -> Self {
        Self(6)
    }
}

impl TryFrom<u8> for Digits {
    type Error = NotDigits;

    fn try_from(count: u8) -> Result<Self, NotDigits> {
        (4..=10).contains(&count).then_some(Self(count)).ok_or(NotDigits)
    }
}

impl From<Digits> for u8 {
    fn from(digits: Digits) -> Self {
        digits.0
    }
}

/// A one-time code. Its text forms, `Debug` and `Display`, show `[code]`.
#[derive(Clone)]
pub struct Code(String);

impl Code {
    /// What somebody entered: 4 to 10 digits, perhaps with spaces or hyphens between them.
    pub fn entered(text: &str) -> Result<Self, NotDigits> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        let is_code = (4..=10).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_code.then_some(Self(digits)).ok_or(NotDigits)
    }

    /// Whether both are the same, in a time that does not depend on where they differ.
    pub fn is(&self, other: &Self) -> bool {
        verify_slices_are_equal(self.0.as_bytes(), other.0.as_bytes()).is_ok()
    }

    /// The digits, for the one place that hands them to a provider.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

/// A text, and whatever else it may be, no refusal quotes it.
impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        if value.is_null() {
            return Err(D::Error::invalid_type(Unexpected::Unit, &"a code"));
        }
        value
            .as_str()
            .and_then(|text| Self::entered(text).ok())
            .ok_or_else(|| D::Error::custom("It is not a text of 4 to 10 digits"))
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(super::MASK)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(super::MASK)
    }
}

/// Tells the code of a challenge.
#[derive(Clone)]
pub struct Codes {
    keys: CodeKeys,
}

impl fmt::Debug for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Codes[…]")
    }
}

impl Codes {
    pub fn new(keys: CodeKeys) -> Self {
        Self { keys }
    }

    /// The code of a challenge at an address.
    pub fn code(&self, of: &CodeRef, address: &Address) -> Code {
        self.under(&self.keys.active(LABEL).1, of, address)
    }

    /// Whether this is the code of a challenge at an address. While a key is rotated, the codes of both keys are right: the
    /// message may have been sent with the other one. A code says nothing of its key, and is good for ten minutes.
    pub fn is_right(&self, entered: &Code, of: &CodeRef, address: &Address) -> bool {
        self.keys.each(LABEL).iter().fold(false, |right, (_, key)| right | self.under(key, of, address).is(entered))
    }

    /// 128 bits are reduced to at most ten digits, so no code is likelier than
    /// another by more than one part in 10^28.
    fn under(&self, key: &hmac::Key, of: &CodeRef, address: &Address) -> Code {
        let mut mac = hmac::Context::with_key(key);
        for part in [of.challenge.to_string(), address.canonical(), of.purpose.to_string()] {
            // Length first: no two different triples give the same bytes.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        let tag = mac.sign();
        let wide = tag.as_ref().iter().take(16).fold(0_u128, |number, byte| (number << 8) | u128::from(*byte));
        let digits = usize::from(u8::from(of.digits));
        let number = wide % 10_u128.pow(u32::from(u8::from(of.digits)));
        Code(format!("{number:0digits$}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Channel;
    use crate::otp::challenge::ChallengeId;
    use crate::otp::purpose::Purpose;
    use crate::seal::purpose;

    fn codes() -> Codes {
        Codes::new(purpose::tests::codes())
    }

    fn phone(text: &str) -> Address {
        Address::stored(Channel::Sms, text.to_owned())
    }

    fn of(purpose: &str, digits: u8) -> CodeRef {
        CodeRef {
            challenge: ChallengeId::for_tests(7),
            purpose: purpose.parse().unwrap(),
            digits: digits.try_into().unwrap(),
        }
    }

    #[test]
    fn a_code_is_bound_to_its_challenge_address_and_purpose() {
        let (codes, to) = (codes(), phone("+14155552671"));
        let code = codes.code(&of("login", 10), &to);
        assert!(code.is(&codes.code(&of("login", 10), &to)), "the same again");
        assert!(!code.is(&codes.code(&of("transfer", 10), &to)));
        assert!(!code.is(&codes.code(&of("login", 10), &phone("+14155552672"))));
        let other = CodeRef { challenge: ChallengeId::for_tests(8), ..of("login", 10) };
        assert!(!code.is(&codes.code(&other, &to)));
        let foreign = CodeKeys::fixed(purpose::tests::secret("c1", &[("c1", 6)])).unwrap();
        let foreign = Codes::new(foreign);
        assert!(!code.is(&foreign.code(&of("login", 10), &to)));
    }

    #[test]
    fn code_of_a_rotated_key_is_right_until_the_key_is_removed() {
        let (codes, to, of) = (codes(), phone("+14155552671"), of("login", 10));
        let sent = codes.code(&of, &to);
        let with = |active: &str, keys: &[(&str, u8)]| {
            let keys = CodeKeys::fixed(purpose::tests::secret(active, keys)).unwrap();
            Codes::new(keys)
        };
        assert!(codes.is_right(&sent, &of, &to));
        let rotating = with("c2", &[("c1", 3), ("c2", 7)]);
        assert!(rotating.is_right(&sent, &of, &to) && !rotating.code(&of, &to).is(&sent));
        assert!(!with("c2", &[("c2", 7)]).is_right(&sent, &of, &to));
    }

    #[test]
    fn codes_have_their_digits_and_are_spread_evenly() {
        let (codes, to) = (codes(), phone("+14155552671"));
        let mut first = [0_u32; 10];
        for number in 0..20_000_u64 {
            let of = CodeRef { challenge: ChallengeId::for_tests(number), ..of("login", 4) };
            let code = codes.code(&of, &to);
            assert!(code.expose().len() == 4 && code.expose().bytes().all(|byte| byte.is_ascii_digit()));
            first[usize::from(code.expose().as_bytes()[0] - b'0')] += 1;
        }
        // 20,000 draws, 2,000 expected of each: seven standard deviations are 300.
        assert!(first.iter().all(|count| (1_700..2_300).contains(count)), "{first:?}");
        for digits in 4..=10 {
            assert_eq!(codes.code(&of("login", digits), &to).expose().len(), usize::from(digits));
        }
    }

    #[test]
    fn a_code_shows_itself_to_nobody() {
        let code = Code::entered("482 913").unwrap();
        assert_eq!(format!("{code} {code:?}"), "[code] [code]");
        assert!(code.is(&Code::entered("482-913").unwrap()) && !code.is(&Code::entered("482914").unwrap()));
        for text in ["", "123", "12345678901", "12345a", "١٢٣٤٥٦", "1234+"] {
            assert!(Code::entered(text).is_err(), "{text}");
        }
        let purpose = Purpose::two_factor();
        assert!(!format!("{:?} {purpose}", codes()).contains("482"));
    }
}
