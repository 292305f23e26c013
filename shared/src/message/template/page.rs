//! The HTML form of an e-mail that was written in plain text: its paragraphs on a plain page, its web addresses as links.
//! Everything is escaped here, the template's own words and what was filled in alike.

use crate::message::Locale;

/// A page in this language.
pub(super) fn page(text: &str, locale: &Locale) -> String {
    let paragraphs: String = text
        .split("\n\n")
        .map(str::trim)
        .filter(|paragraph| !paragraph.is_empty())
        .map(|paragraph| format!("<p>{}</p>", paragraph.lines().map(line).collect::<Vec<_>>().join("<br>")))
        .collect();
    format!(
        "<!doctype html><html lang=\"{locale}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         </head><body style=\"font-family:system-ui,sans-serif;line-height:1.5;max-width:36rem;margin:2rem auto;padding:0 1rem\">{paragraphs}</body></html>"
    )
}

fn line(text: &str) -> String {
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// A word, as a link if it is a web address; a full stop behind one is not part of it.
fn word(text: &str) -> String {
    let address = text.trim_end_matches(['.', ',', ';', ':', '!', '?', ')']);
    if !(address.starts_with("https://") || address.starts_with("http://")) {
        return escape(text);
    }
    let (shown, rest) = (escape(address), escape(&text[address.len()..]));
    format!("<a href=\"{shown}\">{shown}</a>{rest}")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_links_and_signs_are_escaped() {
        let page = page("Q&A <b>\n\nSee https://example.com/?a=1&b=\"2\". Bye", &Locale::english());
        assert!(page.starts_with("<!doctype html><html lang=\"en\">"), "{page}");
        assert!(page.contains("<p>Q&amp;A &lt;b&gt;</p>"), "{page}");
        let link = "<a href=\"https://example.com/?a=1&amp;b=&quot;2\">https://example.com/?a=1&amp;b=&quot;2</a>";
        assert!(page.contains(link) || page.contains("&quot;2&quot;</a>. Bye"), "{page}");
    }
}
