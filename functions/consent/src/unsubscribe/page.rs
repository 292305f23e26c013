//! The pages, in the reader's language.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};

use switchboard::http::page::Page;

/// Which page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
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
            "Unsubscribe from our marketing e\u{2011}mails?",
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
            "Von unseren Werbe-E\u{2011}Mails abmelden?",
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
            "Vous désabonner de nos e\u{2011}mails publicitaires ?",
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

/// A page, as it is answered.
pub(super) fn render(which: Which, headers: &HeaderMap) -> Response {
    let words = language(headers);
    let (status, (title, text)) = match which {
        Which::Ask => (StatusCode::OK, words.ask),
        Which::Done => (StatusCode::OK, words.done),
        Which::BadLink => (StatusCode::NOT_FOUND, words.bad_link),
    };
    let button = (which == Which::Ask).then_some(words.button);
    let page = Page { button, ..Page::plain(status, words.language, title, text) };
    ([(header::VARY, "Accept-Language")], page).into_response()
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
}
