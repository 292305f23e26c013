//! `POST /api/v2/2fa/remove`: somebody has no second factor any more.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body, Caller, Scope, SecondFactor, SecondFactorAssertion};
use switchboard::person::PersonId;
use switchboard::twofactor::Action;

use super::not_enrolled;
use crate::App;

/// Whose.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct TwoFactorRemoveRequest {
    #[serde(alias = "userId")]
    user_id: PersonId,
}

/// It is gone.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TwoFactorRemoveResponse {
    success: bool,
    /// Always `true`.
    removed: bool,
}

/// Remove a second factor
///
/// Its running codes, recovery codes and trusted devices end with it, and so does a phone that waits to be confirmed. People may
/// remove their own with a fresh assertion (`action`: `remove_second_factor`) in the header `Second-Factor-Assertion`; for others, and
/// without an assertion, it needs `preferences:manage`.
#[utoipa::path(
    post, path = "/api/v2/2fa/remove", tag = "Two-factor", operation_id = "two_factor_remove",
    params(SecondFactorAssertion),
    request_body = TwoFactorRemoveRequest,
    responses(
        (status = 200, description = "Gone", body = TwoFactorRemoveResponse),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        (status = 404, description = "Neither a second factor nor a phone that waits", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    assertion: SecondFactorAssertion,
    body: Body<TwoFactorRemoveRequest>,
) -> Result<Json<TwoFactorRemoveResponse>, ApiError> {
    let person = body.value.user_id;
    caller.may_manage(&person)?;
    if caller.require(Scope::ManagePreferences).is_err() {
        let proven = assertion.require(&app.twofactor.actions, &person, Action::RemoveSecondFactor).await?;
        if proven == SecondFactor::NotEnrolled {
            return Err(not_enrolled());
        }
    }
    if !app.twofactor.remove(&caller.subject, &person).await? {
        return Err(not_enrolled());
    }
    Ok(Json(TwoFactorRemoveResponse { success: true, removed: true }))
}
