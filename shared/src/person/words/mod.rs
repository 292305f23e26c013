//! What somebody means who writes to us: the words that stop, start and explain our texts, and free text that reads like
//! "leave me alone".
//!
//! A keyword is the whole text and one word (Twilio: "STOP PLEASE" is none), in any case, with or without its accents,
//! whatever punctuation, quotes or emoji stand around it. The words are in [`keywords`], each family with its source; what
//! free text is held for a revocation, in [`phrases`].

mod keywords;
mod phrases;

use icu_normalizer::DecomposingNormalizer;
use serde::{Deserialize, Serialize};

/// What a keyword asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keyword {
    /// No more texts.
    Stop,
    /// Texts again, after a stop.
    Start,
    /// What is this? Twilio answers it; nothing changes.
    Help,
}

/// What a text says about getting texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    Keyword(Keyword),
    /// Free text that reads like a "no". A machine's guess: what follows from it is a setting.
    RevocationLikely,
    /// Anything else.
    Other,
}

/// How much of a text is looked at, in characters: Twilio's longest message has 1,600.
const LOOKED_AT: usize = 1_600;

impl Reply {
    /// Reads a text.
    pub fn read(text: &str) -> Self {
        let folded = folded(text);
        if let Some(keyword) = keywords::keyword(trimmed(&folded)) {
            return Self::Keyword(keyword);
        }
        if phrases::revokes(&folded) { Self::RevocationLikely } else { Self::Other }
    }
}

impl Keyword {
    /// As Twilio's Advanced Opt-Out names it in `OptOutType`.
    pub fn of_opt_out_type(text: &str) -> Option<Self> {
        match text.trim().to_ascii_uppercase().as_str() {
            "STOP" => Some(Self::Stop),
            "START" => Some(Self::Start),
            "HELP" => Some(Self::Help),
            _ => None,
        }
    }
}

/// A text as it is compared with a word: folded, without what stands around it.
pub fn whole(text: &str) -> String {
    trimmed(&folded(text)).to_owned()
}

fn trimmed(folded: &str) -> &str {
    folded.trim_matches(|c: char| !c.is_alphanumeric())
}

/// Lower case, compatibility forms resolved (full-width letters, ligatures), without accents, apostrophes and characters
/// that cannot be seen: `Arrêt`, `ARRET` and `ａｒｒｅｔ` are one word, and `don’t` is `dont`. Folded again it stays as it is.
fn folded(text: &str) -> String {
    let normalizer = DecomposingNormalizer::new_nfkd();
    let head: String = text.chars().take(LOOKED_AT).collect();
    let plain: String = normalizer.normalize(&head).to_lowercase().chars().filter(|c| !is_mark(*c)).collect();
    // Marks that are kept may stand side by side now, and side by side they have an order.
    normalizer.normalize(&plain).chars().take(LOOKED_AT).collect()
}

/// Combining accents, apostrophes, soft hyphens, and what is zero wide or chooses how an emoji is drawn.
fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\'' | '\u{2019}' | '\u{2018}' | '\u{2bc}' | '`' | '\u{b4}' | '\u{ad}'
        | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

#[cfg(test)]
mod tests;
