//! A turn of a voice menu as TwiML.
//!
//! What waits for the caller is followed by a `Redirect`, because Twilio goes on to the next verb when a `Gather` got no
//! input and when a `Record` got only silence, and asks nobody (its pages "TwiML: Gather" and "TwiML: Record").

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::is_xml;
use crate::voice::{Ask, Menu, Next, Place, Turn};

/// Where the requests of a call come.
const GATHER: &str = "/twilio/gather-response";
const RECORDING: &str = "/twilio/recording-complete";

/// An element's attributes.
type Attributes<'a> = &'a [(&'a str, &'a str)];

/// A document without verbs: Twilio's request was a report, or there is nothing to add.
pub fn nothing() -> String {
    Document::new().finish()
}

/// A document that asks for any key, twice, and goes on at `url` when one was pressed; else the call ends.
pub fn ask_for_a_key(prompt: &str, language: Option<&str>, url: &str) -> String {
    let mut document = Document::new();
    let language = language.map(|language| ("language", language));
    let attributes = [("input", "dtmf"), ("numDigits", "1"), ("finishOnKey", ""), ("timeout", "8")];
    document.open("Gather", &[&attributes[..], &[("action", url), ("method", "POST")]].concat());
    for _ in 0..2 {
        document.text("Say", language.as_slice(), prompt);
        document.empty("Pause", &[("length", "2")]);
    }
    document.close("Gather");
    document.empty("Hangup", &[]);
    document.finish()
}

/// The document of a turn. `base`: our address as Twilio knows it, without a trailing slash.
pub fn turn(menu: &Menu, turn: &Turn<'_>, base: &str) -> String {
    let language = menu.language.as_str();
    let mut document = Document::new();
    let address = |path: &str, place: &Place| format!("{base}{path}?{place}");
    if let Next::Ask(ask, place) = &turn.next {
        let back = address(GATHER, place);
        document.gather(ask, &back, language, &turn.says);
        document.text("Redirect", &[("method", "POST")], &back);
        return document.finish();
    }
    for text in &turn.says {
        document.text("Say", &[("language", language)], text);
    }
    match &turn.next {
        Next::Ask(..) => {}
        Next::Dial(dial, place) => {
            let (back, ring) = (address(GATHER, place), dial.ring_seconds.to_string());
            document.open("Dial", &[("action", &back), ("method", "POST"), ("timeout", &ring)]);
            document.text("Number", &[], &dial.number);
            document.close("Dial");
            document.text("Redirect", &[("method", "POST")], &back);
        }
        Next::Record(record, place) => {
            document.text("Say", &[("language", language)], &record.notice);
            let longest = record.max_seconds.to_string();
            let report = match place.origin.pair() {
                Some((name, value)) => format!("{base}{RECORDING}?{name}={value}"),
                None => format!("{base}{RECORDING}"),
            };
            document.empty(
                "Record",
                &[
                    ("action", &address(RECORDING, place)),
                    ("method", "POST"),
                    ("maxLength", &longest),
                    ("timeout", "5"),
                    ("finishOnKey", "#"),
                    ("playBeep", "true"),
                    ("recordingStatusCallback", &report),
                    ("recordingStatusCallbackMethod", "POST"),
                    ("recordingStatusCallbackEvent", "completed absent"),
                ],
            );
            document.text("Redirect", &[("method", "POST")], &address(GATHER, place));
        }
        Next::Redirect(url) => document.text("Redirect", &[("method", "POST")], url),
        Next::Hangup => document.empty("Hangup", &[]),
    }
    document.finish()
}

/// A document that is being written. Writing to memory does not fail.
struct Document(Writer<Vec<u8>>);

impl Document {
    fn new() -> Self {
        let mut document = Self(Writer::new(Vec::new()));
        document.write(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
        document.open("Response", &[]);
        document
    }

    fn gather(&mut self, ask: &Ask, back: &str, language: &str, says: &[&str]) {
        let (keys, wait) = (ask.keys().map(|keys| keys.to_string()), ask.wait_seconds.to_string());
        // At most 120 phrases of 40 characters; Twilio takes 500 of 100.
        let hints = Some(ask.phrases().collect::<Vec<_>>().join(", ")).filter(|hints| !hints.is_empty());
        let input = match (&keys, &hints) {
            (Some(_), Some(_)) => "dtmf speech",
            (None, Some(_)) => "speech",
            (_, None) => "dtmf",
        };
        let mut attributes = vec![("input", input), ("action", back), ("method", "POST"), ("timeout", wait.as_str())];
        if let Some(keys) = &keys {
            // Any key may be a choice, the hash key too, so none ends the input before it is complete.
            attributes.extend([("numDigits", keys.as_str()), ("finishOnKey", "")]);
        }
        if let Some(hints) = &hints {
            attributes.extend([("speechTimeout", "auto"), ("language", language), ("hints", hints)]);
        }
        self.open("Gather", &attributes);
        for text in says {
            self.text("Say", &[("language", language)], text);
        }
        self.close("Gather");
    }

    fn text(&mut self, name: &str, attributes: Attributes<'_>, text: &str) {
        let text: String = text.chars().filter(|c| is_xml(*c)).collect();
        self.open(name, attributes);
        self.write(Event::Text(BytesText::new(&text)));
        self.close(name);
    }

    fn empty(&mut self, name: &str, attributes: Attributes<'_>) {
        self.write(Event::Empty(start(name, attributes)));
    }

    fn open(&mut self, name: &str, attributes: Attributes<'_>) {
        self.write(Event::Start(start(name, attributes)));
    }

    fn close(&mut self, name: &str) {
        self.write(Event::End(BytesEnd::new(name)));
    }

    fn write(&mut self, event: Event<'_>) {
        let _ = self.0.write_event(event);
    }

    fn finish(mut self) -> String {
        self.close("Response");
        String::from_utf8(self.0.into_inner()).unwrap_or_default()
    }
}

fn start<'a>(name: &'a str, attributes: Attributes<'a>) -> BytesStart<'a> {
    BytesStart::new(name).with_attributes(attributes.iter().copied())
}
