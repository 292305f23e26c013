//! Whatever a menu says and wherever it leads, every answer is well-formed TwiML, and every call ends.

mod faults;
mod reads;

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use reads::{read, says};

use super::menu::{Dial, Go, Record, Redirect};
use super::place::MOST_STEPS;
use super::{Ask, Choice, Heard, Menu, Next, Node, Origin, Party, Place, Then, Turn, shipped};
use crate::message::{Locale, MessageId};
use crate::provider::twilio::twiml::turn::turn;

const OURS: &str = "https://api.switchboard.example/base";

fn text() -> impl Strategy<Value = String> {
    let spoken = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    prop_oneof![
        vec(any::<char>().prop_filter("spoken", spoken), 0..60).prop_map(|chars| chars.into_iter().collect()),
        Just("Tom & \"Ann\" <3 </Say></Response> ]]> &amp; it's".to_owned()),
    ]
}

fn said() -> impl Strategy<Value = String> {
    text().prop_map(|text| format!("Hello {text}"))
}

/// A question of `choices` keys; where they lead is decided later.
fn ask() -> impl Strategy<Value = Ask> {
    let kind = prop_oneof![Just((true, true)), Just((true, false)), Just((false, true))];
    (1_usize..12, 1_u8..=30, kind).prop_map(|(count, wait_seconds, (keys, words))| {
        let choice = |at: usize| Choice {
            digits: keys.then(|| ["1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "*", "#"][at].to_owned()),
            words: if words { vec![format!("word{at}"), format!("say \"{at}\" & <more>")] } else { Vec::new() },
            to: String::new(),
        };
        Ask { choices: (0..count).map(choice).collect(), wait_seconds }
    })
}

#[derive(Clone, Debug)]
enum Kind {
    Ask(Ask),
    Go,
    Dial(u8),
    Record(String, u16),
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        3 => ask().prop_map(Kind::Ask),
        1 => Just(Kind::Go),
        1 => (5_u8..=120).prop_map(Kind::Dial),
        1 => (said(), 1_u16..=600).prop_map(|(notice, longest)| Kind::Record(notice, longest)),
    ]
}

/// Valid menus: a road from the first node to the last, on which questions may lead anywhere and all else only on.
fn menus() -> impl Strategy<Value = Menu> {
    let nodes = vec((text(), kind(), vec(any::<Index>(), 12)), 1..8);
    let last = prop_oneof![
        Just(Then::Hangup),
        Just(Then::Redirect(Redirect { url: "https://a.example/x?y=1&z=2".to_owned() }))
    ];
    let words = (said(), said(), said(), said());
    (nodes, last, words, 1_u8..=5, any::<bool>()).prop_filter_map("valid", |(nodes, last, words, tries, machine)| {
        let (no_input, wrong_input, goodbye, farewell) = words;
        let name = |at: usize| format!("n{at}");
        let count = nodes.len();
        let mut all = BTreeMap::new();
        for (at, (say, kind, anywhere)) in nodes.into_iter().enumerate() {
            let then = match kind {
                Kind::Ask(mut ask) => {
                    for (choice, index) in ask.choices.iter_mut().zip(&anywhere) {
                        choice.to = name(index.index(count + 1));
                    }
                    ask.choices[0].to = name(at + 1);
                    Then::Ask(ask)
                }
                Kind::Go => Then::Go(Go { to: name(at + 1) }),
                Kind::Dial(ring_seconds) => {
                    Then::Dial(Dial { number: "+14155552671".to_owned(), ring_seconds, otherwise: name(at + 1) })
                }
                Kind::Record(notice, max_seconds) => Then::Record(Record { notice, max_seconds, then: name(at + 1) }),
            };
            all.insert(name(at), Node { say, then });
        }
        all.insert(name(count), Node { say: farewell.clone(), then: last });
        if machine {
            all.insert("machine".to_owned(), Node { say: farewell, then: Then::Hangup });
        }
        let menu = Menu {
            language: Locale::english(),
            start: name(0),
            machine: machine.then(|| "machine".to_owned()),
            tries,
            no_input,
            wrong_input,
            goodbye,
            nodes: all,
        };
        menu.faults(OURS).is_empty().then_some(menu)
    })
}

/// What a caller does at a turn.
#[derive(Clone, Debug)]
enum Deed {
    Nothing,
    /// The key of one of the choices.
    Press(Index),
    /// A phrase of one of them.
    Say(Index),
    Keys(String),
    Words(String),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        1 => Just(Deed::Nothing),
        4 => any::<Index>().prop_map(Deed::Press),
        4 => any::<Index>().prop_map(Deed::Say),
        1 => "[0-9*#]{1,4}".prop_map(Deed::Keys),
        1 => any::<String>().prop_map(Deed::Words),
    ];
    vec(deed, 1..30)
}

/// Walks a call to its end as Twilio would, by nothing but what the answers say; how many answers it had.
fn walk(menu: &Menu, party: Party, deeds: &[Deed]) -> usize {
    let origin = Origin::Message(MessageId::new());
    let mut now = menu.begin(party, &Place::outset(origin));
    let mut deeds = deeds.iter().cycle();
    for answers in 1..1000 {
        let asked = read(&turn(menu, &now, OURS));
        let Some(redirect) = asked.redirect.filter(|url| url.starts_with(OURS)) else { return answers };
        let deed = deeds.next().unwrap();
        let mut keys = String::new();
        let heard = match (&now.next, deed) {
            (Next::Ask(ask, _), Deed::Press(at)) => {
                ask.choices[at.index(ask.choices.len())].digits.as_deref().map_or(Heard::Nothing, Heard::Digits)
            }
            (Next::Ask(ask, _), Deed::Say(at)) => ask.choices[at.index(ask.choices.len())]
                .words
                .first()
                .map_or(Heard::Nothing, |words| Heard::Speech(words)),
            (_, Deed::Keys(pressed)) => {
                keys.push_str(pressed);
                Heard::Digits(&keys)
            }
            (_, Deed::Words(words)) => Heard::Speech(words),
            (_, Deed::Nothing | Deed::Press(_) | Deed::Say(_)) => Heard::Nothing,
        };
        let url =
            if heard == Heard::Nothing { redirect } else { asked.action.expect("who waits says where to answer") };
        let place = Place::read(url.split_once('?').unwrap().1);
        assert_eq!((usize::from(place.step), place.origin), (answers, origin), "{url}");
        now = menu.go_on(&place, heard);
    }
    panic!("a call that does not end: {menu:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_answer_is_well_formed_and_every_call_ends(menu in menus(), deeds in deeds(), machine in any::<bool>()) {
        let party = if machine { Party::Machine } else { Party::Person };
        prop_assert!(walk(&menu, party, &deeds) <= usize::from(MOST_STEPS) + 1);
    }

    #[test]
    fn who_never_answers_is_asked_as_often_as_the_menu_says(menu in menus()) {
        // At every node of the road: once, and then again until the tries are over.
        let most = (menu.nodes.len() + 1) * usize::from(menu.tries) + 1;
        prop_assert!(walk(&menu, Party::Person, &[Deed::Nothing]) <= most.min(usize::from(MOST_STEPS) + 1));
    }

    #[test]
    fn a_text_is_said_as_it_stands(text in text()) {
        let mut menu = shipped::menu().unwrap().clone();
        menu.nodes.get_mut("machine").unwrap().say.clone_from(&text);
        let document = turn(&menu, &menu.begin(Party::Machine, &Place::outset(Origin::Ours)), OURS);
        let heard: String = text.chars().filter(|c| !matches!(c, '\u{FFFE}' | '\u{FFFF}')).collect();
        let expected = if heard.trim().is_empty() { Vec::new() } else { vec![heard] };
        // A reader joins the ends of lines (XML 1.0 §2.11), and says nothing of an element without text.
        let said: Vec<String> = says(&document).into_iter().filter(|said| !said.trim().is_empty()).collect();
        prop_assert_eq!(said, expected);
    }

    #[test]
    fn whatever_a_query_says_is_a_place(query in any::<String>(), digits in any::<String>()) {
        let menu = shipped::menu().unwrap();
        read(&turn(menu, &menu.go_on(&Place::read(&query), Heard::Digits(&digits)), OURS));
    }
}

fn shipped_menu() -> Menu {
    shipped::menu().expect("the shipped menu is readable").clone()
}

fn at(node: &str, misses: u8) -> Place {
    Place { node: node.to_owned(), misses, step: 1, origin: Origin::Ours }
}

/// The node a turn waits at; none: it hangs up.
fn waits(turn: &Turn<'_>) -> Option<String> {
    match &turn.next {
        Next::Ask(_, place) | Next::Dial(_, place) | Next::Record(_, place) => Some(place.node.clone()),
        Next::Redirect(_) | Next::Hangup => None,
    }
}

#[test]
fn the_shipped_menu_tells_the_account_records_for_an_agent_and_repeats() {
    let menu = shipped_menu();
    assert_eq!(menu.faults(OURS), []);
    let begin = menu.begin(Party::Person, &Place::outset(Origin::Ours));
    assert_eq!((waits(&begin).as_deref(), begin.says.len()), (Some("main"), 2));
    let go = |heard| menu.go_on(&at("main", 0), heard);
    assert_eq!(waits(&go(Heard::Digits("1"))).as_deref(), Some("more"));
    assert_eq!(waits(&go(Heard::Speech("I would like to speak to an agent."))).as_deref(), Some("agent"));
    let repeated = go(Heard::Digits("9"));
    assert_eq!((waits(&repeated).as_deref(), repeated.says.len()), (Some("main"), 1));
    assert_eq!(menu.go_on(&at("agent", 0), Heard::Nothing).next, Next::Hangup);
}

#[test]
fn a_question_is_asked_so_often_and_not_more() {
    let menu = shipped_menu();
    let again = menu.go_on(&at("main", 1), Heard::Digits("7"));
    assert_eq!(again.says[0], menu.wrong_input);
    assert!(matches!(&again.next, Next::Ask(_, place) if place.misses == 2), "{again:?}");
    let silent = menu.go_on(&at("main", 0), Heard::Nothing);
    assert_eq!(silent.says[0], menu.no_input);
    for heard in [Heard::Nothing, Heard::Digits("7"), Heard::Speech("bananas")] {
        let over = menu.go_on(&at("main", 2), heard);
        assert_eq!((over.says, over.next), (vec![menu.goodbye.as_str()], Next::Hangup));
    }
    // Who answers after all has all tries again.
    let answered = menu.go_on(&at("main", 2), Heard::Digits("1"));
    assert!(matches!(&answered.next, Next::Ask(_, place) if place.misses == 0), "{answered:?}");
}

#[test]
fn machines_hear_their_own_words_and_a_fax_nothing() {
    let mut menu = shipped_menu();
    let outset = Place::outset(Origin::Ours);
    let party = |word| Party::answered_by(Some(word));
    for word in ["machine_start", "machine_end_beep", "machine_end_silence", "machine_end_other"] {
        assert_eq!(menu.begin(party(word), &outset).next, Next::Hangup, "{word}");
        assert_eq!(menu.begin(party(word), &outset).says, ["Hello. We tried to reach you by telephone. Goodbye."]);
    }
    for word in ["human", "unknown"] {
        assert_eq!(waits(&menu.begin(party(word), &outset)).as_deref(), Some("main"), "{word}");
    }
    assert_eq!(menu.begin(party("fax"), &outset), Turn { says: Vec::new(), next: Next::Hangup });
    menu.machine = None;
    assert_eq!(menu.begin(Party::Machine, &outset), Turn { says: Vec::new(), next: Next::Hangup });
}

#[test]
fn who_was_put_through_is_done_and_who_was_not_goes_on() {
    let mut menu = shipped_menu();
    let dial = Dial { number: "+14155552671".to_owned(), ring_seconds: 20, otherwise: "voicemail".to_owned() };
    let agent = menu.nodes.remove("agent").unwrap();
    menu.nodes.insert("voicemail".to_owned(), agent);
    menu.nodes.insert("agent".to_owned(), Node { say: "One moment.".to_owned(), then: Then::Dial(dial) });
    assert_eq!(menu.faults(OURS), []);
    let dialled = menu.go_on(&at("main", 0), Heard::Digits("2"));
    let document = turn(&menu, &dialled, OURS);
    assert!(document.contains("<Number>+14155552671</Number></Dial><Redirect"), "{document}");
    assert_eq!(menu.go_on(&at("agent", 0), Heard::Connected).next, Next::Hangup);
    assert_eq!(waits(&menu.go_on(&at("agent", 0), Heard::Nothing)).as_deref(), Some("voicemail"));
}

#[test]
fn a_notice_comes_before_every_recording() {
    let menu = shipped_menu();
    let document = turn(&menu, &menu.go_on(&at("main", 0), Heard::Digits("2")), OURS);
    let notice = document.find("Your message is recorded").expect("the notice");
    assert!(notice < document.find("<Record ").expect("the recording"), "{document}");
    assert!(
        document.contains("https://api.switchboard.example/base/twilio/recording-complete?node=agent&amp;misses=0")
    );
}

#[test]
fn a_node_that_is_gone_is_the_beginning() {
    let menu = shipped_menu();
    assert_eq!(waits(&menu.go_on(&at("removed", 0), Heard::Digits("1"))).as_deref(), Some("main"));
}
