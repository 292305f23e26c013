//! What a link shows that leads nowhere, in the reader's language.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use switchboard::http::page::Page;

/// Which page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Unknown,
    Ended,
}

/// The words of a language: what each page says, and what to do.
struct Words {
    language: &'static str,
    unknown: (&'static str, &'static str),
    ended: (&'static str, &'static str),
}

const WORDS: [Words; 4] = [
    Words {
        language: "en",
        unknown: (
            "This link does not work",
            "It may have been cut off. Please open it from the message again, with all of its characters.",
        ),
        ended: ("This link has ended", "It was sent some time ago. Please ask whoever sent it to you for a new one."),
    },
    Words {
        language: "de",
        unknown: (
            "Dieser Link funktioniert nicht",
            "Vielleicht wurde er abgeschnitten. Bitte öffnen Sie ihn noch einmal aus der Nachricht, mit allen Zeichen.",
        ),
        ended: (
            "Dieser Link ist abgelaufen",
            "Er wurde vor einiger Zeit verschickt. Bitte fragen Sie den Absender nach einem neuen.",
        ),
    },
    Words {
        language: "es",
        unknown: (
            "Este enlace no funciona",
            "Puede que esté incompleto. Ábralo de nuevo desde el mensaje, con todos sus caracteres.",
        ),
        ended: ("Este enlace ha caducado", "Se envió hace tiempo. Pida uno nuevo a quien se lo envió."),
    },
    Words {
        language: "fr",
        unknown: (
            "Ce lien ne fonctionne pas",
            "Il est peut-être incomplet. Ouvrez-le de nouveau depuis le message, avec tous ses caractères.",
        ),
        ended: (
            "Ce lien a expiré",
            "Il a été envoyé il y a quelque temps. Demandez-en un nouveau à la personne qui vous l’a envoyé.",
        ),
    },
];

/// A page as it is answered.
pub(super) fn render(page: Which, headers: &HeaderMap) -> Response {
    let words = language(headers);
    let (status, (title, text)) = match page {
        Which::Unknown => (StatusCode::NOT_FOUND, words.unknown),
        Which::Ended => (StatusCode::GONE, words.ended),
    };
    let mut response = Page::plain(status, words.language, title, text).into_response();
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept-Language"));
    response
}

/// The first language of `Accept-Language` that we speak, its weights in their usual falling order; else English.
fn language(headers: &HeaderMap) -> &'static Words {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let wanted = accepted.split(',').filter_map(|range| range.split([';', '-']).next()).map(str::trim);
    let spoken = |wanted: &str| WORDS.iter().find(|words| words.language.eq_ignore_ascii_case(wanted));
    wanted.filter_map(spoken).next().unwrap_or(&WORDS[0])
}
