//! `POST /api/communication/consent/sms`: a person's phone number, and that they agreed to texts. A code goes to a number
//! that was not proven to be theirs.

use std::net::IpAddr;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Deserialize;
use switchboard::clock::seconds_until;
use switchboard::http::error::ErrorBody;
use switchboard::http::idempotency::mark_replay;
use switchboard::http::refusals::SendRefusals;
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey, Origin, Scope, SecondFactorAssertion};
use switchboard::message::{Address, Channel, Locale, MessageId, PhoneNumber, Trigger};
use switchboard::otp::{Purpose, Refusal, Start, StartError};
use switchboard::person::profile::SetBy;
use switchboard::person::{PersonId, Proof, ProofSource};

use super::{ConsentResponse, Unsent, is_repeated_grant, message_types, source};
use crate::App;
use crate::request::{Evidence, may_change_address, set_by};

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
    /// The network address the person's request came from, if the client knows: codes are limited by it. Of whoever calls for
    /// themselves it is the one we see; what is said here stands in the ledger as the client's word.
    #[serde(alias = "ip", alias = "ipAddress")]
    #[schema(value_type = Option<String>, example = "203.0.113.7")]
    ip_address: Option<IpAddr>,
    /// Whether a code is sent to a number that is not verified. `false` attests that the number was verified elsewhere, and
    /// needs `preferences:manage`.
    #[serde(default = "yes", alias = "sendCode")]
    #[schema(default = true)]
    send_code: bool,
}

fn yes() -> bool {
    true
}

/// Grant SMS consent
///
/// Registers the person if they are new, and sends a code to their number, to be entered at `consent/sms/verify`, unless it
/// was verified before. Until then the consent is pending. It is on record also where no code could be sent: then the answer says
/// `code_sent: false`, why (`reason`), and when to ask again (`retry_after`). People may do it for themselves; for others it needs
/// `preferences:manage`. A number that a token with `preferences:manage` gives is on file at once: transactional and security
/// messages go there. One that people give themselves is a claim: nothing goes there but its code, and a number they were
/// reached at before stays in force until the new one is verified.
#[utoipa::path(
    post, path = "/api/communication/consent/sms", tag = "Consent", operation_id = "grant_sms_consent",
    params(IdempotencyKey, SecondFactorAssertion),
    request_body = SmsConsentRequest,
    responses(
        (status = 200, description = "On record", body = ConsentResponse),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        SendRefusals,
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    origin: Origin,
    assertion: SecondFactorAssertion,
    body: Body<SmsConsentRequest>,
) -> Result<Response, ApiError> {
    let request = body.value;
    caller.may_manage(&request.user_id)?;
    if !request.send_code {
        caller.require(Scope::ManagePreferences).map_err(|refused| refused.with("field", "send_code"))?;
    }
    let number = PhoneNumber::parse(&request.phone_number, &app.region)
        .map_err(|error| ApiError::invalid_field("phone_number", format!("It is {error}")))?;
    let (source, types) = (source(request.consent_source)?, message_types(request.message_types)?);
    let mut code = Start {
        trigger: Trigger::PhoneVerification,
        locale: request.locale.clone(),
        person: Some(request.user_id.clone()),
        // Whoever calls for themselves is where we see them.
        ip: if caller.subject == request.user_id.as_str() { origin.ip } else { request.ip_address },
        ..Start::new(
            Address::Phone(number.clone()),
            Purpose::consent(&app.road.seal, &request.user_id),
            caller.subject.clone(),
        )
    };
    if let Some(key) = &key.0 {
        code.id = MessageId::derived(app.road.seal.ids(), &caller.subject, "consent/sms", key);
        code.request_hash = Some(app.road.seal.keyed_hash(body.canonical.as_bytes()));
    }
    // A request that is repeated grants nothing again: they may have revoked it since.
    if app.otp.before(&code).await.map_err(failed)?.is_some() {
        let mut response = Json(granted(true, None)).into_response();
        mark_replay(response.headers_mut());
        return Ok(response);
    }
    let keyed = code.request_hash.clone().map(|hash| (code.id, hash));
    if is_repeated_grant(&app, keyed.as_ref()).await? {
        let mut response = Json(granted(false, None)).into_response();
        mark_replay(response.headers_mut());
        return Ok(response);
    }
    let now = app.road.clock.now();
    let evidence = Evidence::read(request.ip_address, None, None)?;
    let witness = evidence.witness(origin, &caller, &source, now);
    let (set_by, address) = (set_by(&caller), Address::Phone(number.clone()));
    may_change_address(&app, set_by, &request.user_id, &address, &assertion).await?;
    let person = app.road.people.change(&request.user_id, &witness, |person| {
        person.recorded(|person| {
            if let Some(locale) = &request.locale {
                person.locale = Some(locale.clone());
            }
            match set_by {
                SetBy::Manager => person.set_phone(number.clone()),
                SetBy::Person => person.claim_address(&address),
            }
            if !request.send_code {
                person.prove(&address, Proof::new(ProofSource::Attested, now));
            }
            if person.has_proven(&address) {
                person.grant(Channel::Sms, types.clone(), source.clone(), now);
            } else {
                person.grant_pending(Channel::Sms, types.clone(), source.clone(), now);
            }
        })
    });
    let person = person.await?;
    app.road.settle_proofs(&person, &witness).await?;
    let verified = person.has_proven(&address);
    if let Some((id, hash)) = keyed.as_ref().filter(|_| verified) {
        app.otp.remember_grant(*id, hash).await?;
    }
    let unsent = if verified { None } else { send(&app, code, set_by).await? };
    Ok(Json(granted(!verified, unsent)).into_response())
}

fn granted(verification_required: bool, unsent: Option<Unsent>) -> ConsentResponse {
    ConsentResponse { success: true, message: "SMS consent granted successfully", verification_required, unsent }
}

/// Sends the code. What the guard refuses is told: the consent is on record without it. Whoever only claims the number does not
/// learn that codes are sent there for others.
async fn send(app: &App, code: Start, set_by: SetBy) -> Result<Option<Unsent>, ApiError> {
    match app.otp.start(code).await {
        // It was sent a moment ago, as often as it may be, and is good still.
        Ok(_) | Err(StartError::Refused(Refusal::TooManySends { .. })) => Ok(None),
        Err(StartError::Refused(Refusal::TooManyForAddress { .. })) if set_by == SetBy::Person => Ok(None),
        Err(StartError::Refused(refusal)) => Ok(Some(unsent(&refusal, app.road.clock.now()))),
        Err(error) => Err(failed(error)),
    }
}

fn unsent(refusal: &Refusal, now: Timestamp) -> Unsent {
    let retry_after = refusal.until().map(|until| seconds_until(until, now));
    Unsent { code_sent: false, reason: refusal.as_str(), retry_after }
}

fn failed(error: StartError) -> ApiError {
    match error {
        StartError::NotAdmitted(refusal) => refusal.into(),
        StartError::OtherBody => ApiError::other_body(),
        StartError::Store(error) => error.into(),
        StartError::Provider(why) => ApiError::unavailable(why),
        StartError::Template(why) => ApiError::internal(why),
        StartError::Refused(refusal) => ApiError::internal(refusal.as_str()),
    }
}
