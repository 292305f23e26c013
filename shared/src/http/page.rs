//! Pages for people who follow a link: plain HTML, readable by a screen reader and in the dark, nothing loaded from anywhere,
//! nothing kept by anybody.

use crate::message::Locale;
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};

/// What a page says.
#[derive(Debug)]
pub struct Page<'a> {
    pub status: StatusCode,
    /// The language of its words.
    pub language: &'a str,
    pub title: &'a str,
    pub text: &'a str,
    /// What it is about, one a line.
    pub list: Vec<String>,
    /// A button that posts to the page's own address.
    pub button: Option<&'a str>,
}

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:1.125rem/1.6 system-ui,sans-serif;max-width:34rem;margin:0 auto;padding:3rem 1.5rem;color:#1b1b1f;background:#fff}\
h1{font-size:1.6rem;line-height:1.25;margin:0 0 1rem}p{margin:0 0 1.75rem}\
button{font:inherit;font-weight:600;padding:.75rem 1.5rem;border:0;border-radius:.5rem;background:#1d4ed8;color:#fff;cursor:pointer}\
button:hover{background:#1e40af}button:focus-visible{outline:3px solid #f59e0b;outline-offset:3px}\
@media(prefers-color-scheme:dark){body{color:#e8e8ec;background:#161618}button{background:#93b4ff;color:#10131c}button:hover{background:#b4ccff}}";

impl<'a> Page<'a> {
    /// A page of a title and a text.
    pub fn plain(status: StatusCode, language: &'a str, title: &'a str, text: &'a str) -> Self {
        Self { status, language, title, text, list: Vec::new(), button: None }
    }
}

impl IntoResponse for Page<'_> {
    fn into_response(self) -> Response {
        let Page { status, language, title, text, list, button } = self;
        let (title, text) = (escape(title), escape(text));
        let list = match list.is_empty() {
            true => String::new(),
            false => {
                format!("<ul>{}</ul>", list.iter().map(|line| format!("<li>{}</li>", escape(line))).collect::<String>())
            }
        };
        let button = button.map_or_else(String::new, |button| {
            format!("<form method=\"post\"><button type=\"submit\">{}</button></form>", escape(button))
        });
        let page = format!(
            "<!doctype html><html lang=\"{language}\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><meta name=\"robots\" content=\"noindex\">\
             <title>{title}</title><style>{STYLE}</style></head>\
             <body><main><h1>{title}</h1><p>{text}</p>{list}{button}</main></body></html>"
        );
        let mut response = (status, Html(page)).into_response();
        let headers: [(HeaderName, &str); 4] = [
            (
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
            ),
            // The address of the page is what the link is worth.
            (header::REFERRER_POLICY, "no-referrer"),
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        for (name, value) in headers {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// The words in a reader's language, else in English. `words` has them by language.
pub fn in_language<'a, T>(
    words: &'a [(&'static str, T)],
    english: &'a T,
    reader: Option<&Locale>,
) -> (&'static str, &'a T) {
    let language = reader.and_then(|locale| locale.as_str().split('-').next()).unwrap_or("en");
    words
        .iter()
        .find(|(name, _)| language.eq_ignore_ascii_case(name))
        .map_or(("en", english), |(name, words)| (*name, words))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_stands_in_a_page_is_text_and_nothing_is_loaded_or_kept() {
        let page = Page {
            status: StatusCode::OK,
            language: "en",
            title: "A & B",
            text: "<script>alert(1)</script>",
            list: vec!["\"x\"".to_owned()],
            button: Some("Yes"),
        };
        let response = page.into_response();
        assert_eq!(response.headers()["referrer-policy"], "no-referrer");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        let bytes = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(text.contains("<h1>A &amp; B</h1>") && text.contains("<li>&quot;x&quot;</li>"), "{text}");
        assert!(!text.contains("<script"), "{text}");
    }

    #[test]
    fn words_are_in_the_readers_language_or_english() {
        let words = [("de", 1), ("fr", 2)];
        let of = |tag: &str| in_language(&words, &0, tag.parse().ok().as_ref());
        assert_eq!((of("de-AT"), of("fr"), of("ja")), (("de", &1), ("fr", &2), ("en", &0)));
        assert_eq!(in_language(&words, &0, None), ("en", &0));
    }
}
