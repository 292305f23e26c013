//! Short links in texts: a link in a text becomes one of ours, a dozen characters long, that leads on to it and shows that
//! it was followed.
//!
//! A code follows from the message and the target by a keyed hash (71 bits of it): it cannot be guessed, and a repeated
//! request makes the same text. Only what we find in a text we send is ever led to, and only `http` and `https`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::hmac;
use http::Uri;
use jiff::Timestamp;

use super::MessageId;
use super::secrets::has_placeholder;
use super::template::LONGEST_TEXT;
use crate::clock::plus_seconds;
use crate::config::{Invalid, optional};
use crate::seal::purpose::LinkKeys;

const LABEL: &str = "short link v1";
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const CODE_LENGTH: usize = 12;
/// A text with more links than this keeps the rest as they are.
const MOST: usize = 10;
/// The longest address that is led to.
const LONGEST_TARGET: usize = 2_048;
const DAY_SECONDS: i64 = 86_400;

/// Whether links in texts go out as they are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkForm {
    #[default]
    AsWritten,
    Shortened,
}

impl LinkForm {
    /// As a flag of a request or a template says.
    pub fn asked(shorten: bool) -> Self {
        if shorten { Self::Shortened } else { Self::AsWritten }
    }

    /// As the request says, else as its template does.
    #[must_use]
    pub fn or(self, request: Option<bool>) -> Self {
        request.map_or(self, Self::asked)
    }
}

/// What stands in a short link: twelve digits and letters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LinkCode(String);

/// What was given is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a link's code")]
pub struct NotACode;

impl LinkCode {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LinkCode {
    type Err = NotACode;

    fn from_str(text: &str) -> Result<Self, NotACode> {
        let is_code = text.len() == CODE_LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_code.then(|| Self(text.to_owned())).ok_or(NotACode)
    }
}

/// One link of a message, as it was found.
#[derive(Clone, PartialEq, Eq)]
pub struct ShortLink {
    pub code: LinkCode,
    pub message: MessageId,
    /// Where it leads.
    pub target: String,
    /// It leads nowhere after this time.
    pub ends: Timestamp,
}

impl fmt::Debug for ShortLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShortLink[{}]", self.code.0)
    }
}

/// Makes short links.
#[derive(Clone)]
pub struct ShortLinks {
    /// None where none are made: there links are only found and prolonged.
    keys: Option<LinkKeys>,
    /// Everything of a link before its code.
    prefix: Arc<str>,
    days: i64,
}

impl fmt::Debug for ShortLinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShortLinks[{}…, {} days]", self.prefix, self.days)
    }
}

impl ShortLinks {
    /// `base`: where people reach `/l/{code}`, without a slash at the end.
    pub fn new(keys: Option<LinkKeys>, base: &str, days: u16) -> Self {
        let prefix = format!("{}/l/", base.trim_end_matches('/'));
        Self { keys, prefix: prefix.into(), days: i64::from(days) }
    }

    /// As the deployment says: on its own domain for links, else on its public one; for 90 days, unless it says otherwise.
    pub fn from_env(keys: Option<LinkKeys>) -> Result<Self, Invalid> {
        let base = optional("LINK_BASE_URL", &optional("PUBLIC_BASE_URL", ""));
        let days = optional("LINK_DAYS", "90").parse().ok().filter(|days| (1..=3_650).contains(days));
        Ok(Self::new(keys, &base, days.ok_or(Invalid("LINK_DAYS"))?))
    }

    /// The codes of the links of ours in a text.
    pub fn codes_in(&self, text: &str) -> Vec<LinkCode> {
        let after = text.split(&*self.prefix).skip(1);
        after.filter_map(|rest| rest.get(..CODE_LENGTH).and_then(|code| code.parse().ok())).collect()
    }

    /// When the links of a text end that goes out at `goes`.
    pub fn ends(&self, goes: Timestamp) -> Timestamp {
        plus_seconds(goes, self.days * DAY_SECONDS)
    }

    /// A text that goes out at `goes`, with its links made short, and those links. A text that would get too long stays as it is,
    /// and so does every text where there is no key to make links with.
    pub fn shorten(&self, text: &str, message: MessageId, goes: Timestamp) -> (String, Vec<ShortLink>) {
        let Some((_, key)) = self.keys.as_ref().map(|keys| keys.active(LABEL)) else {
            return (text.to_owned(), Vec::new());
        };
        let ends = self.ends(goes);
        let (mut short, mut links, mut rest) = (String::new(), Vec::<ShortLink>::new(), text);
        while let Some((before, found, after)) = next_link(rest) {
            short.push_str(before);
            let known = links.iter().find(|link| link.target == found).map(|link| link.code.clone());
            // A link that holds a secret's placeholder leads nowhere before it is filled in.
            let may = links.len() < MOST && !found.starts_with(&*self.prefix) && !has_placeholder(found);
            let new = || may.then(|| code(&key, message, found));
            match known.clone().or_else(new) {
                Some(code) => {
                    short.push_str(&self.prefix);
                    short.push_str(code.as_str());
                    if known.is_none() {
                        links.push(ShortLink { code, message, target: found.to_owned(), ends });
                    }
                }
                None => short.push_str(found),
            }
            rest = after;
        }
        short.push_str(rest);
        if links.is_empty() || short.chars().count() > LONGEST_TEXT {
            return (text.to_owned(), Vec::new());
        }
        (short, links)
    }
}

fn code(key: &hmac::Key, message: MessageId, target: &str) -> LinkCode {
    let tag = hmac::sign(key, format!("{message} {target}").as_bytes());
    let number = tag.as_ref().iter().take(16).fold(0u128, |number, byte| number << 8 | u128::from(*byte));
    let mut left = number;
    let mut digit = || {
        let place = usize::try_from(left % 62).unwrap_or_default();
        left /= 62;
        char::from(DIGITS[place])
    };
    LinkCode((0..CODE_LENGTH).map(|_| digit()).collect())
}

/// The first link of a text that can be made short, with what stands before and after it.
fn next_link(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(start) = next_scheme(text, from) {
        let run = &text[start..];
        let run = &run[..run.find(ends_a_link).unwrap_or(run.len())];
        let link = trimmed(run);
        let follows = text[start + link.len()..].chars().next();
        // An address with letters beyond ASCII is left alone: it would have to be rewritten to be led to.
        let is_whole = !follows.is_some_and(|next| !next.is_ascii() && next.is_alphanumeric());
        if is_whole && is_target(link) {
            return Some((&text[..start], link, &text[start + link.len()..]));
        }
        from = start + 1;
    }
    None
}

/// Where the next `http://` or `https://` begins that is no part of another word.
fn next_scheme(text: &str, from: usize) -> Option<usize> {
    let begins = |place: usize| {
        let rest = text.as_bytes().get(place..).unwrap_or_default();
        let has =
            |scheme: &str| rest.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()));
        has("http://") || has("https://")
    };
    let apart = |place: usize| text[..place].chars().next_back().is_none_or(|before| !before.is_alphanumeric());
    (from..text.len()).find(|place| text.is_char_boundary(*place) && begins(*place) && apart(*place))
}

fn ends_a_link(character: char) -> bool {
    !character.is_ascii_graphic() || matches!(character, '<' | '>' | '"' | '\\' | '^' | '`' | '{' | '|' | '}')
}

/// Without the punctuation of the sentence it stands in: a closing bracket belongs to it only if it opened there.
fn trimmed(run: &str) -> &str {
    let mut link = run;
    while let Some(last) = link.chars().next_back() {
        let opens = |open: char| link.matches(last).count() <= link.matches(open).count();
        let belongs = match last {
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_' | '~' => false,
            ')' => opens('('),
            ']' => opens('['),
            _ => true,
        };
        if belongs {
            break;
        }
        link = &link[..link.len() - last.len_utf8()];
    }
    link
}

/// Whether it is an address we lead to. One that names a user before the host looks like another than it is.
pub fn is_target(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else { return false };
    let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
    let is_plain =
        uri.authority().is_some_and(|authority| !authority.host().is_empty() && !authority.as_str().contains('@'));
    is_web && is_plain && text.len() <= LONGEST_TARGET && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::from_millis;
    use crate::message::segments::segments;

    fn links() -> ShortLinks {
        ShortLinks::new(Some(crate::seal::purpose::tests::links()), "https://go.example/", 90)
    }

    fn id() -> MessageId {
        crate::testing::sample_id("short links")
    }

    fn shorten(text: &str) -> (String, Vec<String>) {
        let (short, found) = links().shorten(text, id(), from_millis(0));
        let blank = found.iter().fold(short, |short, link| short.replace(link.code.as_str(), "…"));
        (blank, found.into_iter().map(|link| link.target).collect())
    }

    #[test]
    fn a_link_ends_where_its_sentence_says() {
        let table = [
            ("See https://a.example/x.", "See https://go.example/l/….", "https://a.example/x"),
            ("(https://a.example/x)", "(https://go.example/l/…)", "https://a.example/x"),
            ("https://a.example/x_(y)", "https://go.example/l/…", "https://a.example/x_(y)"),
            ("<HTTPS://A.example>, or not", "<https://go.example/l/…>, or not", "HTTPS://A.example"),
            (
                "Pay:http://a.example:8080/p?a=1&b=%20#top!",
                "Pay:https://go.example/l/…!",
                "http://a.example:8080/p?a=1&b=%20#top",
            ),
            ("看https://a.example/x。谢谢", "看https://a.example/x。谢谢", ""),
            ("見て https://a.example/x。", "見て https://go.example/l/…。", "https://a.example/x"),
        ];
        for (text, expected, target) in table {
            let (short, targets) = shorten(text);
            assert_eq!((short.as_str(), targets.first().map_or("", String::as_str)), (expected, target), "{text}");
        }
    }

    #[test]
    fn what_is_no_web_address_stays_as_it_is() {
        for text in [
            "",
            "no link",
            "http://",
            "https:// x",
            "javascript:alert(1)",
            "ftp://a.example",
            "xhttps://a.example",
            "https://user@a.example/x",
            "https://a.example/é",
            "https://bücher.example",
            "mailto:a@b.example",
            "www.a.example",
            "https://go.example/l/abcdefghijkl",
        ] {
            assert_eq!(shorten(text), (text.to_owned(), Vec::new()), "{text}");
        }
    }

    #[test]
    fn the_same_message_and_target_have_the_same_code_and_no_others_do() {
        let (a, b) = ("https://a.example/1", "https://a.example/2");
        let text = format!("{a} {b} {a}");
        let (short, found) = links().shorten(&text, id(), from_millis(0));
        assert_eq!((found.len(), short.matches(found[0].code.as_str()).count()), (2, 2));
        assert_ne!(found[0].code, found[1].code);
        assert_eq!(links().shorten(&text, id(), from_millis(5)).0, short);
        assert_ne!(links().shorten(&text, MessageId::new(), from_millis(0)).0, short);
        assert_eq!(found[0].ends, from_millis(90 * 86_400_000));
        assert_eq!(found[0].code.as_str().parse(), Ok(found[0].code.clone()));
        assert!(!format!("{found:?}").contains("a.example"), "a target is content");
    }

    #[test]
    fn the_eleventh_link_stays_and_so_does_a_text_that_would_get_too_long() {
        let many: Vec<String> = (0..11).map(|n| format!("https://a.example/a/long/way/to/{n}")).collect();
        let (short, found) = links().shorten(&many.join(" "), id(), from_millis(0));
        assert_eq!(found.len(), 10);
        assert!(short.ends_with("https://a.example/a/long/way/to/10"));
        let long = format!("{} http://a.io", "x".repeat(LONGEST_TEXT - 12));
        assert_eq!(links().shorten(&long, id(), from_millis(0)), (long, Vec::new()));
    }

    #[test]
    fn a_long_link_made_short_takes_fewer_segments() {
        let text = format!("Your forecast: https://a.example/{}", "f/".repeat(100));
        assert_eq!(segments(&text).count, 2);
        assert_eq!(segments(&links().shorten(&text, id(), from_millis(0)).0).count, 1);
    }

    #[test]
    fn a_code_is_twelve_digits_and_letters() {
        for bad in ["", "abc", "abcdefghijklm", "abcdefghijk/", "abcdefghijk é", "../../../../"] {
            assert_eq!(bad.parse::<LinkCode>(), Err(NotACode), "{bad}");
        }
    }

    proptest! {
        /// Whatever a text says, putting the targets back in the place of the links gives it again, and every target is one
        /// that may be led to.
        #[test]
        fn nothing_of_a_text_is_lost(text in "([ -~é。]|https?://[a-z.]{1,9}[/?()., ]?){0,60}") {
            let (short, found) = links().shorten(&text, id(), from_millis(0));
            let mut back = short;
            for link in &found {
                prop_assert!(is_target(&link.target));
                back = back.replace(&format!("https://go.example/l/{}", link.code.as_str()), &link.target);
            }
            prop_assert_eq!(back, text);
        }
    }
}
