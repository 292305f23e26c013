//! Typography that costs money: characters outside the GSM-7 alphabet that slip into a text from a word processor or a
//! template, each with the look-alike that alphabet has. One of them makes the whole text UCS-2, with 70 characters in a
//! part instead of 160.
//!
//! Source: Twilio's Smart Encoding, by the character list of its message segment calculator: quotes, primes, dashes,
//! spaces, full-width forms, fractions. Left out of that list: combining marks, small capitals and ornaments, whose
//! replacement would change what is read; added: the non-breaking hyphen, figure dash and minus sign.

use std::borrow::Cow;

use super::segments::{Encoding, segments};

const LOOK_ALIKES: &[(&str, &str)] = &[
    ("«»“”„‟ʺˮ〝〞❝❞", "\""),
    ("‘’‛ʹʻʼʽˈˊˋ´`❛❜‗", "'"),
    ("‚﹐﹑、､", ","),
    ("‐‑‒–—―−⁃•﹣", "-"),
    ("…", "..."),
    ("‹", "<"),
    ("›", ">"),
    ("‼", "!!"),
    ("⁄∕", "/"),
    ("¼", "1/4"),
    ("½", "1/2"),
    ("¾", "3/4"),
    ("⁎∗", "*"),
    ("。｡", "."),
    ("⁏", ";"),
    ("˜∼", "~"),
    ("ˆ", "^"),
    ("∣", "|"),
    (
        "\t\u{a0}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\u{2007}\u{2008}\u{2009}\u{200a}\u{202f}\u{205f}\u{3000}",
        " ",
    ),
    ("\u{2028}\u{2029}", "\n"),
    // Zero-width space, word joiner, byte order mark, soft hyphen: nothing is seen of them.
    ("\u{200b}\u{2060}\u{feff}\u{ad}", ""),
];

/// Full-width forms of the visible ASCII characters, and how far they are from them.
const FULL_WIDTH: std::ops::RangeInclusive<char> = '\u{ff01}'..='\u{ff5e}';
const FULL_WIDTH_OFFSET: u32 = 0xfee0;

/// The text with look-alikes, if it then fits GSM-7 and into fewer parts; else the text as it is.
pub fn encoded(text: &str) -> Cow<'_, str> {
    let before = segments(text);
    // One part cannot become fewer.
    if before.encoding == Encoding::Gsm7 || before.count == 1 {
        return Cow::Borrowed(text);
    }
    let replaced = replaced(text);
    let after = segments(&replaced);
    if after.encoding == Encoding::Gsm7 && after.count < before.count {
        Cow::Owned(replaced)
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether two texts are the same but for such typography: a Messaging Service replaces it on its own account.
pub fn looks_alike(one: &str, other: &str) -> bool {
    one == other || replaced(one).trim() == replaced(other).trim()
}

fn replaced(text: &str) -> String {
    let mut replaced = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || c == ' ' {
            replaced.push(c);
        } else if FULL_WIDTH.contains(&c) {
            let ascii = char::from_u32(u32::from(c) - FULL_WIDTH_OFFSET).unwrap_or(c);
            // The full-width grave accent: the plain one is not in the alphabet either.
            replaced.push(if ascii == '`' { '\'' } else { ascii });
        } else {
            match look_alike(c) {
                Some(look_alike) => replaced.push_str(look_alike),
                None => replaced.push(c),
            }
        }
    }
    replaced
}

fn look_alike(c: char) -> Option<&'static str> {
    LOOK_ALIKES.iter().find(|(originals, _)| originals.contains(c)).map(|(_, look_alike)| *look_alike)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn originals() -> impl Iterator<Item = char> {
        LOOK_ALIKES.iter().flat_map(|(originals, _)| originals.chars()).chain(FULL_WIDTH)
    }

    #[test]
    fn every_original_is_outside_the_alphabet_and_its_look_alike_inside() {
        for c in originals() {
            assert_eq!(segments(&c.to_string()).encoding, Encoding::Ucs2, "{c:?}");
            assert_eq!(segments(&replaced(&c.to_string())).encoding, Encoding::Gsm7, "{c:?}");
        }
        let once: BTreeSet<char> = originals().collect();
        assert_eq!(once.len(), originals().count(), "no character stands twice");
    }

    #[test]
    fn typography_is_replaced_where_that_saves_a_part() {
        let text = format!("It’s “ready” – come by… {}", "a".repeat(60));
        assert_eq!(segments(&text).count, 2);
        assert_eq!(encoded(&text), format!("It's \"ready\" - come by... {}", "a".repeat(60)));
    }

    #[test]
    fn typography_stays_where_nothing_is_saved() {
        let long = "a".repeat(160);
        for text in [
            "It’s ready".to_owned(),
            format!("It’s ready 🎉 {long}"),
            format!("Ça y est, c’est prêt {long}"),
            "…".repeat(60),
            long,
        ] {
            assert!(matches!(encoded(&text), Cow::Borrowed(same) if same == text), "{text}");
        }
        // Three dots take three places: 54 of them fill one part of 160 or one of 70.
        assert_eq!(segments(&"…".repeat(54)).count, 1);
    }

    fn written() -> impl Strategy<Value = String> {
        let character = prop_oneof![
            6 => proptest::char::range(' ', '~'),
            2 => prop::sample::select(originals().collect::<Vec<_>>()),
            1 => prop::sample::select(vec!['€', '[', 'é', 'ç', '你', '😀']),
        ];
        prop_oneof![
            prop::collection::vec(character, 0..400),
            // Mostly plain: these are the texts that can be saved.
            prop::collection::vec(
                prop_oneof![40 => proptest::char::range('a', 'z'), 1 => Just('’'), 1 => Just('…')],
                0..400
            ),
        ]
        .prop_map(|characters| characters.into_iter().collect())
    }

    proptest! {
        #[test]
        fn a_text_never_takes_more_parts_and_changes_only_for_fewer(text in written()) {
            let after = encoded(&text);
            prop_assert!(segments(&after).count <= segments(&text).count);
            prop_assert!(after == text || segments(&after).count < segments(&text).count);
        }

        #[test]
        fn once_is_enough(text in written()) {
            let once = encoded(&text).into_owned();
            prop_assert_eq!(encoded(&once), once.as_str());
        }

        #[test]
        fn a_text_without_look_alikes_is_unchanged(text in "[ -_a-~€ÄÖÜäöüñéèç你😀\n]{0,300}") {
            prop_assert_eq!(encoded(&text), text.as_str());
        }
    }
}
