//! What a call hears next, and what is waited for then.

use super::menu::{Ask, Dial, MOST_IN_A_ROW, Menu, Node, Record, Then};
use super::place::{Heard, MOST_STEPS, Place};

/// One answer to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn<'m> {
    /// What is said, in order.
    pub says: Vec<&'m str>,
    pub next: Next<'m>,
}

/// What comes after the words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next<'m> {
    /// An answer is waited for; it comes back, or its absence does, with this place.
    Ask(&'m Ask, Place),
    /// The caller is put through; how that ended comes back with this place.
    Dial(&'m Dial, Place),
    /// After the notice the caller is recorded; that, or silence, comes back with this place.
    Record(&'m Record, Place),
    /// Somebody else's TwiML goes on.
    Redirect(&'m str),
    Hangup,
}

/// Who answered a call of ours, as far as that was listened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// Somebody, or nobody listened for machines.
    Person,
    Machine,
    Fax,
}

impl Party {
    /// Twilio's `AnsweredBy`: `human`, `machine_start`, `machine_end_beep` …, `fax`, `unknown`.
    pub fn answered_by(word: Option<&str>) -> Self {
        match word {
            Some("fax") => Self::Fax,
            Some(word) if word.starts_with("machine") => Self::Machine,
            Some(_) | None => Self::Person,
        }
    }
}

impl Menu {
    /// How a call begins. Nothing is said to a fax.
    pub fn begin(&self, party: Party, place: &Place) -> Turn<'_> {
        let node = match party {
            Party::Person => Some(&self.start),
            Party::Machine => self.machine.as_ref(),
            Party::Fax => None,
        };
        match node {
            Some(node) if place.step < MOST_STEPS => self.at(node, place, 0, Vec::new()),
            Some(_) => self.farewell(),
            None => Turn { says: Vec::new(), next: Next::Hangup },
        }
    }

    /// How it goes on after what was heard. A node that is not there (any more) is the beginning.
    pub fn go_on(&self, place: &Place, heard: Heard<'_>) -> Turn<'_> {
        if place.step >= MOST_STEPS {
            return self.farewell();
        }
        let Some((name, node)) = self.nodes.get_key_value(&place.node) else {
            return self.at(&self.start, place, 0, Vec::new());
        };
        match (&node.then, heard) {
            (Then::Ask(ask), heard) => self.answered(name, ask, place, heard),
            (Then::Dial(_), Heard::Connected) => Turn { says: Vec::new(), next: Next::Hangup },
            (Then::Dial(dial), Heard::Nothing | Heard::Digits(_) | Heard::Speech(_)) => {
                self.at(&dial.otherwise, place, 0, Vec::new())
            }
            (Then::Record(record), _) => self.at(&record.then, place, 0, Vec::new()),
            (Then::Go(_) | Then::Redirect(_) | Then::Hangup, _) => self.at(name, place, 0, Vec::new()),
        }
    }

    fn answered<'m>(&'m self, name: &'m str, ask: &'m Ask, place: &Place, heard: Heard<'_>) -> Turn<'m> {
        let (chosen, instead) = match heard {
            Heard::Digits(digits) => (ask.by_digits(digits), &self.wrong_input),
            Heard::Speech(said) => (ask.by_speech(said), &self.wrong_input),
            Heard::Nothing | Heard::Connected => (None, &self.no_input),
        };
        match chosen {
            Some(choice) => self.at(&choice.to, place, 0, Vec::new()),
            None if place.misses.saturating_add(1) >= self.tries => self.farewell(),
            None => self.at(name, place, place.misses.saturating_add(1), vec![instead]),
        }
    }

    /// Speaks a node, and what it leads to without asking.
    fn at<'m>(&'m self, name: &'m str, place: &Place, misses: u8, mut says: Vec<&'m str>) -> Turn<'m> {
        let mut name = name;
        for _ in 0..MOST_IN_A_ROW {
            let Some(Node { say, then }) = self.nodes.get(name) else { break };
            says.push(say);
            let step = place.step.saturating_add(1);
            let reached = Place { node: name.to_owned(), misses, step, origin: place.origin };
            let next = match then {
                Then::Go(go) => {
                    name = &go.to;
                    continue;
                }
                Then::Ask(ask) => Next::Ask(ask, reached),
                Then::Dial(dial) => Next::Dial(dial, reached),
                Then::Record(record) => Next::Record(record, reached),
                Then::Redirect(redirect) => Next::Redirect(&redirect.url),
                Then::Hangup => Next::Hangup,
            };
            says.retain(|text| !text.trim().is_empty());
            return Turn { says, next };
        }
        // Only a menu with faults comes here; none is stored.
        self.farewell()
    }

    fn farewell(&self) -> Turn<'_> {
        Turn { says: vec![&self.goodbye], next: Next::Hangup }
    }
}
