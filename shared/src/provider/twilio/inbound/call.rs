//! A call somebody made to us, as Twilio tells of it: when it asks for TwiML, and when the call is over.
//!
//! Source: Twilio's pages "TwiML Voice" (what every request holds) and "Phone number status callbacks". Who withholds their
//! number comes as a word (`anonymous`) or as its letters on a keypad (`+266696687`).

use super::{Address, Channel, LONGEST_WORD, MalformedCallback, Parameters, PhoneNumber, cut};
use crate::message::record::CallFacts;

/// What stands in place of a number that is withheld, and as what digits.
const WITHHELD: [(&str, &str); 5] = [
    ("anonymous", "+266696687"),
    ("restricted", "+7378742833"),
    ("blocked", "+2562533"),
    ("unknown", "+8656696"),
    ("unavailable", "+86282452253"),
];

/// What is read of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboundCall {
    /// Twilio's id of it.
    pub sid: String,
    /// Who calls: a number, or what stands in its place. Of two who withhold theirs nobody knows whether they are one: each call
    /// is somebody's of its own (`anonymous:CA…`).
    pub caller: Address,
    /// The number of ours that was called.
    pub to: Option<String>,
    /// How far it is.
    pub facts: Option<CallFacts>,
}

/// Reads a request's body; `None`: it is about a call of ours.
pub fn parse(body: &[u8]) -> Result<Option<InboundCall>, MalformedCallback> {
    let parameters = Parameters::read(body)?;
    if parameters.text(&["Direction"])? != Some("inbound") {
        return Ok(None);
    }
    let sid = parameters.text(&["CallSid"])?.ok_or(MalformedCallback("no CallSid"))?;
    let from = parameters.text(&["From", "Caller"])?.unwrap_or_default();
    let named = |name: &str| Address::stored(Channel::Voice, cut(name, LONGEST_WORD));
    let caller = if is_withheld(from) {
        named(&format!("anonymous:{sid}"))
    } else {
        PhoneNumber::parse(from, "").map_or_else(|_| named(from), Address::Phone)
    };
    let progress = parameters.text(&["CallStatus"])?;
    Ok(Some(InboundCall {
        sid: cut(sid, LONGEST_WORD),
        caller,
        to: parameters.text(&["To", "Called"])?.map(|to| cut(to, LONGEST_WORD)),
        facts: progress.and_then(|word| CallFacts::default().at(word)),
    }))
}

fn is_withheld(from: &str) -> bool {
    from.is_empty() || WITHHELD.iter().any(|(word, digits)| from.eq_ignore_ascii_case(word) || from == *digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_calls_whom_is_read_and_calls_of_ours_are_not_these() {
        let read = |form: &str| parse(form.as_bytes()).unwrap();
        let call =
            read("CallSid=CA1&Direction=inbound&From=%2B14155552671&To=%2B15005550006&CallStatus=ringing").unwrap();
        assert_eq!((call.sid.as_str(), call.caller.as_str()), ("CA1", "+14155552671"));
        assert_eq!(
            (call.to.as_deref(), call.facts.unwrap().progress.as_deref()),
            (Some("+15005550006"), Some("ringing"))
        );
        assert_eq!(read("CallSid=CA1&Direction=outbound-api&From=%2B1"), None);
        assert_eq!(read("CallSid=CA1"), None);
        let caller = |sid: &str, from: &str| {
            let call = read(&format!("CallSid={sid}&Direction=inbound&From={from}")).unwrap();
            call.caller.as_str().to_owned()
        };
        assert_eq!(caller("CA1", "sip%3Aada%40example.com"), "sip:ada@example.com");
        for hidden in ["anonymous", "Restricted", "", "%2B266696687", "%2B7378742833", "%2B86282452253"] {
            assert_eq!(caller("CA1", hidden), "anonymous:CA1", "{hidden}");
            assert_ne!(caller("CA1", hidden), caller("CA2", hidden), "nobody knows whether they are one");
        }
        assert_eq!(read("CallSid=CA1&Direction=inbound").unwrap().caller.as_str(), "anonymous:CA1");
        assert!(parse(b"Direction=inbound").is_err());
    }

    #[test]
    fn withheld_numbers_are_the_words_letters_on_a_keypad() {
        let key = |letter: char| match letter {
            'a'..='c' => '2',
            'd'..='f' => '3',
            'g'..='i' => '4',
            'j'..='l' => '5',
            'm'..='o' => '6',
            'p'..='s' => '7',
            't'..='v' => '8',
            _ => '9',
        };
        for (word, digits) in WITHHELD {
            assert_eq!(digits, format!("+{}", word.chars().map(key).collect::<String>()), "{word}");
        }
    }
}
