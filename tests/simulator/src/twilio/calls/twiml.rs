//! TwiML: a document to its verbs. What only a caller's keys or another line would change is left out.

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
    /// A verb that would need more than a listener: its name.
    Other(String),
}

/// Verbs that nest in a `Gather`, which falls through without input.
const GATHERED: &[&str] = &["Say", "Play", "Pause"];

/// Verbs of the schema that are not acted out.
const OTHERS: &[&str] = &[
    "Connect",
    "Dial",
    "Echo",
    "Enqueue",
    "Leave",
    "Pay",
    "Prompt",
    "Record",
    "Refer",
    "Sms",
    "Start",
    "Stop",
    "Conversation",
    "Message",
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
    /// `loop` of a Say, `length` of a Pause.
    number: Option<u32>,
    text: String,
}

impl Element {
    fn new(start: &BytesStart<'_>, path: &[Self]) -> Result<Self, u32> {
        let name = String::from_utf8_lossy(start.name().as_ref()).into_owned();
        if path.is_empty() && name != "Response" {
            return Err(12200);
        }
        let mut number = None;
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|_| 12100_u32)?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| 12100_u32)?;
            if matches!(attribute.key.as_ref(), b"loop" | b"length") {
                number = Some(value.parse().map_err(|_| 12200_u32)?);
            }
        }
        Ok(Self { name, number, text: String::new() })
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
            "Say" => Verb::Say { text, times: self.number.map_or(1, |times| times.clamp(1, 10)) },
            "Play" => Verb::Play(text),
            "Pause" => Verb::Pause(self.number.unwrap_or(1)),
            "Redirect" => Verb::Redirect(text),
            "Hangup" | "Reject" => Verb::Hangup,
            "Gather" => return Ok(None),
            other if OTHERS.contains(&other) => Verb::Other(self.name),
            _ => return Err(12200),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(text: &str) -> Verb {
        Verb::Say { text: text.to_owned(), times: 1 }
    }

    #[test]
    fn words_are_read_with_their_entities() {
        let document = r#"<?xml version="1.0" encoding="UTF-8"?>
            <Response><Say language="en-GB">Tom &amp; <![CDATA[<Ann>]]> &#x2014; it&apos;s 5 &lt; 6</Say></Response>"#;
        assert_eq!(parse(document), Ok(vec![say("Tom & <Ann> — it's 5 < 6")]));
    }

    #[test]
    fn verbs_come_in_their_order_and_a_gather_says_what_it_asks() {
        let document = r#"<Response><Gather numDigits="1"><Say>Press 1.</Say><Pause length="2"/></Gather>
            <Play>https://a.example/x.mp3</Play><Redirect>/again?a=1&amp;b=2</Redirect><Hangup/></Response>"#;
        let expected = [
            say("Press 1."),
            Verb::Pause(2),
            Verb::Play("https://a.example/x.mp3".to_owned()),
            Verb::Redirect("/again?a=1&b=2".to_owned()),
            Verb::Hangup,
        ];
        assert_eq!(parse(document), Ok(expected.to_vec()));
        assert_eq!(parse("<Response/>"), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_twiml_has_twilios_code() {
        for document in ["", "hello", "<Response>", "<Response><Say>x</Response>", "<Response>&nbsp;</Response>"] {
            assert_eq!(parse(document), Err(12100), "{document}");
        }
        for document in
            ["<Say>x</Say>", "<Response><Shout>x</Shout></Response>", r#"<Response><Pause length="long"/></Response>"#]
        {
            assert_eq!(parse(document), Err(12200), "{document}");
        }
    }
}
