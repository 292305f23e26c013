//! What calls ask, and the menus that answer them.

use jiff::Timestamp;
use switchboard::provider::twilio::callback::{recording, voice::Request};
use switchboard::provider::twilio::inbound::call;
use switchboard::provider::twilio::twiml::turn::turn;
use switchboard::voice::place::MOST_STEPS;
use switchboard::voice::{Heard, Menu, Next, Origin, Party, Place, Turn, shipped};

use super::chance::{Chance, encoded};

const OURS: &str = "https://sw.example";
const MENU: &str = include_str!("../../../shared/src/voice/menu.json");
const BODIES: [&str; 5] = [
    "CallSid=CA0123456789abcdef0123456789abcdef&Direction=inbound&From=%2B14155552671&To=%2B15005550006&CallStatus=ringing",
    "CallSid=CA1&Direction=outbound-api&AnsweredBy=machine_start&CallStatus=in-progress",
    "CallSid=CA1&Digits=12%23&SpeechResult=An+agent%2C+please&Confidence=0.9",
    "CallSid=CA1&DialCallStatus=no-answer&DialCallDuration=7",
    "CallSid=CA1&RecordingSid=RE0123456789abcdef0123456789abcdef&RecordingUrl=https%3A%2F%2Fapi.twilio.com%2FRE1&RecordingDuration=12&RecordingStatus=completed&RecordingChannels=1",
];
const QUERIES: [&str; 3] = [
    "node=main&misses=1&step=3&direction=inbound",
    "message=0192f5e4-7c3a-7c5e-8f53-0a6f6f0c2d11&node=agent&step=39",
    "node=&misses=-1&step=256",
];
const NAMES: [&str; 9] = [
    "CallSid",
    "Direction",
    "From",
    "AnsweredBy",
    "Digits",
    "SpeechResult",
    "DialCallStatus",
    "RecordingSid",
    "RecordingDuration",
];

pub(super) fn requests(chance: &mut Chance) {
    let body = if chance.once_in(2) { chance.near(&BODIES) } else { encoded(&chance.form(&NAMES)).into_bytes() };
    let query = chance.word(&QUERIES).to_owned();
    let query = chance.spoiled_text(&query);
    let now = Timestamp::UNIX_EPOCH;
    let _ = call::parse(&body);
    let reports = recording::parse(&query, &body, now);
    assert_eq!(reports.is_ok(), recording::parse(&query, &body, now).is_ok());
    let Ok(request) = Request::read(&query, &body) else { return };
    let Some(menu) = shipped::menu() else { panic!("the shipped menu is one") };
    let next = menu.go_on(&request.place, request.heard());
    assert_eq!(next, menu.go_on(&request.place, request.heard()), "asked again, the same is said");
    assert!(step_of(&next).is_none_or(|step| step > request.place.step), "it goes on: {query:?}");
    let spoken = turn(menu, &next, OURS);
    assert!(spoken.starts_with("<?xml") && spoken.ends_with("</Response>"), "{spoken}");
}

/// A menu near the shipped one that has no faults ends every call, whatever its caller does.
pub(super) fn menus(chance: &mut Chance) {
    let text = chance.spoiled_text(MENU);
    let Ok(menu) = serde_json::from_str::<Menu>(&text) else { return };
    if !menu.faults(OURS).is_empty() {
        return;
    }
    let mut next = menu.begin(Party::Person, &Place::outset(Origin::Ours));
    for _ in 0..=MOST_STEPS {
        let spoken = turn(&menu, &next, OURS);
        assert!(spoken.ends_with("</Response>"), "{spoken}");
        let place = match &next.next {
            Next::Ask(_, place) | Next::Dial(_, place) | Next::Record(_, place) => place.clone(),
            Next::Redirect(_) | Next::Hangup => return,
        };
        let keys = ["1", "2", "9", "*", "77"];
        let heard = match chance.below(5) {
            0 => Heard::Nothing,
            1 => Heard::Speech("an agent"),
            2 => Heard::Connected,
            _ => Heard::Digits(chance.word(&keys)),
        };
        next = menu.go_on(&place, heard);
    }
    panic!("a call that does not end: {text}");
}

fn step_of(turn: &Turn<'_>) -> Option<u8> {
    match &turn.next {
        Next::Ask(_, place) | Next::Dial(_, place) | Next::Record(_, place) => Some(place.step),
        Next::Redirect(_) | Next::Hangup => None,
    }
}
