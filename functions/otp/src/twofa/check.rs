//! `POST /api/v2/2fa/check`: what was entered, a code or a recovery code. If it is right, an assertion of it.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use switchboard::clock::seconds_until;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body, Caller};
use switchboard::otp::Code;
use switchboard::person::PersonId;
use switchboard::twofactor::{
    Action, Audience, Check, Method, Passed, Proof, RecoveryCode, Target, Trust, Try, Verdict,
};

use super::locked;
use crate::App;

/// What was entered.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct TwoFactorCheckRequest {
    #[serde(alias = "userId")]
    user_id: PersonId,
    /// 4 to 10 digits; spaces and hyphens between them do not matter. Either this or `recovery_code`.
    #[schema(value_type = Option<String>, example = "482913")]
    code: Option<Code>,
    #[serde(alias = "recoveryCode")]
    #[schema(value_type = Option<String>, example = "K7QMX-4TRWP")]
    recovery_code: Option<RecoveryCode>,
    /// For whom the assertion is, unless it is for an `action`: the token's subject, or one of its claim `two_factor_audiences`. 1 to 255 printable ASCII
    /// characters without spaces.
    #[schema(value_type = Option<String>, example = "lender-portal")]
    audience: Option<Audience>,
    /// Instead of `audience`: what the person does here with their own token. The code must have been sent for it (`start`), and the
    /// answer's assertion goes into the header `Second-Factor-Assertion` of that request, within five minutes, once.
    action: Option<Action>,
    /// Whether the device needs no code for thirty days. Not with a recovery code.
    #[serde(default, alias = "trustDevice")]
    trust_device: bool,
}

/// What became of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum TwoFactorCheckResponse {
    Approved(TwoFactorApproved),
    Denied(TwoFactorDenied),
}

/// It was right.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TwoFactorApproved {
    success: bool,
    /// Always `true`.
    verified: bool,
    /// Always `approved`.
    #[schema(example = "approved")]
    status: &'static str,
    /// A JWT, to be verified with the keys of `/.well-known/jwks.json`; for an `action`, a text for this API alone.
    assertion: String,
    /// Seconds until it is worth nothing.
    #[schema(example = 300)]
    expires_in: i64,
    /// How it was proved (RFC 8176); `recovery_code` and `trusted_device` are our own.
    #[schema(example = json!(["otp", "sms", "mca"]))]
    amr: Vec<&'static str>,
    /// What the device shows at `/api/v2/2fa/start` from now on, if it is trusted. Told this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    device_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_expires_at: Option<Timestamp>,
    /// After a recovery code: how many are left.
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_codes_left: Option<usize>,
}

/// It was wrong, or there was nothing it could be right for.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TwoFactorDenied {
    success: bool,
    /// Always `false`.
    #[schema(example = false)]
    verified: bool,
    /// Always `denied`.
    #[schema(example = "denied")]
    status: &'static str,
    /// How many more may fail before nothing is looked at for a while.
    attempts_left: u32,
    /// Seconds in which nothing is looked at, if it was the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<i64>,
}

impl TwoFactorDenied {
    pub(super) fn new(tried: Try, now: Timestamp) -> Self {
        Self {
            success: true,
            verified: false,
            status: "denied",
            attempts_left: tried.left,
            retry_after: tried.locks.map(|until| seconds_until(until, now)),
        }
    }
}

/// Check a code or a recovery code
///
/// Five that fail in a row, over all codes, lock the person for a minute, then for twice as long each time, up to an hour
/// (429). An assertion for a portal is accepted for no action here, nor the other way round. For somebody without a second factor every code is wrong. Needs the scope `communication:send`.
#[utoipa::path(
    post, path = "/api/v2/2fa/check", tag = "Two-factor", operation_id = "two_factor_check",
    request_body = TwoFactorCheckRequest,
    responses(
        (status = 200, description = "Looked at", body = TwoFactorCheckResponse),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["communication:send"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    body: Body<TwoFactorCheckRequest>,
) -> Result<Json<TwoFactorCheckResponse>, ApiError> {
    let TwoFactorCheckRequest { user_id, code, recovery_code, audience, action, trust_device } = body.value;
    let target = match (audience, action) {
        (Some(audience), None) => {
            caller.may_assert_for(&audience)?;
            Target::Portal(audience)
        }
        (None, Some(_)) if trust_device => {
            return Err(ApiError::invalid_field("trust_device", "A device is trusted at a portal, not for an action"));
        }
        (None, Some(action)) => Target::Action(action),
        (None, None) => return Err(ApiError::missing_field("audience").details("Or action")),
        (Some(_), Some(_)) => return Err(ApiError::invalid_field("action", "Give either audience or action")),
    };
    let proof = match (code, recovery_code) {
        (Some(code), None) => Proof::Code(code, if trust_device { Trust::Device } else { Trust::ThisTime }),
        (None, Some(_)) if trust_device => {
            return Err(ApiError::invalid_field("trust_device", "A recovery code is for getting in once"));
        }
        (None, Some(code)) => Proof::RecoveryCode(code),
        (None, None) => return Err(ApiError::missing_field("code").details("Or recovery_code")),
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid_field("recovery_code", "Give either code or recovery_code"));
        }
    };
    let check = Check { caller: caller.subject, person: user_id, proof, target };
    let verdict = app.twofactor.check(&check).await?;
    let now = app.road.clock.now();
    match verdict {
        Verdict::Passed(passed) => Ok(Json(TwoFactorCheckResponse::Approved(approved(passed, now)))),
        Verdict::Denied(tried) => Ok(Json(TwoFactorCheckResponse::Denied(TwoFactorDenied::new(tried, now)))),
        Verdict::Locked(until) => Err(locked(until, now)),
    }
}

fn approved(passed: Passed, now: Timestamp) -> TwoFactorApproved {
    let Passed { assertion, expires, method, device, recovery_left } = passed;
    TwoFactorApproved {
        success: true,
        verified: true,
        status: "approved",
        assertion,
        expires_in: seconds_until(expires, now),
        amr: method.amr().to_vec(),
        device_token: device.as_ref().map(|(token, _)| token.shown()),
        device_id: device.as_ref().map(|(token, _)| token.id().to_string()),
        device_expires_at: device.map(|(_, until)| until),
        recovery_codes_left: (method == Method::RecoveryCode).then_some(recovery_left),
    }
}
