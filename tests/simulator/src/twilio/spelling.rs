//! A text and its number as Twilio may keep them: look-alikes of the GSM-7 alphabet (Smart Encoding), and another national plan's
//! spelling of a mobile.

use crate::store::NewMessage;

pub(super) fn respell(message: &mut NewMessage) {
    message.text = message.text.as_deref().map(encoded);
    message.to = respelled(&message.to);
}

fn encoded(text: &str) -> String {
    text.replace(['\u{2018}', '\u{2019}'], "'")
        .replace(['\u{201c}', '\u{201d}'], "\"")
        .replace(['\u{2013}', '\u{2014}'], "-")
        .replace('\u{2026}', "...")
        .replace('\u{a0}', " ")
}

/// Mexico without its old 1, Argentina without its 9.
fn respelled(number: &str) -> String {
    for (long, short) in [("+521", "+52"), ("+549", "+54")] {
        if let Some((before, rest)) = number.split_once(long).filter(|(_, rest)| rest.len() == 10) {
            return format!("{before}{short}{rest}");
        }
    }
    for (short, long) in [("+52", "+521"), ("+54", "+549")] {
        if let Some((before, rest)) = number.split_once(short).filter(|(_, rest)| rest.len() == 10) {
            return format!("{before}{long}{rest}");
        }
    }
    number.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_number_are_kept_otherwise_than_they_came() {
        assert_eq!(encoded("It\u{2019}s \u{201c}you\u{201d}\u{2026}"), "It's \"you\"...");
        assert_eq!(respelled("+5215512345678"), "+525512345678");
        assert_eq!(respelled("whatsapp:+525512345678"), "whatsapp:+5215512345678");
        assert_eq!(respelled("+14155552671"), "+14155552671");
    }
}
