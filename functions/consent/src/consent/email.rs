//! `POST /api/communication/consent/email`: a person's e-mail address, and that they agreed to e-mails.

use std::net::IpAddr;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body, Caller, Origin};
use switchboard::message::{Channel, EmailAddress, Locale};
use switchboard::person::PersonId;

use super::{ConsentResponse, message_types, source};
use crate::App;
use crate::request::Proof;

/// Who agreed, for which address and which messages.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct EmailConsentRequest {
    user_id: PersonId,
    #[schema(example = "user@example.com")]
    email: String,
    /// The trigger types they agreed to; all if absent.
    #[schema(example = json!(["monthly_report", "career_insight"]))]
    message_types: Option<Vec<String>>,
    /// Where they agreed.
    #[schema(example = "api")]
    consent_source: Option<String>,
    /// The language they want to be written to in (BCP 47); as before if absent.
    #[schema(example = "en")]
    locale: Option<Locale>,
    /// The text they agreed to, as it was shown to them.
    #[schema(max_length = 4000)]
    consent_text: Option<String>,
    /// Their own address and user agent when they agreed, where the caller is not their device.
    #[schema(value_type = Option<String>, example = "203.0.113.7")]
    ip_address: Option<IpAddr>,
    #[schema(max_length = 512)]
    user_agent: Option<String>,
}

/// Grant e-mail consent
///
/// Registers the person if they are new. People may do it for themselves; for others it needs `preferences:manage`.
#[utoipa::path(
    post, path = "/api/communication/consent/email", tag = "Consent", operation_id = "grant_email_consent",
    request_body = EmailConsentRequest,
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
    origin: Origin,
    body: Body<EmailConsentRequest>,
) -> Result<Json<ConsentResponse>, ApiError> {
    let request = body.value;
    caller.may_manage(&request.user_id)?;
    let address = EmailAddress::parse(&request.email)
        .map_err(|error| ApiError::invalid_field("email", format!("It is {error}")))?;
    let (source, types) = (source(request.consent_source)?, message_types(request.message_types)?);
    let proof = Proof::read(request.ip_address, request.user_agent, request.consent_text)?;
    let now = app.road.clock.now();
    let witness = proof.witness(origin, &caller, &source, now);
    let person = app.road.people.change(&request.user_id, &witness, |person| {
        proof.beside(person.recorded(|person| {
            if let Some(locale) = &request.locale {
                person.locale = Some(locale.clone());
            }
            person.set_email(address.clone());
            person.grant(Channel::Email, types.clone(), source.clone(), now);
        }))
    });
    let verified = person.await?.is_verified(Channel::Email);
    Ok(Json(ConsentResponse {
        success: true,
        message: "Email consent granted successfully",
        verification_required: !verified,
        unsent: None,
    }))
}
