//! `POST /api/sms/validate-phone`: what the numbering plans say of a phone number, and if asked Twilio.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body, Caller};
use switchboard::message::PhoneNumber;
use switchboard::message::line::Line;
use switchboard::provider::twilio::lookup::LookedUp;

use crate::App;

/// A number to look at.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct ValidatePhoneRequest {
    /// In any common spelling.
    #[serde(alias = "phoneNumber", alias = "phone", alias = "to", alias = "to_number", alias = "toNumber")]
    #[schema(example = "+44 20 7946 0018")]
    phone_number: String,
    /// The country (ISO 3166) a number without country code is read in; the deployment's if absent.
    #[serde(alias = "countryCode", alias = "country_code")]
    #[schema(example = "GB")]
    country: Option<String>,
    /// Also ask Twilio (Lookup), which costs money; an answer is kept for a week.
    #[serde(default)]
    lookup: bool,
}

/// What is known of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ValidatePhoneResponse {
    success: bool,
    /// Its country's numbering plan has it. Whether somebody has the number only a lookup or a message can tell.
    valid: bool,
    /// E.164; absent where the text is no number at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "+442079460018")]
    phone_number: Option<String>,
    /// ISO 3166.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "GB")]
    country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 44)]
    calling_code: Option<u16>,
    #[serde(rename = "type")]
    line: Line,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "020 7946 0018")]
    national_format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "+44 20 7946 0018")]
    international_format: Option<String>,
    /// What Twilio knows of it, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    lookup: Option<LookedUp>,
    /// Why it is not valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Longer texts are no phone numbers.
const LONGEST: usize = 64;

/// Validate a phone number
///
/// Needs the scope `communication:send`.
#[utoipa::path(
    post, path = "/api/sms/validate-phone", tag = "SMS and WhatsApp", operation_id = "validate_phone",
    request_body = ValidatePhoneRequest,
    responses(
        (status = 200, description = "Looked at", body = ValidatePhoneResponse),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["communication:send"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    body: Body<ValidatePhoneRequest>,
) -> Result<Json<ValidatePhoneResponse>, ApiError> {
    let ValidatePhoneRequest { phone_number, country, lookup } = body.value;
    if phone_number.chars().count() > LONGEST {
        return Err(ApiError::invalid_field("phone_number", format!("It must be at most {LONGEST} characters")));
    }
    let region = match country {
        None => app.region.clone(),
        Some(country) => region(&country)?,
    };
    let number = match PhoneNumber::parse(&phone_number, &region) {
        Ok(number) => number,
        Err(error) => return Ok(Json(ValidatePhoneResponse { error: Some(format!("It is {error}")), ..nothing() })),
    };
    let lookup = if lookup { Some(app.lookups.find(&caller.subject, &number).await?) } else { None };
    Ok(Json(ValidatePhoneResponse { lookup, ..described(&number) }))
}

fn region(country: &str) -> Result<String, ApiError> {
    let code = country.trim().to_uppercase();
    let is_code = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    is_code.then_some(code).ok_or_else(|| ApiError::invalid_field("country", "It must be two letters (ISO 3166)"))
}

fn nothing() -> ValidatePhoneResponse {
    ValidatePhoneResponse {
        success: true,
        valid: false,
        phone_number: None,
        country: None,
        calling_code: None,
        line: Line::Unknown,
        national_format: None,
        international_format: None,
        lookup: None,
        error: None,
    }
}

fn described(number: &PhoneNumber) -> ValidatePhoneResponse {
    let facts = number.facts();
    let valid = facts.as_ref().is_some_and(|facts| facts.is_valid);
    ValidatePhoneResponse {
        valid,
        phone_number: Some(number.as_str().to_owned()),
        country: number.country(),
        calling_code: facts.as_ref().map(|facts| facts.calling_code),
        line: facts.as_ref().map_or(Line::Unknown, |facts| facts.line),
        national_format: facts.as_ref().map(|facts| facts.national.clone()),
        international_format: facts.map(|facts| facts.international),
        error: (!valid).then(|| "It is not in its country's numbering plan".to_owned()),
        ..nothing()
    }
}
