//! `POST /api/v2/2fa/start`: a sign-in begins. A code goes to the enrolled phone, unless the device is trusted.

use std::net::IpAddr;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use switchboard::clock::seconds_until;
use switchboard::http::idempotency::mark_replay;
use switchboard::http::refusals::SendRefusals;
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey};
use switchboard::message::{Channel, Locale};
use switchboard::person::PersonId;
use switchboard::twofactor::{Action, Audience, Begin, BeginError, Begun, DeviceToken, Passed};

use super::{identity, locked};
use crate::App;
use crate::request::{OtpResponse, answer, refused};

/// Who signs in.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct TwoFactorStartRequest {
    #[serde(alias = "userId")]
    user_id: PersonId,
    /// `sms`, `whatsapp` or `call`; `sms` if absent. There is no fallback: the assertion tells which one it was.
    channel: Option<Channel>,
    /// The language of the message (BCP 47); the person's if absent.
    #[schema(example = "en")]
    locale: Option<Locale>,
    /// The network address the person's request came from, if the client knows.
    #[serde(alias = "ip", alias = "ipAddress")]
    #[schema(value_type = Option<String>, example = "203.0.113.7")]
    ip_address: Option<IpAddr>,
    /// What an earlier check gave this device (`trust_device`). One that is not trusted is as good as none.
    #[serde(alias = "deviceToken")]
    device_token: Option<String>,
    /// For whom the assertion is; required with `device_token`.
    #[schema(value_type = Option<String>, example = "lender-portal")]
    audience: Option<Audience>,
    /// What the code is for, if it is for something the person does here with their own token; to be checked with the same `action`. A code
    /// for signing in confirms no action. Not with `device_token`.
    action: Option<Action>,
}

/// The device is trusted; no code was sent.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TwoFactorTrusted {
    success: bool,
    /// Always `approved`.
    #[schema(example = "approved")]
    status: &'static str,
    /// A JWT, to be verified with the keys of `/.well-known/jwks.json`.
    assertion: String,
    /// Seconds until it is worth nothing.
    #[schema(example = 300)]
    expires_in: i64,
    #[schema(example = json!(["trusted_device"]))]
    amr: Vec<&'static str>,
}

/// `pending`: a code was sent. `approved`: none is needed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum TwoFactorStartResponse {
    Pending(OtpResponse),
    Approved(TwoFactorTrusted),
}

/// Begin a sign-in
///
/// The answer is the same whether or not the person has a second factor. Asked for again, the same code is sent again: at
/// most 5 times in 10 minutes. Needs the scope `communication:send`.
#[utoipa::path(
    post, path = "/api/v2/2fa/start", tag = "Two-factor", operation_id = "two_factor_start",
    params(IdempotencyKey),
    request_body = TwoFactorStartRequest,
    responses(
        (status = 200, description = "A code is on its way, if there is a phone; or none is needed", body = TwoFactorStartResponse),
        SendRefusals,
    ),
    security(("bearer" = ["communication:send"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<TwoFactorStartRequest>,
) -> Result<Response, ApiError> {
    let (id, request_hash) = identity(&app, &caller, &key, "2fa/start", &body.canonical);
    let TwoFactorStartRequest { user_id, channel, locale, ip_address, device_token, audience, action } = body.value;
    let channel = channel.unwrap_or(Channel::Sms);
    if !channel.is_telephone() {
        return Err(ApiError::invalid_field("channel", "It must be sms, whatsapp or call"));
    }
    if let Some(audience) = &audience {
        caller.may_assert_for(audience)?;
    }
    if action.is_some() && device_token.is_some() {
        return Err(ApiError::invalid_field("device_token", "An action needs a code"));
    }
    let device = match (device_token.as_deref().map(DeviceToken::presented), audience) {
        (None, _) => None,
        (Some(_), None) => return Err(ApiError::missing_field("audience").details("A device_token needs one")),
        (Some(token), Some(audience)) => token.map(|token| (token, audience)),
    };
    let (caller, ip) = (caller.subject, ip_address);
    let begin = Begin { id, request_hash, caller, person: user_id, channel, locale, ip, action, device };
    let now = app.road.clock.now();
    let begun = app.twofactor.start(begin).await.map_err(|error| match error {
        BeginError::Locked(until) => locked(until, now),
        BeginError::Start(error) => refused(error, "user_id", now),
        BeginError::Trouble(trouble) => trouble.into(),
    })?;
    let now = app.road.clock.now();
    Ok(match begun {
        Begun::Sent(started) => {
            let mut response = Json(TwoFactorStartResponse::Pending(answer(&started, now))).into_response();
            if started.replayed {
                mark_replay(response.headers_mut());
            }
            response
        }
        Begun::Trusted(Passed { assertion, expires, method, .. }) => {
            Json(TwoFactorStartResponse::Approved(TwoFactorTrusted {
                success: true,
                status: "approved",
                assertion,
                expires_in: seconds_until(expires, now),
                amr: method.amr().to_vec(),
            }))
            .into_response()
        }
    })
}
