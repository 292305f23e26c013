//! `POST /api/sms/send-2fa`: the code of a second factor, as a text.

use std::net::IpAddr;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use switchboard::http::refusals::SendRefusals;
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey};
use switchboard::message::{Channel, Locale};
use switchboard::otp::Purpose;
use switchboard::person::PersonId;

use crate::App;
use crate::request::{OtpResponse, Wish, send};

/// Where the code goes.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct Send2faRequest {
    /// In any common spelling.
    #[serde(alias = "to", alias = "toNumber", alias = "to_number", alias = "phoneNumber")]
    #[schema(example = "+14155552671")]
    phone_number: String,
    /// What it is for; `two_factor` if absent.
    purpose: Option<Purpose>,
    /// The language of the message (BCP 47).
    #[schema(example = "en")]
    locale: Option<Locale>,
    /// Whom it is for, if the client knows.
    #[serde(alias = "userId")]
    user_id: Option<PersonId>,
    /// The network address the person's request came from, if the client knows.
    #[serde(alias = "ip", alias = "ipAddress")]
    #[schema(value_type = Option<String>, example = "203.0.113.7")]
    ip_address: Option<IpAddr>,
}

/// Send a two-factor code
///
/// What was entered is verified at `/api/v2/communications/otp/verify`. Needs the scope `communication:send`.
#[utoipa::path(
    post, path = "/api/sms/send-2fa", tag = "One-time codes", operation_id = "send_2fa",
    params(IdempotencyKey),
    request_body = Send2faRequest,
    responses(
        (status = 200, description = "On its way, if the number can be written to", body = OtpResponse),
        SendRefusals,
    ),
    security(("bearer" = ["communication:send"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<Send2faRequest>,
) -> Result<Response, ApiError> {
    let Send2faRequest { phone_number, purpose, locale, user_id, ip_address } = body.value;
    let wish = Wish {
        phone: Some(phone_number),
        email: None,
        purpose: purpose.unwrap_or_else(Purpose::two_factor),
        channel: Some(Channel::Sms),
        fallback: None,
        locale,
        user_id,
        ip_address,
    };
    send(&app, caller, &key, ("send-2fa", &body.canonical), wish).await
}
