//! `POST /api/v2/communications/otp/verify`: whether the code that was sent was entered.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use switchboard::clock::seconds_until;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body, Caller};
use switchboard::otp::{Checked, Code, Purpose};

use crate::App;
use crate::request::address;

/// What was entered, and where the code had been sent.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct OtpVerifyRequest {
    /// The number the code was sent to. Either this or `email`.
    #[serde(alias = "to", alias = "to_number", alias = "phoneNumber")]
    #[schema(example = "+14155552671")]
    phone_number: Option<String>,
    email: Option<String>,
    /// The purpose it was sent for.
    purpose: Purpose,
    /// 4 to 10 digits; spaces and hyphens between them do not matter.
    #[schema(value_type = String, example = "482913")]
    code: Code,
}

/// What became of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct OtpVerifyResponse {
    success: bool,
    /// Whether it was the right code. It is used up by that.
    verified: bool,
    status: OtpStatus,
    /// `pending`: how many more codes may be entered.
    #[serde(skip_serializing_if = "Option::is_none")]
    checks_left: Option<u32>,
    /// `max_attempts_reached`: in how many seconds a new code can be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<i64>,
}

/// Where a verification stands.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OtpStatus {
    Approved,
    /// A wrong code; the right one may still be entered.
    Pending,
    /// Nothing to verify: no code was sent for this, or it has expired, or it was used.
    Expired,
    MaxAttemptsReached,
}

/// Verify a one-time code
///
/// At most 5 codes may be entered for one that was sent, right or wrong. Needs the scope `communication:send`.
#[utoipa::path(
    post, path = "/api/v2/communications/otp/verify", tag = "One-time codes", operation_id = "otp_verify",
    request_body = OtpVerifyRequest,
    responses(
        (status = 200, description = "Looked at", body = OtpVerifyResponse),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["communication:send"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    body: Body<OtpVerifyRequest>,
) -> Result<Json<OtpVerifyResponse>, ApiError> {
    let OtpVerifyRequest { phone_number, email, purpose, code } = body.value;
    let address = address(&app, phone_number, email)?;
    let purpose = purpose.of_caller(&app.road.seal, &caller.subject);
    let checked = app.otp.check(&address, &purpose, &code).await?;
    let (status, checks_left, until) = match checked {
        Checked::Approved => (OtpStatus::Approved, None, None),
        Checked::Wrong { left } => (OtpStatus::Pending, Some(left), None),
        Checked::TooMany { until } => (OtpStatus::MaxAttemptsReached, None, Some(until)),
        Checked::Nothing => (OtpStatus::Expired, None, None),
    };
    Ok(Json(OtpVerifyResponse {
        success: true,
        verified: checked == Checked::Approved,
        status,
        checks_left,
        retry_after: until.map(|until| seconds_until(until, app.road.clock.now())),
    }))
}
