//! `/api/v2/2fa/*`: two-factor for people who sign in to a portal. In the order of a person's life: [`enrol`], [`confirm`] ·
//! [`start`], [`check`] · [`status`], [`history`] · [`recovery_codes`], [`revoke_device`], [`remove`]; and [`jwks`], the keys
//! a portal verifies with. What the rules are is in [`switchboard::twofactor`].

pub mod check;
pub mod confirm;
pub mod enrol;
pub mod history;
pub mod jwks;
pub mod recovery_codes;
pub mod remove;
pub mod revoke_device;
pub mod start;
pub mod status;

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use jiff::Timestamp;
use switchboard::clock::seconds_until;
use switchboard::http::{ApiError, Caller, IdempotencyKey};
use switchboard::message::MessageId;
use switchboard::person::PersonId;
use switchboard::twofactor::{Locked, RecoveryCode};

use crate::App;

/// Too many checks failed: nothing is looked at for a while.
fn locked(locked: Locked, now: Timestamp) -> ApiError {
    let wait = seconds_until(locked.until, now);
    ApiError::try_later("Too many failed checks", wait)
        .details(format!("Nothing was checked and nothing was sent; try again in {} s", wait.max(1)))
        .with("reason", "locked")
}

/// The person has no second factor, and the caller may know.
fn not_enrolled() -> ApiError {
    ApiError::not_found("Not enrolled").with("field", "user_id")
}

/// Whom a path names.
fn person_id(text: &str) -> Result<PersonId, ApiError> {
    PersonId::path(text).ok_or_else(|| ApiError::invalid_field("user_id", "It must be 1 to 128 bytes"))
}

/// A query string as it was meant.
fn query<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, ApiError> {
    query.map(|Query(query)| query).map_err(|error| ApiError::bad_request("Invalid query").details(error.body_text()))
}

/// The id of the message a request sends, and the keyed hash of its body: the same for a request that is repeated.
fn identity(
    app: &App,
    caller: &Caller,
    key: &IdempotencyKey,
    endpoint: &str,
    body: &str,
) -> (MessageId, Option<String>) {
    match &key.0 {
        Some(key) => {
            let id = MessageId::derived(app.road.seal.ids(), &caller.subject, endpoint, key);
            (id, Some(app.road.seal.keyed_hash(body.as_bytes())))
        }
        None => (MessageId::new(), None),
    }
}

/// Recovery codes as they are shown, this once.
fn shown(codes: &[RecoveryCode]) -> Vec<String> {
    codes.iter().map(RecoveryCode::shown).collect()
}
