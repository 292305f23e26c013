//! `/api/communication/consent/email/confirm/{token}`: the link that confirms an e-mail address and what was agreed to.
//!
//! `GET` shows a page with a button and changes nothing: mail programs and scanners open links that nobody followed. The
//! button's `POST` confirms.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use switchboard::http::error::ErrorBody;
use switchboard::http::page::{Page, in_language};
use switchboard::http::{ApiError, Origin};
use switchboard::message::{Channel, Trigger};
use switchboard::person::Person;
use switchboard::person::confirm::{Confirmation, NoConfirmation};
use switchboard::road::confirm::Confirmable;

use crate::App;

/// What the ledger says of who follows a link: it needs no token.
const CALLER: &str = "confirmation_link";
const SOURCE: &str = "double_opt_in";

/// The page of a confirmation link
///
/// Shows what is to be confirmed and a button. Changes nothing.
#[utoipa::path(
    get, path = "/api/communication/consent/email/confirm/{token}", tag = "Consent", operation_id = "confirmation_page",
    params(("token" = String, Path, description = "From the link in the e-mail")),
    responses(
        (status = 200, description = "A page for the person", content_type = "text/html", body = String),
        (status = 403, description = "Not a link of ours: a page that says so", content_type = "text/html", body = String),
        (status = 410, description = "It has expired, or they have another address: a page that says so", content_type = "text/html", body = String),
        (status = 503, description = "Something this needs did not answer", body = ErrorBody),
    ),
)]
pub async fn page(State(app): State<App>, Path(token): Path<String>) -> Result<Response, ApiError> {
    let confirmation = match app.links.read(&token, app.road.clock.now()) {
        Ok(confirmation) => confirmation,
        Err(error) => return Ok(unusable(error)),
    };
    if is_overtaken(&app, &confirmation).await? {
        return Ok(show(Confirmable::Gone));
    }
    Ok(show(app.road.confirmable(&app.links, &confirmation).await?))
}

/// Confirm an e-mail address
///
/// The address is theirs from now on, and what was agreed to in their name counts. What the button of the page does; done
/// again it changes nothing.
#[utoipa::path(
    post, path = "/api/communication/consent/email/confirm/{token}", tag = "Consent", operation_id = "confirm_email",
    params(("token" = String, Path, description = "From the link in the e-mail")),
    responses(
        (status = 200, description = "Confirmed: a page that says so", content_type = "text/html", body = String),
        (status = 403, description = "Not a link of ours: a page that says so", content_type = "text/html", body = String),
        (status = 410, description = "It has expired, or they have another address: a page that says so", content_type = "text/html", body = String),
        (status = 503, description = "Something this needs did not answer", body = ErrorBody),
    ),
)]
pub async fn handle(State(app): State<App>, origin: Origin, Path(token): Path<String>) -> Result<Response, ApiError> {
    let now = app.road.clock.now();
    let confirmation: Confirmation = match app.links.read(&token, now) {
        Ok(confirmation) => confirmation,
        Err(error) => return Ok(unusable(error)),
    };
    if is_overtaken(&app, &confirmation).await? {
        return Ok(show(Confirmable::Gone));
    }
    let witness = origin.witness_of_link(CALLER, SOURCE, now);
    Ok(show(app.road.confirm(&app.links, &confirmation, &witness).await?))
}

/// Whether the link would put another address in the place of a proven one, though nobody was asked for the second factor when it was
/// sent: the factor was enrolled since, or the address was proven since. A link's time is in whole seconds.
async fn is_overtaken(app: &App, confirmation: &Confirmation) -> Result<bool, ApiError> {
    let person = app.road.people.get(&confirmation.person).await?;
    let claimed = person.as_ref().and_then(|person| person.claim(Channel::Email));
    let replaced = person
        .zip(claimed)
        .filter(|(person, claimed)| app.links.is_about(confirmation, claimed) && person.would_replace_proven(claimed));
    let Some(proof) = replaced.and_then(|(person, _)| person.proof(Channel::Email)) else { return Ok(false) };
    let factor = app.actions.factor(&confirmation.person).await?;
    Ok(factor.is_some_and(|factor| factor.confirmed.max(proof.at) >= confirmation.sent))
}

/// What the pages say in one language.
struct Words {
    confirm: &'static str,
    is_it_you: &'static str,
    kinds: &'static str,
    button: &'static str,
    thanks: &'static str,
    confirmed: &'static str,
}

const ENGLISH: Words = Words {
    confirm: "Confirm your e-mail address",
    is_it_you: "Please confirm that this address is yours, and that you want to hear from us.",
    kinds: "Please confirm that this address is yours, and that you want to get these messages:",
    button: "Confirm",
    thanks: "Thank you",
    confirmed: "Your e-mail address is confirmed. You can close this page.",
};

const WORDS: [(&str, Words); 3] = [
    (
        "es",
        Words {
            confirm: "Confirme su dirección de correo",
            is_it_you: "Confirme que esta dirección es suya y que quiere recibir noticias nuestras.",
            kinds: "Confirme que esta dirección es suya y que quiere recibir estos mensajes:",
            button: "Confirmar",
            thanks: "Gracias",
            confirmed: "Su dirección de correo está confirmada. Puede cerrar esta página.",
        },
    ),
    (
        "fr",
        Words {
            confirm: "Confirmez votre adresse e-mail",
            is_it_you: "Confirmez que cette adresse est la vôtre et que vous voulez recevoir de nos nouvelles.",
            kinds: "Confirmez que cette adresse est la vôtre et que vous voulez recevoir ces messages :",
            button: "Confirmer",
            thanks: "Merci",
            confirmed: "Votre adresse e-mail est confirmée. Vous pouvez fermer cette page.",
        },
    ),
    (
        "de",
        Words {
            confirm: "Bestätigen Sie Ihre E-Mail-Adresse",
            is_it_you: "Bestätigen Sie, dass diese Adresse Ihre ist und dass Sie von uns hören möchten.",
            kinds: "Bestätigen Sie, dass diese Adresse Ihre ist und dass Sie diese Nachrichten bekommen möchten:",
            button: "Bestätigen",
            thanks: "Danke",
            confirmed: "Ihre E-Mail-Adresse ist bestätigt. Sie können diese Seite schließen.",
        },
    ),
];

fn show(state: Confirmable) -> Response {
    let (status, list, button) = (StatusCode::OK, Vec::new(), None);
    match state {
        Confirmable::Waiting(person) => {
            let (language, words) = in_language(&WORDS, &ENGLISH, person.locale.as_ref());
            let list = kinds(&person);
            let text = if list.is_empty() { words.is_it_you } else { words.kinds };
            Page { status, language, title: words.confirm, text, list, button: Some(words.button) }.into_response()
        }
        Confirmable::Confirmed(person) => {
            let (language, words) = in_language(&WORDS, &ENGLISH, person.locale.as_ref());
            Page { status, language, title: words.thanks, text: words.confirmed, list, button }.into_response()
        }
        Confirmable::Gone => gone("This link is about an address that is not in use any more."),
    }
}

/// The kinds of message that wait for it, where they are named.
fn kinds(person: &Person) -> Vec<String> {
    let pending = person.consents.get(&Channel::Email).and_then(|consent| consent.pending.as_ref());
    let names = pending.into_iter().flat_map(|pending| &pending.message_types);
    names.filter_map(|name| name.parse::<Trigger>().ok()).map(|trigger| trigger.title().to_owned()).collect()
}

fn unusable(error: NoConfirmation) -> Response {
    match error {
        NoConfirmation::Expired => gone("This link has expired. Sign up again, and we send you another one."),
        NoConfirmation::Invalid => {
            refusal(StatusCode::FORBIDDEN, "This is not a link of ours, or it was cut off on its way.")
        }
    }
}

fn gone(text: &str) -> Response {
    refusal(StatusCode::GONE, text)
}

fn refusal(status: StatusCode, text: &str) -> Response {
    Page::plain(status, "en", "This link does not work", text).into_response()
}
