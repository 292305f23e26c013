//! Who opens a link: somebody, or a program that only wants to show what is behind it. Only known programs are told apart;
//! whoever is not known is taken for a person.

use http::{HeaderMap, Method, header};
use switchboard::road::Visit;

/// Parts of the user agents of programs that fetch links to show them, as their makers name them. iMessage says it is
/// Facebook's and Twitter's at once.
const PREVIEWS: &[&str] = &[
    "facebookexternalhit",
    "facebot",
    "meta-externalagent",
    "whatsapp/",
    "twitterbot",
    "telegrambot",
    "slackbot",
    "slack-imgproxy",
    "discordbot",
    "linkedinbot",
    "skypeuripreview",
    "microsoftpreview",
    "viber",
    "snap url preview",
    "google-pagerenderer",
    "googlemessages",
    "googlebot",
    "bingbot",
    "bingpreview",
    "applebot",
    "pinterestbot",
    "redditbot",
    "embedly",
    "iframely",
    "mattermost-bot",
    "safelinks",
];

/// Headers with which a browser says that it fetches in case somebody might follow.
const PREFETCHES: &[&str] = &["sec-purpose", "purpose", "x-purpose", "x-moz"];

/// Who it is.
pub(super) fn visit(method: &Method, headers: &HeaderMap) -> Visit {
    let says = |name: &str, words: &[&str]| {
        let value = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
        words.iter().any(|word| value.contains(word))
    };
    if *method == Method::HEAD || PREFETCHES.iter().any(|name| says(name, &["prefetch", "prerender", "preview"])) {
        return Visit::Unseen;
    }
    if says(header::USER_AGENT.as_str(), PREVIEWS) { Visit::Preview } else { Visit::Person }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(method: Method, name: &'static str, value: &'static str) -> Visit {
        visit(&method, &HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]))
    }

    #[test]
    fn known_programs_are_previews_and_everybody_else_is_somebody() {
        for preview in [
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) Version/9.0.1 Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0",
            "WhatsApp/2.23.20.0 A",
            "TelegramBot (like TwitterBot)",
            "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
            "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
        ] {
            assert_eq!(with(Method::GET, "user-agent", preview), Visit::Preview, "{preview}");
        }
        for person in [
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
            "something nobody knows",
        ] {
            assert_eq!(with(Method::GET, "user-agent", person), Visit::Person, "{person}");
        }
        assert_eq!(visit(&Method::GET, &HeaderMap::new()), Visit::Person);
    }

    #[test]
    fn a_head_and_a_prefetch_are_nobody() {
        assert_eq!(visit(&Method::HEAD, &HeaderMap::new()), Visit::Unseen);
        for (name, value) in [
            ("sec-purpose", "prefetch;prerender"),
            ("purpose", "prefetch"),
            ("x-moz", "prefetch"),
            ("x-purpose", "preview"),
        ] {
            assert_eq!(with(Method::GET, name, value), Visit::Unseen, "{name}");
        }
        assert_eq!(with(Method::GET, "sec-fetch-dest", "document"), Visit::Person);
    }
}
