//! `POST /api/v2/2fa/enrol/confirm`: the code that was sent to a phone makes it somebody's second factor.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body, Caller};
use switchboard::otp::Code;
use switchboard::person::PersonId;
use switchboard::twofactor::{Confirmed, EnrolError};

use super::check::TwoFactorDenied;
use super::enrol::already_enrolled;
use super::{locked, shown};
use crate::App;
use crate::request::refused;

/// What was entered.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct TwoFactorConfirmRequest {
    #[serde(alias = "userId")]
    user_id: PersonId,
    /// 4 to 10 digits; spaces and hyphens between them do not matter.
    #[schema(value_type = String, example = "482913")]
    code: Code,
}

/// What became of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum TwoFactorConfirmResponse {
    Enrolled(TwoFactorEnrolled),
    Denied(TwoFactorDenied),
}

/// The phone is the person's second factor now.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TwoFactorEnrolled {
    success: bool,
    /// Always `true`.
    verified: bool,
    /// Always `enrolled`.
    #[schema(example = "enrolled")]
    status: &'static str,
    /// Ten codes for whoever lost their phone, each good once. They are told this once.
    #[schema(example = json!(["K7QMX-4TRWP", "9HJCN-E5ZVA"]))]
    recovery_codes: Vec<String>,
}

/// Confirm a phone
///
/// Needs the scope `preferences:manage`.
#[utoipa::path(
    post, path = "/api/v2/2fa/enrol/confirm", tag = "Two-factor", operation_id = "two_factor_confirm",
    request_body = TwoFactorConfirmRequest,
    responses(
        (status = 200, description = "Looked at", body = TwoFactorConfirmResponse),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        (status = 409, description = "Enrolled already", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["preferences:manage"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    body: Body<TwoFactorConfirmRequest>,
) -> Result<Json<TwoFactorConfirmResponse>, ApiError> {
    let TwoFactorConfirmRequest { user_id, code } = body.value;
    let now = app.road.clock.now();
    let confirmed = app.twofactor.confirm(&caller.subject, &user_id, &code).await.map_err(|error| match error {
        EnrolError::AlreadyEnrolled => already_enrolled(),
        EnrolError::Locked(until) => locked(until, now),
        EnrolError::Start(error) => refused(error, "user_id", now),
        EnrolError::Trouble(trouble) => trouble.into(),
    })?;
    Ok(Json(match confirmed {
        Confirmed::Enrolled(codes) => TwoFactorConfirmResponse::Enrolled(TwoFactorEnrolled {
            success: true,
            verified: true,
            status: "enrolled",
            recovery_codes: shown(&codes),
        }),
        Confirmed::Denied(tried) => TwoFactorConfirmResponse::Denied(TwoFactorDenied::new(tried, now)),
    }))
}
