//! What is wrong with a menu. One without faults ends every call: each of its nodes is there and can be reached, it is
//! not too deep, and no way through it comes back to where it was without asking the caller something.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use reqwest::Url;

use super::hear::words;
use super::menu::{
    Ask, DEEPEST, Dial, LONGEST_DIGITS, LONGEST_NAME, LONGEST_TEXT, LONGEST_WORDS, MOST_CHOICES, MOST_IN_A_ROW,
    MOST_NODES, MOST_TRIES, MOST_WORDS, Menu, Node, Record, Redirect, Then,
};
use crate::message::PhoneNumber;

/// Something wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// From the menu's own members on: `nodes.agent.then.dial.number`.
    pub field: String,
    pub why: String,
}

/// The longest address of somebody else's TwiML.
const LONGEST_URL: usize = 2048;

impl Menu {
    /// Everything wrong with it; `ours` is our own address, to which no menu may redirect.
    pub fn faults(&self, ours: &str) -> Vec<Fault> {
        let mut faults = Faults::default();
        faults.text("no_input", &self.no_input, Empty::No);
        faults.text("wrong_input", &self.wrong_input, Empty::No);
        faults.text("goodbye", &self.goodbye, Empty::No);
        if !(1..=MOST_TRIES).contains(&self.tries) {
            faults.add("tries", format!("It must be between 1 and {MOST_TRIES}"));
        }
        if self.nodes.is_empty() || self.nodes.len() > MOST_NODES {
            faults.add("nodes", format!("There must be 1 to {MOST_NODES}"));
        }
        for (name, node) in self.nodes.iter().take(MOST_NODES) {
            faults.node(name, node, ours);
        }
        self.ways(&mut faults);
        faults.0
    }

    /// What is wrong with how its nodes lead to one another.
    fn ways(&self, faults: &mut Faults) {
        let before = faults.0.len();
        let mut targets = vec![("start".to_owned(), self.start.as_str())];
        targets.extend(self.machine.as_deref().map(|machine| ("machine".to_owned(), machine)));
        for (name, node) in &self.nodes {
            targets
                .extend(node.then.targets().into_iter().map(|(field, to)| (format!("nodes.{name}.then.{field}"), to)));
        }
        for (field, to) in targets.into_iter().filter(|(_, to)| !self.nodes.contains_key(*to)) {
            faults.add(field, format!("There is no node {:?}", shortened(to)));
        }
        if faults.0.len() > before {
            return;
        }
        self.reach(faults);
        self.unasked(faults);
        self.machines(faults);
    }

    /// Every node can be reached, and none is too far from the beginning.
    fn reach(&self, faults: &mut Faults) {
        let mut depth = BTreeMap::new();
        let mut next: VecDeque<(&str, usize)> = VecDeque::from([(self.start.as_str(), 1)]);
        next.extend(self.machine.as_deref().map(|machine| (machine, 1)));
        while let Some((name, at)) = next.pop_front() {
            if depth.contains_key(name) {
                continue;
            }
            depth.insert(name, at);
            let targets = self.nodes.get(name).map(|node| node.then.targets()).unwrap_or_default();
            next.extend(targets.into_iter().map(|(_, to)| (to, at + 1)));
        }
        for name in self.nodes.keys() {
            match depth.get(name.as_str()) {
                None => faults.add(format!("nodes.{name}"), "No way leads to it".to_owned()),
                Some(at) if *at > DEEPEST => {
                    faults.add(format!("nodes.{name}"), format!("It is {at} nodes deep; the most is {DEEPEST}"));
                }
                Some(_) => {}
            }
        }
    }

    /// No way comes back to where it was without a question, and not too much is said in one breath.
    fn unasked(&self, faults: &mut Faults) {
        for name in self.nodes.keys() {
            let (mut seen, mut next) = (BTreeSet::new(), vec![name.as_str()]);
            while let Some(at) = next.pop() {
                let Some(then) = self.nodes.get(at).map(|node| &node.then) else { continue };
                let goes = if matches!(then, Then::Ask(_)) { Vec::new() } else { then.targets() };
                next.extend(goes.into_iter().map(|(_, to)| to).filter(|to| seen.insert(*to)));
            }
            if seen.contains(name.as_str()) {
                faults.add(format!("nodes.{name}"), "It leads back to itself without asking anything".to_owned());
                continue;
            }
            let said = std::iter::successors(Some(name.as_str()), |at| match &self.nodes.get(*at)?.then {
                Then::Go(go) => Some(go.to.as_str()),
                Then::Ask(_) | Then::Dial(_) | Then::Record(_) | Then::Redirect(_) | Then::Hangup => None,
            });
            if said.take(MOST_IN_A_ROW + 1).count() > MOST_IN_A_ROW {
                let why = format!("More than {MOST_IN_A_ROW} nodes are spoken in a row from here");
                faults.add(format!("nodes.{name}"), why);
            }
        }
    }

    /// A machine presses nothing and hears nobody out.
    fn machines(&self, faults: &mut Faults) {
        let Some(machine) = self.machine.as_deref() else { return };
        let mut at = machine;
        for _ in 0..=MOST_IN_A_ROW {
            match self.nodes.get(at).map(|node| &node.then) {
                Some(Then::Go(go)) => at = &go.to,
                Some(Then::Hangup) | None => return,
                Some(Then::Ask(_) | Then::Dial(_) | Then::Record(_) | Then::Redirect(_)) => break,
            }
        }
        let why = format!("A machine answers nothing: it must lead to hangup, and {:?} does not", shortened(at));
        faults.add("machine".to_owned(), why);
    }
}

/// Whether a text may say nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Empty {
    Yes,
    No,
}

#[derive(Default)]
struct Faults(Vec<Fault>);

impl Faults {
    fn add(&mut self, field: impl Into<String>, why: impl Into<String>) {
        self.0.push(Fault { field: field.into(), why: why.into() });
    }

    fn text(&mut self, field: &str, text: &str, empty: Empty) {
        if empty == Empty::No && text.trim().is_empty() {
            self.add(field, "It must say something");
        } else if text.chars().count() > LONGEST_TEXT {
            self.add(field, format!("It must be at most {LONGEST_TEXT} characters"));
        } else if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            self.add(field, "It must hold no control characters");
        }
    }

    fn node(&mut self, name: &str, node: &Node, ours: &str) {
        let is_name = (1..=LONGEST_NAME).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        let field = format!("nodes.{}", shortened(name));
        if !is_name {
            self.add(field.as_str(), format!("A node's name is 1 to {LONGEST_NAME} of a to z, 0 to 9 and _"));
        }
        self.text(&format!("{field}.say"), &node.say, Empty::Yes);
        match &node.then {
            Then::Ask(ask) => self.ask(&format!("{field}.then.ask"), ask),
            Then::Dial(dial) => self.dial(&format!("{field}.then.dial"), dial),
            Then::Record(record) => self.record(&format!("{field}.then.record"), record),
            Then::Redirect(redirect) => self.redirect(&format!("{field}.then.redirect.url"), redirect, ours),
            Then::Go(_) | Then::Hangup => {}
        }
    }

    fn ask(&mut self, field: &str, ask: &Ask) {
        if !(1..=30).contains(&ask.wait_seconds) {
            self.add(format!("{field}.wait_seconds"), "It must be between 1 and 30");
        }
        if ask.choices.is_empty() || ask.choices.len() > MOST_CHOICES {
            self.add(format!("{field}.choices"), format!("There must be 1 to {MOST_CHOICES}"));
        }
        let keys = ask.keys();
        let (mut digits, mut phrases) = (BTreeSet::new(), BTreeSet::new());
        for (at, choice) in ask.choices.iter().enumerate().take(MOST_CHOICES) {
            let field = format!("{field}.choices[{at}]");
            if choice.digits.is_none() && choice.words.is_empty() {
                self.add(field.as_str(), "It needs digits or words to be chosen by");
            }
            if let Some(pressed) = &choice.digits {
                let are_keys = |text: &str| text.bytes().all(|key| key.is_ascii_digit() || key == b'*' || key == b'#');
                let field = format!("{field}.digits");
                if !(1..=LONGEST_DIGITS).contains(&pressed.len()) || !are_keys(pressed) {
                    self.add(field, format!("They must be 1 to {LONGEST_DIGITS} of 0 to 9, * and #"));
                } else if keys != Some(pressed.len()) {
                    self.add(field, "Every choice of a question must have the same number of digits");
                } else if !digits.insert(pressed) {
                    self.add(field, "Another choice has the same digits");
                }
            }
            if choice.words.len() > MOST_WORDS {
                self.add(format!("{field}.words"), format!("There must be at most {MOST_WORDS}"));
            }
            for (nth, phrase) in choice.words.iter().enumerate().take(MOST_WORDS) {
                let (field, heard) = (format!("{field}.words[{nth}]"), words(phrase));
                // Commas part the hints that the phrases are told to the provider as.
                let is_plain = |c: char| !c.is_control() && c != ',';
                if heard.is_empty() || phrase.chars().count() > LONGEST_WORDS || !phrase.chars().all(is_plain) {
                    self.add(field, format!("It must be words, without commas, of at most {LONGEST_WORDS} characters"));
                } else if !phrases.insert(heard) {
                    self.add(field, "It stands there already");
                }
            }
        }
    }

    fn dial(&mut self, field: &str, dial: &Dial) {
        let is_number = dial.number.starts_with('+')
            && PhoneNumber::parse(&dial.number, "US").is_ok_and(|number| number.as_str() == dial.number);
        if !is_number {
            self.add(format!("{field}.number"), "It must be a phone number in E.164, such as +14155552671");
        }
        if !(5..=120).contains(&dial.ring_seconds) {
            self.add(format!("{field}.ring_seconds"), "It must be between 5 and 120");
        }
    }

    fn record(&mut self, field: &str, record: &Record) {
        self.text(&format!("{field}.notice"), &record.notice, Empty::No);
        if !(1..=600).contains(&record.max_seconds) {
            self.add(format!("{field}.max_seconds"), "It must be between 1 and 600");
        }
    }

    fn redirect(&mut self, field: &str, redirect: &Redirect, ours: &str) {
        match fetchable(&redirect.url) {
            Some(_) if redirect.url.len() > LONGEST_URL => {
                self.add(field, format!("It must be at most {LONGEST_URL} characters"));
            }
            Some(url) if !url.username().is_empty() || url.password().is_some() => {
                self.add(field, "It must not hold a user name or password");
            }
            Some(theirs) if fetchable(ours).is_some_and(|ours| is_same_server(&theirs, &ours)) => {
                self.add(field, "It must not lead back to us: use go instead");
            }
            Some(_) => {}
            None => self.add(field, "It must be an http or https address"),
        }
    }
}

/// An address that can be fetched. Two readers must agree that it is one: the second mends what the first would refuse, so
/// that it alone would not tell what somebody else's reader makes of it.
fn fetchable(url: &str) -> Option<Url> {
    let read = url.parse::<http::Uri>().ok()?;
    let is_whole = matches!(read.scheme_str(), Some("https" | "http")) && read.authority().is_some();
    Url::parse(url).ok().filter(|url| is_whole && matches!(url.scheme(), "https" | "http") && url.has_host())
}

/// Whether two addresses are of one server, however they are spelled: hosts know no case (RFC 3986 §3.2.2), one with a dot at
/// its end is the same name (RFC 1034 §3.1), and a port may be written or left to the scheme. Both schemes' own ports are the
/// same server's: the one leads to the other.
fn is_same_server(one: &Url, other: &Url) -> bool {
    let host = |url: &Url| url.host_str().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    let port = |url: &Url| url.port_or_known_default().filter(|port| !matches!(port, 80 | 443));
    host(one) == host(other) && port(one) == port(other)
}

/// As much of a name as an answer needs to show.
fn shortened(name: &str) -> String {
    name.chars().take(LONGEST_NAME + 1).collect()
}
