//! `POST /api/communication/consent/sms/verify`: the code that was sent to a person's number when they agreed to texts.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use switchboard::clock::seconds_until;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body, Caller, Origin, Scope};
use switchboard::ledger::Witness;
use switchboard::message::{Address, PhoneNumber};
use switchboard::otp::{Checked, Code, Purpose};
use switchboard::person::{PersonId, Proof, ProofSource};

use crate::App;

/// What the ledger says it came by.
const SOURCE: &str = "one_time_code";

/// At how many people with one number a code is looked for, where it is not said whose it is.
const PEOPLE: usize = 5;

/// Which number, and what was entered.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct VerifySmsConsentRequest {
    /// In any common spelling.
    #[schema(example = "+1234567890")]
    phone_number: String,
    /// 4 to 10 digits; spaces and hyphens between them do not matter.
    #[serde(alias = "code")]
    #[schema(value_type = String, example = "123456")]
    verification_code: Code,
    /// Whose number it is. Not needed with a person's own token, nor where nobody else has the number.
    user_id: Option<PersonId>,
}

/// The number is theirs.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct NumberVerified {
    success: bool,
    #[schema(example = "Phone number verified successfully")]
    message: &'static str,
}

/// Verify SMS consent
///
/// The number is theirs from then on, and what they agreed to for it counts. A code is right once, for ten minutes and five tries. The refusal is the same whether it was wrong, or too late, or
/// there never was one. People may do it for themselves; for others it needs `preferences:manage`.
#[utoipa::path(
    post, path = "/api/communication/consent/sms/verify", tag = "Consent", operation_id = "verify_sms_consent",
    request_body = VerifySmsConsentRequest,
    responses(
        (status = 200, description = "Verified", body = NumberVerified),
        (status = 400, description = "Bad input, or not the code; the field is named", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    body: Body<VerifySmsConsentRequest>,
) -> Result<Json<NumberVerified>, ApiError> {
    let VerifySmsConsentRequest { phone_number, verification_code, user_id } = body.value;
    if let Some(user_id) = &user_id {
        caller.may_manage(user_id)?;
    }
    let number = PhoneNumber::parse(&phone_number, &app.region)
        .map_err(|error| ApiError::invalid_field("phone_number", format!("It is {error}")))?;
    let address = Address::Phone(number.clone());
    let mut exhausted = None;
    for person in people(&app, &caller, user_id, &address).await? {
        let purpose = Purpose::consent(&app.road.seal, &person);
        match app.otp.check(&address, &purpose, &verification_code).await? {
            Checked::Approved => {
                let witness = origin.witness(&caller, SOURCE, app.road.clock.now());
                return verified(&app, &person, &number, witness).await;
            }
            Checked::TooMany { until } => exhausted = Some(until),
            Checked::Wrong { .. } | Checked::Nothing => {}
        }
    }
    Err(match exhausted {
        Some(until) => {
            let wait = seconds_until(until, app.road.clock.now());
            ApiError::try_later("Too many codes were entered", wait)
                .details(format!("No more codes are looked at; ask for another one in {} s", wait.max(1)))
                .with("reason", "too_many_checks")
        }
        None => not_the_code(),
    })
}

/// Whose code it may be.
async fn people(
    app: &App,
    caller: &Caller,
    named: Option<PersonId>,
    address: &Address,
) -> Result<Vec<PersonId>, ApiError> {
    let own = PersonId::text(&caller.subject);
    match named {
        Some(person) => Ok(vec![person]),
        None if caller.may_act_for(None, Scope::ManagePreferences).is_ok() => {
            let facts = app.road.people.address(address).await?;
            let owners = facts.holders.at(app.road.clock.now()).into_iter().cloned();
            let people: Vec<PersonId> =
                facts.filed.into_iter().chain(facts.claimants).chain(owners).take(PEOPLE).collect();
            // Where nobody has the number, a check of the caller's own fails, as it does for everybody else.
            Ok(if people.is_empty() { own.into_iter().collect() } else { people })
        }
        None => Ok(own.into_iter().collect()),
    }
}

async fn verified(
    app: &App,
    person: &PersonId,
    number: &PhoneNumber,
    witness: Witness,
) -> Result<Json<NumberVerified>, ApiError> {
    let (address, proof) = (Address::Phone(number.clone()), Proof::new(ProofSource::Code, witness.at));
    let change =
        app.road.people.change(person, &witness, |person| person.recorded(|person| person.prove(&address, proof)));
    let changed = change.await?;
    // They gave another number while the code was on its way.
    if !changed.has_proven(&address) {
        return Err(not_the_code());
    }
    app.road.settle_proofs(&changed, &witness).await?;
    Ok(Json(NumberVerified { success: true, message: "Phone number verified successfully" }))
}

fn not_the_code() -> ApiError {
    ApiError::bad_request("Invalid or expired verification code").with("field", "verification_code")
}
