//! `POST /api/communication/privacy/{user_id}/erase`: a person wants to be forgotten.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::Deserialize;
use switchboard::clock::seconds_until;
use switchboard::http::body::read;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Caller, Origin, SecondFactor, SecondFactorAssertion};
use switchboard::person::PersonId;
use switchboard::person::profile::SetBy;
use switchboard::privacy::erasure::{Authority, Start, State as ErasureState};
use switchboard::twofactor::Action;

use super::{ErasureResponse, view};
use crate::App;
use crate::request::{person_id, set_by};

/// Why. The body may be left out.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
pub struct EraseRequest {
    /// A word for the ledger, where it stays: 1 to 64 small letters, digits and `_`.
    #[schema(example = "user_request")]
    reason: Option<String>,
}

const LONGEST_REASON: usize = 64;

/// Erase a person
///
/// A token with `preferences:manage` erases at once, and so does a person's own token with a fresh assertion of their second factor
/// (`action`: `erase_person`) in the header `Second-Factor-Assertion`; whoever has a factor and shows no assertion is refused (403,
/// `second_factor_required`). The own token of a person without a second factor begins a cooling-off period (`status`: `cooling_off`):
/// every proven address is told when the erasure begins (`starts_at`) and gets a link that cancels it, and until then nothing else
/// changes. Three such requests a day are taken (429). A request with the right to erase at once ends the period.
///
/// From the beginning on nobody can write to them by their id; their addresses, contents, codes and second factor go within
/// minutes, messages to them that wait are cancelled (`reason`: `erased`), the ledger loses its personal parts and still verifies. Counters
/// stay, and so does, as a keyed hash, that an address must not be used. Messages to an address that name nobody are theirs if they are
/// of the time in which the address was proven to be theirs alone; what another caller is about to send there is cancelled only where a
/// token with `preferences:manage` asks. The same request again finds the erasure that is on its
/// way, or begins another.
#[utoipa::path(
    post, path = "/api/communication/privacy/{user_id}/erase", tag = "Privacy", operation_id = "erase_person",
    params(("user_id" = String, Path, description = "The person's id"), SecondFactorAssertion),
    request_body(content = Option<EraseRequest>),
    responses(
        (status = 202, description = "It is being done; ask the same address how far it is (GET)", body = ErasureResponse),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    assertion: SecondFactorAssertion,
    Path(user_id): Path<String>,
    body: Bytes,
) -> Result<(StatusCode, Json<ErasureResponse>), ApiError> {
    let person = person_id(&user_id)?;
    caller.may_manage(&person)?;
    let request: EraseRequest = if body.is_empty() { EraseRequest::default() } else { read(&body)?.value };
    let reason = request.reason.map(reason).transpose()?;
    let witness = origin.witness(&caller, "api", app.road.clock.now());
    let authority = match set_by(&caller) {
        SetBy::Manager => Authority::Administrator,
        SetBy::Person => Authority::Person,
    };
    let start = match authority {
        Authority::Administrator => Start::AtOnce,
        Authority::Person => match assertion.require(&app.actions, &person, Action::ErasePerson).await? {
            SecondFactor::Proven => Start::AtOnce,
            SecondFactor::NotEnrolled => Start::AfterCoolingOff,
        },
    };
    if start == Start::AfterCoolingOff {
        admit(&app, &person).await?;
    }
    let erasure = app.privacy.eraser.ask(&person, (authority, start), reason, &witness).await?;
    let counts = app.privacy.eraser.store.counts(&erasure).await?;
    Ok((StatusCode::ACCEPTED, Json(view(erasure, counts))))
}

/// Each new request tells all of the person's addresses, so there are only a few a day.
async fn admit(app: &App, person: &PersonId) -> Result<(), ApiError> {
    let erasure = app.privacy.eraser.store.erasure(person).await?;
    let is_open =
        erasure.is_some_and(|erasure| matches!(erasure.state, ErasureState::CoolingOff | ErasureState::Erasing));
    if is_open {
        return Ok(());
    }
    let Some(refusal) = app.otp.admit_erasure(person).await? else { return Ok(()) };
    let wait = refusal.until().map_or(1, |until| seconds_until(until, app.road.clock.now()));
    Err(ApiError::try_later("Too many erasures were asked for", wait).with("reason", refusal.as_str()))
}

/// It stays in the ledger for good, so it must be a word that can name nobody.
fn reason(text: String) -> Result<String, ApiError> {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let fits = (1..=LONGEST_REASON).contains(&text.len()) && text.bytes().all(is_word);
    // A telephone number is no reason.
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let why = || ApiError::invalid_field("reason", "It must be a word of 1 to 64 small letters, digits and _");
    (fits && digits < 5).then_some(text).ok_or_else(why)
}
