//! The language a message is written in, and in which order languages are tried (RFC 5646 tags, RFC 4647 §3.4 lookup).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A BCP 47 language tag in its usual spelling: `en`, `fr-CA`, `zh-Hant-TW`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "fr-CA")]
pub struct Locale(String);

/// What was given is not a language tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a language tag such as en or fr-CA")]
pub struct NotALocale;

/// RFC 5646 §4.4.1 asks for room for 35 characters.
const LONGEST: usize = 35;

impl Locale {
    /// English, the language of last resort.
    pub fn english() -> Self {
        Self("en".to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its language alone: `fr` of `fr-CA`.
    pub fn language(&self) -> &str {
        self.0.split('-').next().unwrap_or_default()
    }

    /// Itself, then ever less of it: `zh-Hant-TW`, `zh-Hant`, `zh`.
    pub fn chain(&self) -> Vec<Self> {
        let mut chain = vec![self.clone()];
        let mut rest = self.0.as_str();
        while let Some((shorter, _)) = rest.rsplit_once('-') {
            // A single letter introduces what follows it, and goes with it.
            rest = shorter.rsplit_once('-').filter(|(_, last)| last.len() == 1).map_or(shorter, |(shorter, _)| shorter);
            chain.push(Self(rest.to_owned()));
        }
        chain
    }
}

impl FromStr for Locale {
    type Err = NotALocale;

    /// Reads a tag in any case, with hyphens or underscores.
    fn from_str(text: &str) -> Result<Self, NotALocale> {
        let text = text.trim().replace('_', "-");
        let parts: Vec<&str> = text.split('-').collect();
        let is_word = |part: &&str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
        let language = parts.first().copied().unwrap_or_default();
        let is_language = (2..=3).contains(&language.len()) && language.bytes().all(|b| b.is_ascii_alphabetic());
        if text.len() > LONGEST || !is_language || !parts.iter().all(is_word) {
            return Err(NotALocale);
        }
        Ok(Self(parts.iter().enumerate().map(|(place, part)| cased(place, part)).collect::<Vec<_>>().join("-")))
    }
}

/// RFC 5646 §2.1.1: languages in small letters, scripts with a capital, regions in capitals.
fn cased(place: usize, part: &str) -> String {
    let lower = part.to_ascii_lowercase();
    match (place, part.len()) {
        (1.., 2) => part.to_ascii_uppercase(),
        (1.., 4) => lower[..1].to_ascii_uppercase() + &lower[1..],
        _ => lower,
    }
}

impl TryFrom<String> for Locale {
    type Error = NotALocale;

    fn try_from(text: String) -> Result<Self, NotALocale> {
        text.parse()
    }
}

impl From<Locale> for String {
    fn from(locale: Locale) -> Self {
        locale.0
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(text: &str) -> Vec<String> {
        text.parse::<Locale>().unwrap().chain().into_iter().map(String::from).collect()
    }

    #[test]
    fn a_tag_is_shortened_from_its_end() {
        assert_eq!(chain("fr_ca"), ["fr-CA", "fr"]);
        assert_eq!(chain("ZH-hant-tw"), ["zh-Hant-TW", "zh-Hant", "zh"]);
        assert_eq!(chain("de-DE-u-co-phonebk"), ["de-DE-u-CO-phonebk", "de-DE-u-CO", "de-DE", "de"]);
        assert_eq!(chain("en"), ["en"]);
    }

    #[test]
    fn what_is_no_tag_is_refused() {
        for text in ["", "e", "english!", "en-", "-en", "e1", "fr-toolongpart", "en US", "../en", &"en-abc".repeat(9)] {
            assert_eq!(text.parse::<Locale>(), Err(NotALocale), "{text}");
        }
    }
}
