//! How many SMS parts a text is sent, and billed, as.
//!
//! Sources: 3GPP TS 23.038 §6.2.1 (the GSM 7-bit alphabet and its extension table), 3GPP TS 23.040 §9.2.3.24.1 (the
//! header that joins parts takes 6 of 140 bytes), and Twilio's "SMS character limit" page, whose counts these are:
//! 160 septets alone and 153 in a part, or 70 UTF-16 units alone and 67 in a part. A character of two units (an escaped
//! GSM character, a surrogate pair) is never split, so a part may end with a unit unused.

use serde::{Deserialize, Serialize};

/// The basic alphabet, one septet each (its escape character stands for no text and is left out).
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// The extension table, two septets each: the escape and the character.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// The length of a text on the air.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Segments {
    /// Parts sent, at least 1.
    pub count: u32,
    pub encoding: Encoding,
    /// Septets (GSM-7) or UTF-16 units (UCS-2) of the whole text.
    pub units: u32,
}

/// The alphabet a text travels in: GSM-7 where it has every character of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub enum Encoding {
    #[serde(rename = "GSM-7")]
    Gsm7,
    #[serde(rename = "UCS-2")]
    Ucs2,
}

impl Encoding {
    /// Units of a message of one part, and of each part of several.
    fn room(self) -> (u32, u32) {
        match self {
            Self::Gsm7 => (160, 153),
            Self::Ucs2 => (70, 67),
        }
    }
}

/// Counts the parts of `text`. An empty text (media alone) is one part.
pub fn segments(text: &str) -> Segments {
    match text.chars().map(septets).collect::<Option<Vec<u32>>>() {
        Some(lengths) => pack(Encoding::Gsm7, &lengths),
        None => {
            pack(Encoding::Ucs2, &text.chars().map(|c| if c.len_utf16() == 2 { 2 } else { 1 }).collect::<Vec<u32>>())
        }
    }
}

fn septets(c: char) -> Option<u32> {
    if BASIC.contains(c) { Some(1) } else { EXTENSION.contains(c).then_some(2) }
}

fn pack(encoding: Encoding, lengths: &[u32]) -> Segments {
    let (alone, part) = encoding.room();
    let units = lengths.iter().sum();
    let mut count = 1;
    if units > alone {
        let mut used = 0;
        for length in lengths {
            if used + length > part {
                count += 1;
                used = 0;
            }
            used += length;
        }
    }
    Segments { count, encoding, units }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn count(text: &str) -> u32 {
        segments(text).count
    }

    #[test]
    fn the_alphabet_has_all_its_characters() {
        // 128 places less the escape; the extension table's ten.
        assert_eq!(BASIC.chars().count(), 127);
        assert_eq!(EXTENSION.chars().count(), 10);
    }

    #[test]
    fn known_texts_have_their_known_counts() {
        use Encoding::{Gsm7, Ucs2};
        let table: &[(String, u32, Encoding, u32)] = &[
            (String::new(), 1, Gsm7, 0),
            ("a".repeat(160), 1, Gsm7, 160),
            ("a".repeat(161), 2, Gsm7, 161),
            ("a".repeat(306), 2, Gsm7, 306),
            ("a".repeat(307), 3, Gsm7, 307),
            ("a".repeat(1600), 11, Gsm7, 1600),
            ("€".repeat(80), 1, Gsm7, 160),
            ("€".repeat(153), 3, Gsm7, 306),
            (format!("{}€{}", "a".repeat(152), "a".repeat(152)), 3, Gsm7, 306),
            (format!("{}€{}", "a".repeat(153), "a".repeat(151)), 2, Gsm7, 306),
            ("你".repeat(70), 1, Ucs2, 70),
            ("你".repeat(71), 2, Ucs2, 71),
            ("你".repeat(134), 2, Ucs2, 134),
            ("😀".repeat(35), 1, Ucs2, 70),
            ("😀".repeat(67), 3, Ucs2, 134),
            (format!("{}😀{}", "你".repeat(66), "你".repeat(66)), 3, Ucs2, 134),
            ("a\r\nb".to_owned(), 1, Gsm7, 4),
        ];
        for (text, count, encoding, units) in table {
            assert_eq!(segments(text), Segments { count: *count, encoding: *encoding, units: *units }, "{text}");
        }
    }

    #[test]
    fn lookalikes_force_the_wide_alphabet() {
        for text in ["ç", "’", "\t", "`", "ê", "…", "“", "\u{1b}", "\u{a0}"] {
            assert_eq!(segments(text).encoding, Encoding::Ucs2, "{text:?}");
        }
        for text in ["Çéàù", "^{}[]~\\|€\u{c}", "@£$¥", "ΔΦΓΛΩΠΨΣΘΞ", "\n\r"] {
            assert_eq!(segments(text).encoding, Encoding::Gsm7, "{text:?}");
        }
    }

    /// Parts laid out one character at a time, as texts: the definition, without arithmetic on units.
    fn laid_out(text: &str, part: usize, length: impl Fn(&str) -> usize) -> usize {
        let mut parts = vec![String::new()];
        for c in text.chars() {
            let last = parts.last_mut().unwrap();
            let longer = format!("{last}{c}");
            if length(&longer) > part {
                parts.push(c.to_string());
            } else {
                *last = longer;
            }
        }
        parts.len()
    }

    proptest! {
        #[test]
        fn the_count_is_that_of_the_parts_laid_out(text in "[a-z€\\[\\]é]{0,500}") {
            let length = |text: &str| text.chars().map(|c| if "€[]".contains(c) { 2 } else { 1 }).sum::<usize>();
            let expected = if length(&text) <= 160 { 1 } else { laid_out(&text, 153, length) };
            prop_assert_eq!(count(&text) as usize, expected);
        }

        #[test]
        fn the_count_is_that_of_the_wide_parts_laid_out(text in "[你a😀🎉]{0,300}") {
            let text = format!("ç{text}");
            let length = |text: &str| text.encode_utf16().count();
            let expected = if length(&text) <= 70 { 1 } else { laid_out(&text, 67, length) };
            prop_assert_eq!(count(&text) as usize, expected);
        }

        #[test]
        fn joined_texts_never_need_fewer_parts_than_the_longer_and_at_most_one_more_than_both(
            left in "[a-z€你😀]{0,200}", right in "[a-z€]{0,200}",
        ) {
            let joined = format!("{left}{right}");
            prop_assert!(count(&joined) >= count(&left).max(count(&right)));
            let same_alphabet = segments(&left).encoding == segments(&right).encoding;
            prop_assert!(!same_alphabet || count(&joined) <= count(&left) + count(&right) + 1);
        }

        #[test]
        fn every_text_fits_its_parts(text in any::<String>()) {
            let Segments { count, encoding, units } = segments(&text);
            let (alone, part) = encoding.room();
            let room = if count == 1 { alone } else { count * part };
            prop_assert!(units <= room);
            // No part is left with room for a whole two-unit character, the last excepted.
            prop_assert!(count == 1 || units > (count - 1) * (part - 1));
        }
    }
}
