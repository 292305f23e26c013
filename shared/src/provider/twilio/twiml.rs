//! TwiML: what a call says, as Twilio reads it. [`turn`]: an answer of a voice menu.

pub mod turn;

use quick_xml::Writer;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};

/// The longest TwiML a request to call can carry, in characters (the Calls resource's `Twiml` parameter).
pub const LONGEST: usize = 4000;

/// A document that says nothing: the answer to a text that nothing is answered to.
pub const EMPTY: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>";

/// A document that speaks a text, in this language or the account's own.
///
/// Characters XML 1.0 has no place for (control characters) are left out: nobody could hear them.
pub fn say(text: &str, language: Option<&str>) -> String {
    let text: String = text.chars().filter(|c| is_xml(*c)).collect();
    let mut start = BytesStart::new("Say");
    if let Some(language) = language {
        start.push_attribute(("language", language));
    }
    let mut writer = Writer::new(Vec::new());
    let events = [
        Event::Start(BytesStart::new("Response")),
        Event::Start(start),
        Event::Text(BytesText::new(&text)),
        Event::End(BytesEnd::new("Say")),
        Event::End(BytesEnd::new("Response")),
    ];
    for event in events {
        // Writing to memory does not fail.
        let _ = writer.write_event(event);
    }
    String::from_utf8(writer.into_inner()).unwrap_or_default()
}

/// Whether XML 1.0 has a place for a character (its production `Char`).
fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use quick_xml::escape::unescape;

    use super::*;

    #[test]
    fn a_text_is_spoken_as_it_is_written() {
        assert_eq!(say("Hello", None), "<Response><Say>Hello</Say></Response>");
        assert_eq!(
            say("Tom & \"Ann\" <3 it's\u{7}", Some("en-GB")),
            r#"<Response><Say language="en-GB">Tom &amp; &quot;Ann&quot; &lt;3 it&apos;s</Say></Response>"#
        );
    }

    proptest! {
        #[test]
        fn nobody_can_say_another_verb(text in any::<String>()) {
            let document = say(&text, None);
            let said = document.strip_prefix("<Response><Say>").and_then(|rest| rest.strip_suffix("</Say></Response>"));
            let said = said.expect("one Say in one Response");
            prop_assert!(!said.contains(['<', '>']));
            let heard: String = text.chars().filter(|c| is_xml(*c)).collect();
            prop_assert_eq!(unescape(said).unwrap(), heard);
        }
    }
}
