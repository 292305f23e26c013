//! `POST /api/communication/privacy/{user_id}/erase`: a person wants to be forgotten.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::Deserialize;
use switchboard::http::body::read;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Caller, Origin};
use switchboard::person::profile::SetBy;
use switchboard::privacy::erasure::Authority;

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
/// From the answer on nobody can write to them by their id; their addresses, contents, codes and second factor go within
/// minutes, messages to them that wait are cancelled (`reason`: `erased`), the ledger loses its personal parts and still verifies. Counters
/// stay, and so does, as a keyed hash, that an address must not be used. Messages to an address that name nobody are theirs if they are
/// of the time in which the address was proven to be theirs alone; what another caller is about to send there is cancelled only where a
/// token with `preferences:manage` asks. The same request again finds the erasure that is on its
/// way, or begins another. People may do it for themselves, unless they have a second factor (403, `second_factor_enrolled`); for
/// others, and for whoever has one, it needs `preferences:manage`.
#[utoipa::path(
    post, path = "/api/communication/privacy/{user_id}/erase", tag = "Privacy", operation_id = "erase_person",
    params(("user_id" = String, Path, description = "The person's id")),
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
    if authority == Authority::Person && app.privacy.exporter.twofactor.factor(&person).await?.is_some() {
        return Err(factor_enrolled());
    }
    let erasure = app.privacy.eraser.ask(&person, authority, reason, &witness).await?;
    let counts = app.privacy.eraser.store.counts(&erasure).await?;
    Ok((StatusCode::ACCEPTED, Json(view(erasure, counts))))
}

/// A token alone must not take away what protects against a stolen token.
fn factor_enrolled() -> ApiError {
    let why = "Whoever has a second factor is erased by a token with preferences:manage, once they proved it";
    ApiError::forbidden("A second factor is enrolled").details(why).with("reason", "second_factor_enrolled")
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
