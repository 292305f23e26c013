//! A menu: places of a call, what is said there, and where it goes from there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::message::Locale;

/// The names of a menu's nodes are short words; a call's place carries them in a URL.
pub const LONGEST_NAME: usize = 32;
/// The longest text of one node, in characters.
pub const LONGEST_TEXT: usize = 1000;
pub const MOST_NODES: usize = 50;
pub const MOST_CHOICES: usize = 12;
pub const MOST_WORDS: usize = 10;
/// The longest phrase that is listened for, in characters.
pub const LONGEST_WORDS: usize = 40;
/// The longest row of keys of a choice.
pub const LONGEST_DIGITS: usize = 6;
/// How many nodes one answer may speak one after the other: Twilio reads at most 64 kB of TwiML.
pub const MOST_IN_A_ROW: usize = 5;
/// How many nodes deep a menu may be.
pub const DEEPEST: usize = 10;
pub const MOST_TRIES: u8 = 5;

/// A menu.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Menu {
    /// What it is spoken in, and listened for in.
    pub language: Locale,
    /// The node a call begins at.
    #[schema(example = "main")]
    pub start: String,
    /// The node an answering machine hears; without it, the call ends when a machine answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// How often a question is asked of somebody who does not answer it, or wrongly (1 to 5).
    #[serde(default = "three")]
    #[schema(example = 3)]
    pub tries: u8,
    /// Said to who said nothing, before the question is asked again.
    pub no_input: String,
    /// Said to who chose what is no choice, before the question is asked again.
    pub wrong_input: String,
    /// Said before we hang up on somebody who did not answer.
    pub goodbye: String,
    /// By their names: up to 32 of a to z, 0 to 9 and _.
    pub nodes: BTreeMap<String, Node>,
}

/// One place of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// What is said there. It may be empty where something else is heard.
    #[serde(default)]
    pub say: String,
    pub then: Then,
}

/// What comes then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// The caller chooses.
    Ask(Ask),
    /// The call goes on at another node.
    Go(Go),
    /// The caller is put through to somebody.
    Dial(Dial),
    /// What the caller says is recorded.
    Record(Record),
    /// The call goes on with somebody else's TwiML.
    Redirect(Redirect),
    /// The call ends.
    Hangup,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    pub choices: Vec<Choice>,
    /// How long the caller may think, in seconds (1 to 30).
    #[serde(default = "five")]
    #[schema(example = 5)]
    pub wait_seconds: u8,
}

/// A choice: keys, words, or both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// The keys: 1 to 6 of 0 to 9, * and #, the same number of them at every choice of a question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "1")]
    pub digits: Option<String>,
    /// The phrases that choose it, wherever in what was said they stand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["agent", "speak to somebody"]))]
    pub words: Vec<String>,
    /// The node it leads to; its own one repeats the question.
    #[schema(example = "agent")]
    pub to: String,
}

/// The call goes on there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Go {
    pub to: String,
}

/// Whom the caller is put through to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Dial {
    /// E.164.
    #[schema(example = "+14155552671")]
    pub number: String,
    /// How long it rings there (5 to 120).
    #[serde(default = "thirty")]
    #[schema(example = 30)]
    pub ring_seconds: u8,
    /// Where the call goes on if nobody answers. After a conversation it ends.
    pub otherwise: String,
}

/// A recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Said before the tone, always: that what follows is recorded, and what for.
    #[schema(
        example = "Your message will be recorded and kept until it has been answered. If you do not agree, hang up now."
    )]
    pub notice: String,
    /// The longest it may be (1 to 600).
    #[serde(default = "two_minutes")]
    #[schema(example = 120)]
    pub max_seconds: u16,
    /// Where the call goes on when the caller is done, or said nothing.
    pub then: String,
}

/// Somebody else's TwiML.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Redirect {
    /// Where Twilio fetches it. What is said from there on, and when that ends, is theirs.
    #[schema(example = "https://example.com/account-status")]
    pub url: String,
}

fn three() -> u8 {
    3
}

fn five() -> u8 {
    5
}

fn thirty() -> u8 {
    30
}

fn two_minutes() -> u16 {
    120
}

impl Then {
    /// The nodes it may lead to, each with the field that names it.
    pub fn targets(&self) -> Vec<(String, &str)> {
        match self {
            Self::Ask(ask) => {
                let choices = ask.choices.iter().enumerate();
                choices.map(|(at, choice)| (format!("ask.choices[{at}].to"), choice.to.as_str())).collect()
            }
            Self::Go(go) => vec![("go.to".to_owned(), &go.to)],
            Self::Dial(dial) => vec![("dial.otherwise".to_owned(), &dial.otherwise)],
            Self::Record(record) => vec![("record.then".to_owned(), &record.then)],
            Self::Redirect(_) | Self::Hangup => Vec::new(),
        }
    }
}
