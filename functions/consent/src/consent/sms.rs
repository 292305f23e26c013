//! `POST /api/communication/consent/sms`: a person's phone number, and that they agreed to texts.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body, Caller};
use switchboard::message::{Channel, Locale, PhoneNumber};
use switchboard::person::PersonId;

use super::{ConsentResponse, message_types, source};
use crate::App;

/// Who agreed, for which number.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct SmsConsentRequest {
    user_id: PersonId,
    /// In any common spelling.
    #[schema(example = "+1234567890")]
    phone_number: String,
    /// Where they agreed.
    #[schema(example = "web_form")]
    consent_source: Option<String>,
    /// The trigger types they agreed to; all if absent.
    message_types: Option<Vec<String>>,
    /// The language they want to be written to in (BCP 47); as before if absent.
    #[schema(example = "en")]
    locale: Option<Locale>,
}

/// Grant SMS consent
///
/// Registers the person if they are new. People may do it for themselves; for others it needs `preferences:manage`.
#[utoipa::path(
    post, path = "/api/communication/consent/sms", tag = "Consent", operation_id = "grant_sms_consent",
    request_body = SmsConsentRequest,
    responses(
        (status = 200, description = "On record", body = ConsentResponse),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    body: Body<SmsConsentRequest>,
) -> Result<Json<ConsentResponse>, ApiError> {
    let request = body.value;
    caller.may_manage(&request.user_id)?;
    let number = PhoneNumber::parse(&request.phone_number, &app.region)
        .map_err(|error| ApiError::invalid_field("phone_number", format!("It is {error}")))?;
    let (source, types) = (source(request.consent_source)?, message_types(request.message_types)?);
    let now = app.road.clock.now();
    let person = app.road.people.update(&request.user_id, now, |person| {
        if let Some(locale) = &request.locale {
            person.locale = Some(locale.clone());
        }
        person.set_phone(number.clone());
        person.grant(Channel::Sms, types.clone(), source.clone(), now);
    });
    let verified = person.await?.is_verified(Channel::Sms);
    Ok(Json(ConsentResponse {
        success: true,
        message: "SMS consent granted successfully",
        verification_required: !verified,
    }))
}
