//! What is known of a call besides its status: how it went, and what was recorded in it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How a call went, as far as its provider has told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CallFacts {
    /// Who answered, in the provider's word: `human`, `machine_start` … Told only where it was listened for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<String>,
    /// How long it lasted once it was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
    /// How far it is, in the provider's word: `initiated`, `ringing`, `in-progress`, `completed`, `busy` …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<String>,
    /// The place of that word among those the provider told, from 0 on; absent where it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u32>,
}

/// Something that was recorded in a call. The sound itself stays with the provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Recording {
    /// The provider's id of it.
    #[schema(example = "RE00000000000000000000000000000001")]
    pub id: String,
    /// Where the provider has it; needs the provider's credentials.
    pub url: String,
    pub seconds: u32,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// How many recordings a call keeps: more than it has answers ([`crate::voice`]), each of which records once at most.
pub const MOST_RECORDINGS: usize = 50;

impl CallFacts {
    /// `None` where nothing is known. A word that no provider would use is left out: it is stored and shown.
    pub fn new(answered_by: Option<String>, seconds: Option<u32>) -> Option<Self> {
        let is_word = |word: &String| {
            (1..=32).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        };
        let answered_by = answered_by.filter(is_word);
        let facts = Self { answered_by, seconds, ..Self::default() };
        (facts != Self::default()).then_some(facts)
    }

    /// Whether it took longer than the minute it was accepted at, so that it is charged for more.
    pub fn is_charged_for_more(&self) -> bool {
        self.seconds.is_some_and(|seconds| seconds > 60)
    }

    /// How far the call is; `None` if that is no word a provider would use.
    #[must_use]
    pub fn at(self, progress: &str) -> Option<Self> {
        let is_word = (1..=32).contains(&progress.len())
            && progress.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        is_word.then(|| Self { progress: Some(progress.to_owned()), ..self })
    }

    /// How far the call is, and the place of that among what its provider told.
    #[must_use]
    pub fn reached(self, progress: &str, sequence: u32) -> Self {
        Self { progress: Some(progress.to_owned()), sequence: Some(sequence), ..self }
    }
}

/// As a trail notes it: `machine_start, 12 s`.
impl fmt::Display for CallFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.answered_by, self.seconds) {
            (Some(who), Some(seconds)) => write!(f, "{who}, {seconds} s"),
            (Some(who), None) => f.write_str(who),
            (None, Some(seconds)) => write!(f, "{seconds} s"),
            (None, None) => Ok(()),
        }
    }
}
