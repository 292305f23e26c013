//! What is wrong with a menu is found and named.

use super::super::menu::{Dial, Go, LONGEST_TEXT, Record, Redirect};
use super::super::{Ask, Menu, Node, Then};
use super::{OURS, shipped_menu};

/// The fields of what is wrong after a change of the shipped menu.
fn faulty(change: impl FnOnce(&mut Menu)) -> Vec<String> {
    let mut menu = shipped_menu();
    change(&mut menu);
    menu.faults(OURS).into_iter().map(|fault| fault.field).collect()
}

fn then(menu: &mut Menu, node: &str, then: Then) {
    menu.nodes.get_mut(node).expect("a node").then = then;
}

fn question(menu: &mut Menu) -> &mut Ask {
    match &mut menu.nodes.get_mut("main").expect("main").then {
        Then::Ask(ask) => ask,
        Then::Go(_) | Then::Dial(_) | Then::Record(_) | Then::Redirect(_) | Then::Hangup => panic!("main asks"),
    }
}

#[test]
fn what_does_not_lead_anywhere_is_named() {
    assert_eq!(faulty(|menu| menu.start = "nowhere".to_owned()), ["start"]);
    assert_eq!(faulty(|menu| menu.machine = Some("nobody".to_owned())), ["machine"]);
    assert_eq!(faulty(|menu| question(menu).choices[1].to = "gone".to_owned()), ["nodes.main.then.ask.choices[1].to"]);
    let lonely = Node { say: String::new(), then: Then::Hangup };
    assert_eq!(faulty(|menu| drop(menu.nodes.insert("lonely".to_owned(), lonely))), ["nodes.lonely"]);
}

#[test]
fn a_way_back_without_a_question_is_refused_wherever_it_goes() {
    let go = |to: &str| Then::Go(Go { to: to.to_owned() });
    assert_eq!(faulty(|menu| then(menu, "thanks", go("agent"))), ["nodes.agent", "nodes.thanks"]);
    let fields = faulty(|menu| then(menu, "welcome", go("welcome")));
    assert!(fields.contains(&"nodes.welcome".to_owned()), "{fields:?}");
    assert_eq!(faulty(|menu| then(menu, "machine", go("main"))), ["machine"]);
    assert_eq!(faulty(|menu| then(menu, "thanks", go("main"))), Vec::<String>::new(), "main asks");
}

#[test]
fn too_deep_and_too_much_in_one_breath_is_refused() {
    let chain = |menu: &mut Menu, count: usize, link: &dyn Fn(String) -> Then| {
        for at in 0..count {
            let next = if at + 1 == count { Then::Hangup } else { link(format!("x{}", at + 1)) };
            menu.nodes.insert(format!("x{at}"), Node { say: "x".to_owned(), then: next });
        }
        question(menu).choices[2].to = "x0".to_owned();
    };
    assert_eq!(faulty(|menu| chain(menu, 5, &|to| Then::Go(Go { to }))), Vec::<String>::new());
    assert_eq!(faulty(|menu| chain(menu, 6, &|to| Then::Go(Go { to }))), ["nodes.x0"]);
    let record = |then: String| Then::Record(Record { notice: "n".to_owned(), max_seconds: 9, then });
    assert_eq!(faulty(|menu| chain(menu, 8, &record)), Vec::<String>::new());
    assert_eq!(faulty(|menu| chain(menu, 9, &record)), ["nodes.x8"]);
}

#[test]
fn every_text_number_and_choice_is_checked() {
    assert_eq!(faulty(|menu| menu.goodbye = " ".to_owned()), ["goodbye"]);
    assert_eq!(faulty(|menu| menu.tries = 0), ["tries"]);
    assert_eq!(faulty(|menu| menu.tries = 6), ["tries"]);
    let long = "x".repeat(LONGEST_TEXT + 1);
    assert_eq!(faulty(|menu| menu.nodes.get_mut("main").unwrap().say = long), ["nodes.main.say"]);
    assert_eq!(faulty(|menu| menu.nodes.get_mut("main").unwrap().say = "\u{7}".to_owned()), ["nodes.main.say"]);
    assert_eq!(faulty(|menu| question(menu).wait_seconds = 0), ["nodes.main.then.ask.wait_seconds"]);
    for (digits, wrong) in [("", true), ("12", true), ("a", true), ("2", true), ("1234567", true), ("#", false)] {
        let fields = faulty(|menu| question(menu).choices[0].digits = Some(digits.to_owned()));
        assert_eq!(!fields.is_empty(), wrong, "{digits}: {fields:?}");
    }
    for (phrase, wrong) in [("", true), ("?!", true), ("a, b", true), ("AGENT", true), ("naïve question", false)] {
        let fields = faulty(|menu| question(menu).choices[0].words = vec![phrase.to_owned()]);
        assert_eq!(fields.is_empty(), !wrong, "{phrase}: {fields:?}");
    }
    let unchosen = faulty(|menu| (question(menu).choices[0].digits, question(menu).choices[0].words) = (None, vec![]));
    assert_eq!(unchosen, ["nodes.main.then.ask.choices[0]"]);
    for (number, wrong) in [("+14155552671", false), ("4155552671", true), ("+1415555", true), ("agent", true)] {
        let dial = Dial { number: number.to_owned(), ring_seconds: 30, otherwise: "thanks".to_owned() };
        let fields = faulty(|menu| then(menu, "agent", Then::Dial(dial)));
        assert_eq!(fields == ["nodes.agent.then.dial.number"], wrong, "{number}: {fields:?}");
    }
    let record =
        |notice: &str, max_seconds| Record { notice: notice.to_owned(), max_seconds, then: "thanks".to_owned() };
    let fields = faulty(|menu| then(menu, "agent", Then::Record(record(" ", 601))));
    assert_eq!(fields, ["nodes.agent.then.record.notice", "nodes.agent.then.record.max_seconds"]);
}

#[test]
fn nobody_is_redirected_to_ourselves() {
    let redirect = |url: &str| faulty(|menu| then(menu, "thanks", Then::Redirect(Redirect { url: url.to_owned() })));
    assert_eq!(redirect("https://example.com/twiml?a=1&b=2"), Vec::<String>::new());
    for url in ["https://switchboard.example/twiml", "https://api.switchboard.example:8443/twiml"] {
        assert_eq!(redirect(url), Vec::<String>::new(), "{url} is somebody else's");
    }
    for url in [
        "",
        "example.com",
        "ftp://example.com/",
        "/x",
        "https://API.switchboard.example/twilio/voice-response",
        "https://api.switchboard.example:443/twilio/voice-response",
        "http://api.switchboard.example/twilio/voice-response",
        "https://api.switchboard.example./twilio/voice-response",
        "https://api.switchboard.example.:443/twilio/voice-response",
        "https://api.switchboard%2Eexample/twilio/voice-response",
        "https://x@api.switchboard.example/twilio/voice-response",
        "https://x:y@example.com/twiml",
        "https://@api.switchboard.example/twilio/voice-response",
    ] {
        assert_eq!(redirect(url), ["nodes.thanks.then.redirect.url"], "{url}");
    }
}

#[test]
fn a_menu_is_read_as_it_is_written_and_what_it_does_not_know_is_refused() {
    let menu = shipped_menu();
    let json = serde_json::to_value(&menu).unwrap();
    assert_eq!(serde_json::from_value::<Menu>(json.clone()).unwrap(), menu);
    let mut strange = json;
    strange["nodes"]["main"]["then"] = serde_json::json!({"ask": {"choices": [], "retries": 3}});
    assert!(serde_json::from_value::<Menu>(strange).is_err());
}
