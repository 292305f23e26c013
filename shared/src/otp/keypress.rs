//! A spoken code is told to a person, not to an answering machine: the call asks for a key, and only the next document, which
//! Twilio fetches when one was pressed, says the code. A mailbox presses nothing, so it never holds a code.
//!
//! What is said stands in the address of that document, sealed and bound to its message; the function that answers opens it
//! and needs no key with which codes are made.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::message::{Locale, MessageId};
use crate::seal::{Seal, SealError};

/// Where a call goes on when a key was pressed.
pub const PATH: &str = "/twilio/voice-code";

/// What is said when a key was pressed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpokenCode {
    pub text: String,
    pub language: Option<String>,
    /// The code is worthless after this time, and not said any more.
    #[serde(with = "crate::clock::millis")]
    pub until: Timestamp,
}

impl std::fmt::Debug for SpokenCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SpokenCode[…]")
    }
}

impl SpokenCode {
    /// The address, below our public one, at which a call of this message hears it.
    pub fn path(&self, seal: &Seal, message: MessageId) -> Result<String, SealError> {
        let plain = serde_json::to_vec(self).map_err(|_| SealError::Broken)?;
        let sealed = seal.seal(&context(message), &plain)?;
        Ok(format!("{PATH}?message={message}&code={sealed}"))
    }

    /// Reads the query of such an address. `None`: it is none of ours.
    pub fn read(seal: &Seal, query: &str) -> Option<(MessageId, Self)> {
        let value = |name: &str| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let message: MessageId = value("message")?.parse().ok()?;
        let plain = seal.open(&context(message), &value("code")?).ok()?;
        Some((message, serde_json::from_slice(&plain).ok()?))
    }
}

fn context(message: MessageId) -> String {
    format!("voice-code/{message}")
}

/// What a call asks before it says a code, in a language.
pub fn prompt(language: Option<&str>) -> &'static str {
    let language = language.and_then(|language| language.parse::<Locale>().ok());
    match language.as_ref().map(Locale::language) {
        Some("de") => "Drücken Sie eine beliebige Taste, um Ihren Code zu hören.",
        Some("es") => "Pulse cualquier tecla para escuchar su código.",
        Some("fr") => "Appuyez sur une touche pour entendre votre code.",
        _ => "Press any key to hear your code.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::tests::test_seal;

    #[test]
    fn spoken_code_is_read_from_its_own_address_only() {
        let seal = test_seal();
        let (message, other) = (MessageId::new(), MessageId::new());
        let code = SpokenCode { text: "4, 7, 1, 1".to_owned(), language: None, until: Timestamp::UNIX_EPOCH };
        let path = code.path(&seal, message).unwrap();
        assert!(!path.contains("4, 7") && path.starts_with(PATH), "{path}");
        let query = path.split_once('?').unwrap().1.to_owned();
        assert_eq!(SpokenCode::read(&seal, &query), Some((message, code)));
        assert_eq!(SpokenCode::read(&seal, &query.replace(&message.to_string(), &other.to_string())), None);
        for broken in
            ["", "message=x&code=y", &format!("message={message}"), &format!("message={message}&code=k1.AAAA")]
        {
            assert_eq!(SpokenCode::read(&seal, broken), None, "{broken}");
        }
    }

    #[test]
    fn prompt_is_in_the_language_of_the_call() {
        assert!(prompt(Some("de-AT")).contains("Taste"));
        assert!(prompt(Some("pt")).contains("Press") && prompt(None).contains("Press"));
    }
}
