//! TwiML: a document to its verbs.

use std::collections::HashMap;

use quick_xml::{Reader, XmlVersion, escape::resolve_predefined_entity, events::BytesStart, events::Event};

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verb {
    /// Words, spoken so many times.
    Say {
        text: String,
        times: u32,
    },
    /// The URL of a sound.
    Play(String),
    /// Silence, in seconds.
    Pause(u32),
    /// Another document, relative to this one's URL.
    Redirect(String),
    Hangup,
    /// Waits for keys, words, or both; falls through without.
    Gather(Gather),
    /// Records what is said; falls through if that is nothing.
    Record {
        action: Option<String>,
        callback: Option<String>,
    },
    /// Calls somebody else.
    Dial {
        number: String,
        action: Option<String>,
    },
    /// A verb that is not acted out: its name.
    Other(String),
}

/// What a `Gather` waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gather {
    pub(super) keys: bool,
    pub(super) words: bool,
    /// So many keys end it.
    pub(super) digits: Option<usize>,
    /// In seconds.
    pub(super) timeout: u32,
    pub(super) action: Option<String>,
}

/// Verbs that nest in a `Gather`, which falls through without input.
const GATHERED: &[&str] = &["Say", "Play", "Pause"];

/// Verbs of the schema that are not acted out.
const OTHERS: &[&str] = &[
    "Connect",
    "Echo",
    "Enqueue",
    "Leave",
    "Pay",
    "Prompt",
    "Refer",
    "Sms",
    "Start",
    "Stop",
    "Conversation",
    "Message",
];

/// The attributes of the verbs that have many, as Twilio's pages list them.
const ATTRIBUTES: &[(&str, &[&str])] = &[
    ("Say", &["voice", "language", "loop"]),
    (
        "Gather",
        &[
            "input",
            "action",
            "method",
            "timeout",
            "speechTimeout",
            "maxSpeechTime",
            "finishOnKey",
            "numDigits",
            "partialResultCallback",
            "partialResultCallbackMethod",
            "language",
            "hints",
            "bargeIn",
            "debug",
            "actionOnEmptyResult",
            "speechModel",
            "enhanced",
            "profanityFilter",
        ],
    ),
    (
        "Record",
        &[
            "action",
            "method",
            "timeout",
            "finishOnKey",
            "maxLength",
            "playBeep",
            "trim",
            "recordingStatusCallback",
            "recordingStatusCallbackMethod",
            "recordingStatusCallbackEvent",
            "transcribe",
            "transcribeCallback",
        ],
    ),
    (
        "Dial",
        &[
            "action",
            "method",
            "timeout",
            "hangupOnStar",
            "timeLimit",
            "callerId",
            "record",
            "answerOnBridge",
            "ringTone",
            "sequential",
        ],
    ),
    ("Redirect", &["method"]),
    ("Hangup", &[]),
];

/// Reads a document; the error is Twilio's code: 12100 where it is no XML, 12200 where it is not TwiML.
pub(super) fn parse(document: &str) -> Result<Vec<Verb>, u32> {
    let broken = |_| 12100_u32;
    let mut reader = Reader::from_str(document);
    let mut path: Vec<Element> = Vec::new();
    let mut verbs = Vec::new();
    let mut rooted = false;
    loop {
        match reader.read_event().map_err(broken)? {
            Event::Start(start) => {
                rooted |= path.is_empty();
                path.push(Element::new(&start, &path)?);
            }
            Event::Empty(start) => {
                rooted |= path.is_empty();
                let element = Element::new(&start, &path)?;
                verbs.extend(element.verb(&path)?);
            }
            Event::End(_) => {
                let element = path.pop().ok_or(12100_u32)?;
                if element.name == "Number"
                    && let Some(dial) = path.last_mut().filter(|parent| parent.name == "Dial")
                {
                    dial.text.push_str(element.text.trim());
                }
                verbs.extend(element.verb(&path)?);
            }
            Event::Text(text) => {
                add(&mut path, &text.xml_content(XmlVersion::Implicit1_0).map_err(|_| 12100_u32)?);
            }
            Event::CData(text) => add(&mut path, &text.decode().map_err(|_| 12100_u32)?),
            Event::GeneralRef(reference) => match reference.resolve_char_ref().map_err(broken)? {
                Some(c) => add(&mut path, c.encode_utf8(&mut [0; 4])),
                None => {
                    let name = reference.decode().map_err(|_| 12100_u32)?;
                    add(&mut path, resolve_predefined_entity(&name).ok_or(12100_u32)?);
                }
            },
            Event::Eof if path.is_empty() && rooted => return Ok(verbs),
            Event::Eof => return Err(12100),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

fn add(path: &mut [Element], text: &str) {
    if let Some(element) = path.last_mut() {
        element.text.push_str(text);
    }
}

/// An element that is open.
#[derive(Debug)]
struct Element {
    name: String,
    attributes: HashMap<String, String>,
    text: String,
}

impl Element {
    fn new(start: &BytesStart<'_>, path: &[Self]) -> Result<Self, u32> {
        let name = String::from_utf8_lossy(start.name().as_ref()).into_owned();
        if path.is_empty() && name != "Response" {
            return Err(12200);
        }
        let mut attributes = HashMap::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|_| 12100_u32)?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| 12100_u32)?;
            let key = String::from_utf8_lossy(attribute.key.as_ref()).into_owned();
            let known = ATTRIBUTES.iter().find(|(verb, _)| *verb == name);
            if known.is_some_and(|(_, known)| !known.contains(&key.as_str())) {
                return Err(12200);
            }
            attributes.insert(key, value.into_owned());
        }
        Ok(Self { name, attributes, text: String::new() })
    }

    fn attribute(&self, name: &str) -> Option<String> {
        self.attributes.get(name).filter(|value| !value.is_empty()).cloned()
    }

    fn number(&self, name: &str) -> Result<Option<u32>, u32> {
        self.attribute(name).map(|value| value.parse().map_err(|_| 12200_u32)).transpose()
    }

    fn gather(&self) -> Result<Gather, u32> {
        let input = self.attribute("input").unwrap_or_else(|| "dtmf".to_owned());
        let listens = |kind: &str| input.split(' ').any(|one| one == kind);
        if !listens("dtmf") && !listens("speech") {
            return Err(12200);
        }
        Ok(Gather {
            keys: listens("dtmf"),
            words: listens("speech"),
            digits: self.number("numDigits")?.map(|digits| digits as usize),
            timeout: self.number("timeout")?.unwrap_or(5),
            action: self.attribute("action"),
        })
    }

    /// The verb that ends here, if it is one: those of the response itself, and what a Gather says.
    fn verb(self, path: &[Self]) -> Result<Option<Verb>, u32> {
        let parents: Vec<&str> = path.iter().map(|element| element.name.as_str()).collect();
        let gathered = parents == ["Response", "Gather"];
        if parents.is_empty() || (parents != ["Response"] && !gathered) {
            return Ok(None);
        }
        if gathered && !GATHERED.contains(&self.name.as_str()) {
            return Err(12200);
        }
        let text = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(Some(match self.name.as_str() {
            // An endless loop ends when the listener has heard it once more.
            "Say" => Verb::Say { text, times: self.number("loop")?.map_or(1, |times| times.clamp(1, 10)) },
            "Play" => Verb::Play(text),
            "Pause" => Verb::Pause(self.number("length")?.unwrap_or(1)),
            "Redirect" => Verb::Redirect(text),
            "Hangup" | "Reject" => Verb::Hangup,
            "Gather" => Verb::Gather(self.gather()?),
            "Record" => {
                Verb::Record { action: self.attribute("action"), callback: self.attribute("recordingStatusCallback") }
            }
            "Dial" => Verb::Dial { number: text, action: self.attribute("action") },
            other if OTHERS.contains(&other) => Verb::Other(self.name),
            _ => return Err(12200),
        }))
    }
}

#[cfg(test)]
mod tests;
