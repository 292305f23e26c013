//! `POST /api/v2/2fa/enrol`: a code to a phone that is to be somebody's second factor.

use std::net::IpAddr;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use switchboard::http::error::ErrorBody;
use switchboard::http::idempotency::mark_replay;
use switchboard::http::refusals::SendRefusals;
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey};
use switchboard::message::{Address, Channel, Locale, PhoneNumber};
use switchboard::person::PersonId;
use switchboard::twofactor::{Enrol, EnrolError};

use super::{identity, locked};
use crate::App;
use crate::request::{OtpResponse, answer, leading_to, refused};

/// Whose phone, and which.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct TwoFactorEnrolRequest {
    #[serde(alias = "userId")]
    user_id: PersonId,
    /// In any common spelling.
    #[serde(alias = "phoneNumber", alias = "mobile")]
    #[schema(example = "+14155552671")]
    phone_number: String,
    /// `sms`, `whatsapp` or `call`; `sms` if absent.
    channel: Option<Channel>,
    /// The language of the message (BCP 47).
    #[schema(example = "en")]
    locale: Option<Locale>,
    /// The network address the person's request came from, if the client knows.
    #[serde(alias = "ip", alias = "ipAddress")]
    #[schema(value_type = Option<String>, example = "203.0.113.7")]
    ip_address: Option<IpAddr>,
}

/// Enrol a phone
///
/// The phone waits until its code is confirmed. Asked for again, the same code is sent again; another phone takes the
/// place of the one that waits. Somebody who is enrolled is removed first. Needs the scope `preferences:manage`.
#[utoipa::path(
    post, path = "/api/v2/2fa/enrol", tag = "Two-factor", operation_id = "two_factor_enrol",
    params(IdempotencyKey),
    request_body = TwoFactorEnrolRequest,
    responses(
        (status = 200, description = "On its way, if the number can be written to", body = OtpResponse),
        (status = 409, description = "Enrolled already", body = ErrorBody),
        SendRefusals,
    ),
    security(("bearer" = ["preferences:manage"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<TwoFactorEnrolRequest>,
) -> Result<Response, ApiError> {
    let (id, request_hash) = identity(&app, &caller, &key, "2fa/enrol", &body.canonical);
    let TwoFactorEnrolRequest { user_id, phone_number, channel, locale, ip_address } = body.value;
    let phone = PhoneNumber::parse(&phone_number, &app.region)
        .map_err(|error| ApiError::invalid_field("phone_number", format!("It is {error}")))?;
    let channel = leading_to(&Address::Phone(phone.clone()), "channel", channel.unwrap_or(Channel::Sms))?;
    let (caller, ip) = (caller.subject, ip_address);
    let enrol = Enrol { id, request_hash, caller, person: user_id, phone, channel, locale, ip };
    let now = app.road.clock.now();
    let started = app.twofactor.enrol(enrol).await.map_err(|error| match error {
        EnrolError::AlreadyEnrolled => already_enrolled(),
        EnrolError::Locked(until) => locked(until, now),
        EnrolError::Start(error) => refused(error, "phone_number", now),
        EnrolError::Trouble(trouble) => trouble.into(),
    })?;
    let mut response = Json(answer(&started, app.road.clock.now())).into_response();
    if started.replayed {
        mark_replay(response.headers_mut());
    }
    Ok(response)
}

/// There is a second factor, and only one that was removed makes room for another.
pub(super) fn already_enrolled() -> ApiError {
    ApiError::conflict("Already enrolled")
        .details("Remove the present second factor first, by /api/v2/2fa/remove")
        .with("field", "user_id")
}
