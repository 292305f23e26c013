//! `/cancel-erasure/{token}`: the link in the notice of an erasure.
//!
//! `GET` shows a page with a button and changes nothing, since mail programs and scanners open links. The button's `POST`
//! cancels. The token in the link is all the proof that is needed, and it cancels the one erasure it names.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use switchboard::http::error::ErrorBody;
use switchboard::http::page::{Page, in_language};
use switchboard::http::{ApiError, Origin};
use switchboard::message::Locale;
use switchboard::person::PersonId;
use switchboard::privacy::erasure::{Cancellation, State as ErasureState};

use crate::App;

/// Who the ledger names where the link was used: it needs no token.
const CALLER: &str = "cancel_link";
const SOURCE: &str = "erasure_notice";

/// The page that cancels an erasure
///
/// Shows what the button does. Changes nothing.
#[utoipa::path(
    get, path = "/cancel-erasure/{token}", tag = "Privacy", operation_id = "erasure_cancellation_page",
    params(("token" = String, Path, description = "From the link in the notice")),
    responses(
        (status = 200, description = "A page with a button, or one that says that the erasure is cancelled", content_type = "text/html", body = String),
        (status = 403, description = "Not a link of ours: a page that says so", content_type = "text/html", body = String),
        (status = 409, description = "The erasure has begun: a page that says so", content_type = "text/html", body = String),
        (status = 410, description = "This erasure is over: a page that says so", content_type = "text/html", body = String),
        (status = 503, description = "Something this needs did not answer", body = ErrorBody),
    ),
)]
pub async fn page(State(app): State<App>, Path(token): Path<String>) -> Result<Response, ApiError> {
    let Some(link) = app.privacy.eraser.cooling.links.read(&token) else { return Ok(invalid()) };
    let erasure = app.privacy.eraser.store.erasure(&link.person).await?;
    let state = erasure.filter(|erasure| erasure.id == link.erasure).map(|erasure| erasure.state);
    let shown = match state {
        Some(ErasureState::CoolingOff) => Shown::Ask,
        Some(ErasureState::Cancelled) => Shown::Cancelled,
        Some(ErasureState::Erasing | ErasureState::Erased) => Shown::TooLate,
        None => Shown::Gone,
    };
    show(&app, &link.person, shown).await
}

/// Cancel an erasure by its link
///
/// Does what the button of the page does. Repeating it changes nothing.
#[utoipa::path(
    post, path = "/cancel-erasure/{token}", tag = "Privacy", operation_id = "cancel_erasure_by_link",
    params(("token" = String, Path, description = "From the link in the notice")),
    responses(
        (status = 200, description = "Cancelled: a page that says so", content_type = "text/html", body = String),
        (status = 403, description = "Not a link of ours: a page that says so", content_type = "text/html", body = String),
        (status = 409, description = "The erasure has begun: a page that says so", content_type = "text/html", body = String),
        (status = 410, description = "This erasure is over: a page that says so", content_type = "text/html", body = String),
        (status = 503, description = "Something this needs did not answer", body = ErrorBody),
    ),
)]
pub async fn handle(State(app): State<App>, origin: Origin, Path(token): Path<String>) -> Result<Response, ApiError> {
    let Some(link) = app.privacy.eraser.cooling.links.read(&token) else { return Ok(invalid()) };
    let witness = origin.witness_of_link(CALLER, SOURCE, app.road.clock.now());
    let shown = match app.privacy.eraser.cancel(&link.person, Some(&link.erasure), &witness).await? {
        Cancellation::Cancelled(_) => Shown::Cancelled,
        Cancellation::TooLate => Shown::TooLate,
        Cancellation::NotFound => Shown::Gone,
    };
    show(&app, &link.person, shown).await
}

/// Which page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Ask,
    Cancelled,
    TooLate,
    Gone,
}

/// What the pages say in one language: a title and a text.
struct Words {
    ask: (&'static str, &'static str),
    button: &'static str,
    cancelled: (&'static str, &'static str),
    too_late: (&'static str, &'static str),
    gone: (&'static str, &'static str),
}

const ENGLISH: Words = Words {
    ask: (
        "Keep your account's data?",
        "Somebody asked us to erase all data of your account. If that was not you, cancel it here, and change your password.",
    ),
    button: "Cancel the erasure",
    cancelled: ("The erasure is cancelled", "Your data stays. You can close this page."),
    too_late: ("It is too late", "The erasure has begun and cannot be cancelled any more."),
    gone: ("This link does not work any more", "The request that it belongs to is over."),
};

const WORDS: [(&str, Words); 3] = [
    (
        "es",
        Words {
            ask: (
                "¿Conservar los datos de su cuenta?",
                "Alguien nos pidió borrar todos los datos de su cuenta. Si no fue usted, anule el borrado aquí y cambie su contraseña.",
            ),
            button: "Anular el borrado",
            cancelled: ("El borrado está anulado", "Sus datos se conservan. Puede cerrar esta página."),
            too_late: ("Es demasiado tarde", "El borrado ha comenzado y ya no se puede anular."),
            gone: ("Este enlace ya no funciona", "La solicitud a la que pertenece ha terminado."),
        },
    ),
    (
        "fr",
        Words {
            ask: (
                "Conserver les données de votre compte ?",
                "Quelqu'un nous a demandé d'effacer toutes les données de votre compte. Si ce n'était pas vous, annulez ici et changez votre mot de passe.",
            ),
            button: "Annuler l'effacement",
            cancelled: ("L'effacement est annulé", "Vos données restent. Vous pouvez fermer cette page."),
            too_late: ("Il est trop tard", "L'effacement a commencé et ne peut plus être annulé."),
            gone: ("Ce lien ne fonctionne plus", "La demande à laquelle il appartient est terminée."),
        },
    ),
    (
        "de",
        Words {
            ask: (
                "Die Daten Ihres Kontos behalten?",
                "Jemand hat verlangt, dass wir alle Daten Ihres Kontos löschen. Waren Sie das nicht, brechen Sie die Löschung hier ab, und ändern Sie Ihr Passwort.",
            ),
            button: "Löschung abbrechen",
            cancelled: ("Die Löschung ist abgebrochen", "Ihre Daten bleiben. Sie können diese Seite schließen."),
            too_late: ("Es ist zu spät", "Die Löschung hat begonnen und kann nicht mehr abgebrochen werden."),
            gone: ("Dieser Link funktioniert nicht mehr", "Die Anfrage, zu der er gehört, ist erledigt."),
        },
    ),
];

async fn show(app: &App, person: &PersonId, shown: Shown) -> Result<Response, ApiError> {
    let locale = app.road.people.get(person).await?.and_then(|person| person.locale);
    Ok(render(locale.as_ref(), shown))
}

fn render(locale: Option<&Locale>, shown: Shown) -> Response {
    let (language, words) = in_language(&WORDS, &ENGLISH, locale);
    let (status, (title, text)) = match shown {
        Shown::Ask => (StatusCode::OK, words.ask),
        Shown::Cancelled => (StatusCode::OK, words.cancelled),
        Shown::TooLate => (StatusCode::CONFLICT, words.too_late),
        Shown::Gone => (StatusCode::GONE, words.gone),
    };
    let button = (shown == Shown::Ask).then_some(words.button);
    Page { button, ..Page::plain(status, language, title, text) }.into_response()
}

fn invalid() -> Response {
    let (title, text) = ("This link does not work", "This is not a link of ours, or it was cut off on its way.");
    Page::plain(StatusCode::FORBIDDEN, "en", title, text).into_response()
}
