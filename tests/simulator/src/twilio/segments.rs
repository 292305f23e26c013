//! How many segments a body takes: 160 or 153 septets (GSM 03.38), 70 or 67 UTF-16 units.

const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const EXTENSION: &str = "^{}\\[]~|€\u{c}";

/// Segments of a body; an empty one is sent as one segment.
pub(super) fn count(body: &str) -> u32 {
    let septets = |c: char| {
        if c.is_ascii_alphanumeric() || c == ' ' || BASIC.contains(c) {
            Some(1)
        } else {
            EXTENSION.contains(c).then_some(2)
        }
    };
    let gsm: Option<Vec<usize>> = body.chars().map(septets).collect();
    match gsm {
        Some(widths) => parts(&widths, 160, 153),
        None => parts(&body.chars().map(char::len_utf16).collect::<Vec<_>>(), 70, 67),
    }
}

/// Packs units that must not be split (an escape with its character, a surrogate pair) into parts.
fn parts(widths: &[usize], single: usize, multi: usize) -> u32 {
    if widths.iter().sum::<usize>() <= single {
        return 1;
    }
    let (mut parts, mut used) = (1, 0);
    for width in widths {
        if used + width > multi {
            parts += 1;
            used = 0;
        }
        used += width;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn gsm_text_has_160_then_153_septets_a_part() {
        assert_eq!(count(""), 1);
        assert_eq!(count(&"a".repeat(160)), 1);
        assert_eq!(count(&"a".repeat(161)), 2);
        assert_eq!(count(&"a".repeat(306)), 2);
        assert_eq!(count(&"a".repeat(1600)), 11);
    }

    #[test]
    fn an_escape_pair_is_never_split() {
        assert_eq!(count(&"€".repeat(80)), 1);
        assert_eq!(count(&"€".repeat(153)), 3);
        assert_eq!(count(&format!("{}€{}", "a".repeat(152), "a".repeat(152))), 3);
        assert_eq!(count(&format!("{}€{}", "a".repeat(153), "a".repeat(151))), 2);
    }

    #[test]
    fn one_foreign_character_makes_the_whole_text_utf_16() {
        assert_eq!(count(&"ç".repeat(70)), 1);
        assert_eq!(count(&"ç".repeat(71)), 2);
        assert_eq!(count(&"😀".repeat(67)), 3);
        assert_eq!(count(&format!("{}😀{}", "你".repeat(66), "你".repeat(66))), 3);
        assert_eq!(count("Ça é à"), 1);
    }
}
