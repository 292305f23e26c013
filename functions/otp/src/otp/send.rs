//! `POST /api/v2/communications/otp/send`: a one-time code to an address, for a purpose.

use std::net::IpAddr;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use switchboard::http::refusals::SendRefusals;
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey};
use switchboard::message::{Channel, Locale};
use switchboard::otp::Purpose;
use switchboard::person::PersonId;

use crate::App;
use crate::request::{OtpResponse, Wish, send};

/// Where a code goes, and what it is for.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct OtpRequest {
    /// In any common spelling. Either this or `email`.
    #[serde(alias = "to", alias = "to_number", alias = "phoneNumber")]
    #[schema(example = "+14155552671")]
    phone_number: Option<String>,
    email: Option<String>,
    /// What the code is for: a code for one purpose is worth nothing for another. 1 to 64 of a-z, 0-9, `_`, `-`, `.`.
    purpose: Purpose,
    /// `sms`, `whatsapp`, `call` or `email`; a text or an e-mail if absent.
    channel: Option<Channel>,
    /// What else to try if it cannot arrive: `auto` (SMS falls back to a call, WhatsApp to SMS, a call to SMS), `none`, or
    /// channels in order. All lead to the same address.
    #[schema(value_type = Option<String>, example = "auto")]
    fallback: Option<Value>,
    /// The language of the message (BCP 47).
    #[schema(example = "en")]
    locale: Option<Locale>,
    /// Whom it is for, if the client knows: what is sent to one person is limited, whatever the addresses.
    user_id: Option<PersonId>,
    /// The network address the person's request came from, if the client knows: what is asked for from one network is
    /// limited.
    #[serde(alias = "ip")]
    #[schema(value_type = Option<String>, example = "203.0.113.7")]
    ip_address: Option<IpAddr>,
}

/// Send a one-time code
///
/// Asked for again while it is valid, the same code is sent again: at most 5 times in 10 minutes. Needs the scope
/// `communication:send`.
#[utoipa::path(
    post, path = "/api/v2/communications/otp/send", tag = "One-time codes", operation_id = "otp_send",
    params(IdempotencyKey),
    request_body = OtpRequest,
    responses(
        (status = 200, description = "On its way, if the address can be written to", body = OtpResponse),
        SendRefusals,
    ),
    security(("bearer" = ["communication:send"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<OtpRequest>,
) -> Result<Response, ApiError> {
    let OtpRequest { phone_number, email, purpose, channel, fallback, locale, user_id, ip_address } = body.value;
    let wish = Wish { phone: phone_number, email, purpose, channel, fallback, locale, user_id, ip_address };
    send(&app, caller, &key, ("otp/send", &body.canonical), wish).await
}
