//! The pages, in the reader's language: plain, without a script, an image or anything from elsewhere, readable by a screen
//! reader and in the dark.

use axum::response::{Html, IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};

/// Which page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// Do you mean it?
    Ask,
    Done,
    BadLink,
}

/// The words of a language.
struct Words {
    language: &'static str,
    ask: (&'static str, &'static str),
    button: &'static str,
    done: (&'static str, &'static str),
    bad_link: (&'static str, &'static str),
}

const WORDS: [Words; 4] = [
    Words {
        language: "en",
        ask: (
            "Unsubscribe from our marketing e-mails?",
            "You will get no more news and offers at the address this link was sent to. Messages about your account, your bookings and your payments will still arrive.",
        ),
        button: "Unsubscribe",
        done: (
            "You are unsubscribed",
            "You will get no more marketing e-mails at this address. You may close this page.",
        ),
        bad_link: (
            "This link does not work",
            "It may have been cut off. Please open it from the e-mail again, with all of its characters.",
        ),
    },
    Words {
        language: "de",
        ask: (
            "Von unseren Werbe-E-Mails abmelden?",
            "An die Adresse, an die dieser Link ging, kommen dann keine Neuigkeiten und Angebote mehr. Nachrichten zu Ihrem Konto, Ihren Buchungen und Zahlungen kommen weiterhin an.",
        ),
        button: "Abmelden",
        done: (
            "Sie sind abgemeldet",
            "An diese Adresse kommen keine Werbe-E-Mails mehr. Sie können diese Seite schließen.",
        ),
        bad_link: (
            "Dieser Link funktioniert nicht",
            "Vielleicht wurde er abgeschnitten. Bitte öffnen Sie ihn noch einmal aus der E-Mail, mit allen Zeichen.",
        ),
    },
    Words {
        language: "es",
        ask: (
            "¿Darse de baja de nuestros correos comerciales?",
            "Ya no recibirá novedades ni ofertas en la dirección a la que se envió este enlace. Los mensajes sobre su cuenta, sus reservas y sus pagos seguirán llegando.",
        ),
        button: "Darme de baja",
        done: ("Se ha dado de baja", "Ya no recibirá correos comerciales en esta dirección. Puede cerrar esta página."),
        bad_link: (
            "Este enlace no funciona",
            "Puede que esté incompleto. Ábralo de nuevo desde el correo, con todos sus caracteres.",
        ),
    },
    Words {
        language: "fr",
        ask: (
            "Vous désabonner de nos e-mails publicitaires ?",
            "L’adresse à laquelle ce lien a été envoyé ne recevra plus ni nouveautés ni offres. Les messages concernant votre compte, vos réservations et vos paiements continueront d’arriver.",
        ),
        button: "Me désabonner",
        done: (
            "Vous êtes désabonné",
            "Cette adresse ne recevra plus d’e-mails publicitaires. Vous pouvez fermer cette page.",
        ),
        bad_link: (
            "Ce lien ne fonctionne pas",
            "Il est peut-être incomplet. Ouvrez-le de nouveau depuis l’e-mail, avec tous ses caractères.",
        ),
    },
];

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:1.125rem/1.6 system-ui,sans-serif;max-width:34rem;margin:0 auto;padding:4rem 1.5rem;color:#1b1b1f;background:#fff}\
h1{font-size:1.6rem;line-height:1.25;margin:0 0 1rem}p{margin:0 0 1.75rem}\
button{font:inherit;font-weight:600;padding:.75rem 1.5rem;border:0;border-radius:.5rem;background:#1d4ed8;color:#fff;cursor:pointer}\
button:hover{background:#1e40af}button:focus-visible{outline:3px solid #f59e0b;outline-offset:3px}\
@media(prefers-color-scheme:dark){body{color:#e8e8ec;background:#161618}button{background:#93b4ff;color:#10131c}button:hover{background:#b4ccff}}";

/// A page as it is answered. Nothing of it may be kept, framed, found by a search, or told to the next site.
pub(super) fn render(page: Page, headers: &HeaderMap) -> Response {
    let words = language(headers);
    let (status, (title, text)) = match page {
        Page::Ask => (StatusCode::OK, words.ask),
        Page::Done => (StatusCode::OK, words.done),
        Page::BadLink => (StatusCode::NOT_FOUND, words.bad_link),
    };
    // The page's own address takes the post: the link stays the same.
    let button = format!(
        "<form method=\"post\"><button name=\"List-Unsubscribe\" value=\"One-Click\">{}</button></form>",
        words.button
    );
    let button = if page == Page::Ask { button.as_str() } else { "" };
    let role = if page == Page::Done { " role=\"status\"" } else { "" };
    let html = format!(
        "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><meta name=\"robots\" content=\"noindex\">\
         <style>{STYLE}</style></head><body><main{role}><h1>{title}</h1><p>{text}</p>{button}</main></body></html>",
        words.language
    );
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::VARY, "Accept-Language"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
    ];
    (status, headers, Html(html)).into_response()
}

/// The first language of `Accept-Language` that we speak, its weights in their usual falling order; else English.
fn language(headers: &HeaderMap) -> &'static Words {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let wanted = accepted.split(',').filter_map(|range| range.split([';', '-']).next()).map(str::trim);
    let spoken = |wanted: &str| WORDS.iter().find(|words| words.language.eq_ignore_ascii_case(wanted));
    wanted.filter_map(spoken).next().unwrap_or(&WORDS[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(accepted: &str) -> &'static str {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, accepted.parse().unwrap());
        language(&headers).language
    }

    #[test]
    fn a_page_speaks_the_first_language_it_knows() {
        assert_eq!(spoken("fr-CH, fr;q=0.9, en;q=0.8, *;q=0.5"), "fr");
        assert_eq!(spoken("ja, DE;q=0.5"), "de");
        assert_eq!([spoken("*"), spoken(""), language(&HeaderMap::new()).language], ["en"; 3]);
    }

    #[test]
    fn no_word_of_a_page_needs_escaping() {
        for words in &WORDS {
            for text in [words.ask.0, words.ask.1, words.button, words.done.0, words.done.1, words.bad_link.0] {
                assert!(!text.contains(['<', '>', '&', '"']), "{text}");
            }
        }
    }
}
