//! What the bodies have in common: an address that is exactly one, a purpose, a channel that leads to the address.

use std::net::IpAddr;

use axum::Json;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use switchboard::clock::seconds_until;
use switchboard::http::idempotency::mark_replay;
use switchboard::http::{ApiError, Caller, IdempotencyKey};
use switchboard::message::{Address, Channel, EmailAddress, Locale, MessageId, PhoneNumber};
use switchboard::otp::{Purpose, Refusal, Start, StartError, Started, usual};
use switchboard::person::PersonId;

use crate::App;

/// A code is on its way, if the address can be written to. The answer is the same whether or not it can.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct OtpResponse {
    success: bool,
    /// Always `pending`.
    #[schema(example = "pending")]
    status: &'static str,
    /// The channel it was asked for on; a fallback may carry it on another.
    channel: Channel,
    /// Seconds until the code is worth nothing, to the nearest.
    #[schema(example = 600)]
    expires_in: i64,
    /// Seconds until another may be asked for. Within the code's validity it is the same code again.
    #[schema(example = 30)]
    resend_after: i64,
}

/// A code as a client asks for it.
pub(crate) struct Wish {
    pub(crate) phone: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) purpose: Purpose,
    pub(crate) channel: Option<Channel>,
    pub(crate) fallback: Option<Value>,
    pub(crate) locale: Option<Locale>,
    pub(crate) user_id: Option<PersonId>,
    pub(crate) ip_address: Option<IpAddr>,
}

/// The one address of a request.
pub(crate) fn address(app: &App, phone: Option<String>, email: Option<String>) -> Result<Address, ApiError> {
    match (phone, email) {
        (Some(phone), None) => PhoneNumber::parse(&phone, &app.region)
            .map(Address::Phone)
            .map_err(|error| ApiError::invalid_field("phone_number", format!("It is {error}"))),
        (None, Some(email)) => EmailAddress::parse(&email)
            .map(Address::Email)
            .map_err(|error| ApiError::invalid_field("email", format!("It is {error}"))),
        (None, None) => Err(ApiError::missing_field("phone_number").details("Or email: a code goes to one address")),
        (Some(_), Some(_)) => {
            Err(ApiError::invalid_field("email", "Give either phone_number or email: a code proves one address"))
        }
    }
}

/// Sends a code and answers. `body`: the endpoint and the request's canonical body, which make its identity.
pub(crate) async fn send(
    app: &App,
    caller: Caller,
    key: &IdempotencyKey,
    (endpoint, body): (&str, &str),
    wish: Wish,
) -> Result<Response, ApiError> {
    let address = address(app, wish.phone, wish.email)?;
    let purpose = wish.purpose.of_caller(&app.road.seal, &caller.subject);
    let mut start = Start::new(address, purpose, caller.subject);
    if let Some(key) = &key.0 {
        start.id = MessageId::derived(app.road.seal.ids(), &start.caller, endpoint, key);
        start.request_hash = Some(app.road.seal.keyed_hash(body.as_bytes()));
    }
    if let Some(channel) = wish.channel {
        start.channel = leading_to(&start.address, "channel", channel)?;
    }
    start.instead = instead(&start.address, start.channel, wish.fallback.as_ref())?;
    start.locale = wish.locale;
    start.person = wish.user_id;
    start.ip = wish.ip_address;
    let now = app.road.clock.now();
    let field = match &start.address {
        Address::Phone(_) => "phone_number",
        Address::Email(_) => "email",
    };
    let started = app.otp.start(start).await.map_err(|error| refused(error, field, now))?;
    let mut response = Json(answer(&started, app.road.clock.now())).into_response();
    if started.replayed {
        mark_replay(response.headers_mut());
    }
    Ok(response)
}

pub(crate) fn answer(started: &Started, now: Timestamp) -> OtpResponse {
    OtpResponse {
        success: true,
        status: "pending",
        channel: started.channel,
        expires_in: (started.expires.as_millisecond() - now.as_millisecond() + 500) / 1_000,
        resend_after: seconds_until(started.resend_at, now),
    }
}

/// A channel on which a message gets to this address.
pub(crate) fn leading_to(address: &Address, field: &str, channel: Channel) -> Result<Channel, ApiError> {
    let fits = channel.is_telephone() == matches!(address, Address::Phone(_));
    let why = "A phone number takes sms, whatsapp or call, an e-mail address takes email";
    fits.then_some(channel).ok_or_else(|| ApiError::invalid_field(field, why))
}

/// `auto` (or nothing), `none`, or channels in order.
fn instead(address: &Address, channel: Channel, fallback: Option<&Value>) -> Result<Vec<Channel>, ApiError> {
    let invalid = || ApiError::invalid_field("fallback", "It must be auto, none, or a list of channels");
    match fallback {
        None | Some(Value::Null) => Ok(usual(channel).to_vec()),
        Some(Value::String(word)) if word == "auto" => Ok(usual(channel).to_vec()),
        Some(Value::String(word)) if word == "none" => Ok(Vec::new()),
        Some(Value::Array(list)) if list.len() <= 3 => {
            let one = |value: &Value| value.as_str().and_then(|name| name.parse().ok()).ok_or_else(invalid);
            list.iter().map(|value| leading_to(address, "fallback", one(value)?)).collect()
        }
        Some(_) => Err(invalid()),
    }
}

/// The refusal of a code that was not sent to the address of this field.
pub(crate) fn refused(error: StartError, field: &str, now: Timestamp) -> ApiError {
    match error {
        StartError::Refused(refusal) => guarded(&refusal, field, now),
        StartError::NotAdmitted(refusal) => refusal.into(),
        StartError::OtherBody => ApiError::other_body(),
        StartError::Template(why) => ApiError::internal(why),
        StartError::Provider(why) => ApiError::unavailable(why),
        StartError::Store(error) => error.into(),
    }
}

fn guarded(refusal: &Refusal, field: &str, now: Timestamp) -> ApiError {
    let error = match (refusal, refusal.until()) {
        (Refusal::LineNotAllowed(line), _) => {
            let why = format!("Codes are not sent to this kind of number ({line}) on this channel");
            ApiError::invalid_field("phone_number", why)
        }
        (Refusal::ProviderRefuses, _) => ApiError::invalid_field(field, "The provider sends no codes there"),
        (_, None) => ApiError::forbidden("Codes are not sent to this country")
            .details("Nothing was sent")
            .with("field", "phone_number"),
        (_, Some(until)) => {
            let why = match refusal {
                Refusal::TooManyChecks { .. } => "Too many codes were entered",
                Refusal::CountryNotAllowed
                | Refusal::LineNotAllowed(_)
                | Refusal::ProviderRefuses
                | Refusal::TooManySends { .. }
                | Refusal::TooManyForAddress { .. }
                | Refusal::TooManyForPerson { .. }
                | Refusal::TooManyForIp { .. }
                | Refusal::TooManyForBlock { .. }
                | Refusal::BlockNeverEnters { .. }
                | Refusal::TooManyForCountry { .. } => "Too many codes were asked for",
            };
            ApiError::try_later(why, seconds_until(until, now))
        }
    };
    error.with("reason", refusal.as_str())
}
