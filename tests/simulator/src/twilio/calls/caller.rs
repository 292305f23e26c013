//! What the person at a number does in the next calls with it: set by a test, used up one deed at a time, whenever a call
//! waits for something. Who has nothing left to do stays silent.

use std::collections::{HashMap, VecDeque};

use serde::Deserialize;

/// One deed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Deed {
    /// Presses keys.
    Press(String),
    /// Says something: understood as it is, where words are listened for; recorded, where that is done.
    Say(String),
    /// Does nothing until the call goes on.
    Nothing,
    HangUp,
}

/// The deeds by number.
#[derive(Debug, Default)]
pub(crate) struct Callers(HashMap<String, VecDeque<Deed>>);

impl Callers {
    /// Replaces what the person at `number` will do.
    pub(crate) fn put(&mut self, number: &str, deeds: Vec<Deed>) {
        self.0.insert(number.to_owned(), deeds.into());
    }

    pub(super) fn next(&mut self, number: &str) -> Deed {
        self.0.get_mut(number).and_then(VecDeque::pop_front).unwrap_or(Deed::Nothing)
    }
}
