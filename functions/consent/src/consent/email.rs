//! `POST /api/communication/consent/email`: a person's e-mail address, and that they agreed to e-mails. Of an address that
//! is not proven to be theirs it counts once they follow the link that is sent there (double opt-in).

use std::net::IpAddr;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use switchboard::clock::seconds_until;
use switchboard::http::idempotency::mark_replay;
use switchboard::http::refusals::SendRefusals;
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey, Origin, Scope, SecondFactorAssertion};
use switchboard::ledger::Event;
use switchboard::message::{Address, Channel, EmailAddress, Locale, MessageId};
use switchboard::otp::links::{LinkAdmission, LinkRequest};
use switchboard::person::events::CONSENT_GRANTED;
use switchboard::person::profile::SetBy;
use switchboard::person::{Person, PersonId, Proof, ProofSource};
use switchboard::road::AcceptError;
use switchboard::road::confirm::{AskError, AskToConfirm, Asked};

use super::{is_repeated_grant, message_types, source};
use crate::App;
use crate::request::{Evidence, may_change_address, set_by};

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
    /// The text they agreed to, as it was shown to them. Its SHA-256 stays in the ledger when the person is erased.
    #[schema(max_length = 4000)]
    consent_text: Option<String>,
    /// Their own address and user agent when they agreed, where the caller is not their device. They stand in the ledger as the
    /// client's word (`stated_ip`, `stated_agent`), beside what we saw of the request (`observed_ip`, `observed_agent`).
    #[schema(value_type = Option<String>, example = "203.0.113.7")]
    ip_address: Option<IpAddr>,
    #[schema(max_length = 512)]
    user_agent: Option<String>,
    /// `false` attests that the address was confirmed elsewhere, as when people are brought along from another system: the consent
    /// counts at once, and the ledger says so. Needs the scope `preferences:manage`, also for oneself.
    #[serde(default = "yes")]
    #[schema(default = true)]
    send_link: bool,
}

fn yes() -> bool {
    true
}

/// The consent is on record.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EmailConsentResponse {
    success: bool,
    #[schema(example = "Email consent granted successfully")]
    message: &'static str,
    /// The address has not been proven to be the person's: the consent is pending until they follow the link sent there.
    verification_required: bool,
    #[serde(flatten)]
    unsent: Option<Unsent>,
}

/// Why no link was sent. The consent is on record all the same.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = UnsentLink)]
struct Unsent {
    /// `address_suppressed`; `too_many_for_address`, `too_many_for_person` or `too_many_for_ip`: too many were sent in an hour
    /// or a day.
    reason: String,
    /// When another may be asked for, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<i64>,
}

/// Grant e-mail consent
///
/// Registers the person if they are new. Unless the address was proven to be theirs, a link is sent there (once in ten
/// minutes), and the consent counts when they follow it, within seven days. To an address that a token with `preferences:manage`
/// gives, messages that need no consent go meanwhile. One that people give themselves is a claim: nothing goes there but its link, and an
/// address they were reached at before stays in force until the new one is confirmed.
/// People may do it for themselves; for others it needs `preferences:manage`.
#[utoipa::path(
    post, path = "/api/communication/consent/email", tag = "Consent", operation_id = "grant_email_consent",
    params(IdempotencyKey, SecondFactorAssertion),
    request_body = EmailConsentRequest,
    responses(
        (status = 200, description = "On record", body = EmailConsentResponse),
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
    body: Body<EmailConsentRequest>,
) -> Result<Response, ApiError> {
    let request = body.value;
    caller.may_manage(&request.user_id)?;
    if !request.send_link {
        caller.require(Scope::ManagePreferences).map_err(|refused| refused.with("field", "send_link"))?;
    }
    let address = EmailAddress::parse(&request.email)
        .map_err(|error| ApiError::invalid_field("email", format!("It is {error}")))?;
    let (source, types) = (source(request.consent_source)?, message_types(request.message_types)?);
    let evidence = Evidence::read(request.ip_address, request.user_agent, request.consent_text)?;
    let keyed = key.0.map(|key| {
        let id = MessageId::derived(app.road.seal.ids(), &caller.subject, "consent/email", &key);
        (id, app.road.seal.keyed_hash(body.canonical.as_bytes()))
    });
    // A request that is repeated grants nothing again: they may have revoked it since.
    if let Some((id, hash)) = &keyed
        && let Some(sent) = app.road.messages.get(*id).await?
    {
        return if sent.request_hash.as_ref() == Some(hash) { Ok(replay(true)) } else { Err(ApiError::other_body()) };
    }
    if is_repeated_grant(&app, keyed.as_ref()).await? {
        return Ok(replay(false));
    }
    let own = caller.subject == request.user_id.as_str();
    let ip = if own { origin.ip } else { request.ip_address };
    let now = app.road.clock.now();
    let witness = evidence.witness(origin, &caller, &source, now);
    let (set_by, to) = (set_by(&caller), Address::Email(address.clone()));
    may_change_address(&app, set_by, &request.user_id, &to, &assertion).await?;
    let change = app.road.people.change(&request.user_id, &witness, |person| {
        let events = person.recorded(|person| {
            if let Some(locale) = &request.locale {
                person.locale = Some(locale.clone());
            }
            match set_by {
                SetBy::Manager => person.set_email(address.clone()),
                SetBy::Person => person.claim_address(&to),
            }
            if !request.send_link {
                person.prove(&to, Proof::new(ProofSource::Attested, now));
            }
            if person.has_proven(&to) {
                person.grant(Channel::Email, types.clone(), source.clone(), now);
            } else {
                person.grant_pending(Channel::Email, types.clone(), source.clone(), now);
            }
        });
        let elsewhere = |event: Event| match request.send_link || event.name != CONSENT_GRANTED {
            true => event,
            false => event.with("confirmed", "elsewhere"),
        };
        evidence.beside(events).into_iter().map(elsewhere).collect()
    });
    let person = change.await?;
    app.road.settle_proofs(&person, &witness).await?;
    if person.has_proven(&to) {
        // Who left by the link in a mail comes back by their own word, not by a client's.
        if caller.subject == person.id.as_str() {
            app.road.come_back(&app.road.people.target(&to), &witness).await?;
        }
        if let Some((id, hash)) = &keyed {
            app.otp.remember_grant(*id, hash).await?;
        }
        return Ok(Json(answer(false, None)).into_response());
    }
    let link = LinkRequest { address: &to, person: &person.id.clone(), ip };
    let unsent = match app.otp.admit_link(&link).await? {
        LinkAdmission::Admitted => match ask(&app, caller.subject, person, keyed).await {
            Ok(reason) => reason.map(|reason| Unsent { reason, retry_after: None }),
            Err(error) => {
                app.otp.forget_link(&link).await?;
                return Err(error);
            }
        },
        LinkAdmission::SentRecently => None,
        LinkAdmission::Refused(refusal) => {
            let retry_after = refusal.until().map(|until| seconds_until(until, app.road.clock.now()));
            Some(Unsent { reason: refusal.as_str().to_owned(), retry_after })
        }
    };
    // Whoever only claims an address does not learn what is known of it.
    let of_others = |unsent: &Unsent| ["address_suppressed", "too_many_for_address"].contains(&unsent.reason.as_str());
    let unsent = unsent.filter(|unsent| set_by == SetBy::Manager || !of_others(unsent));
    Ok(Json(answer(true, unsent)).into_response())
}

fn answer(verification_required: bool, unsent: Option<Unsent>) -> EmailConsentResponse {
    EmailConsentResponse { success: true, message: "Email consent granted successfully", verification_required, unsent }
}

fn replay(verification_required: bool) -> Response {
    let mut response = Json(answer(verification_required, None)).into_response();
    mark_replay(response.headers_mut());
    response
}

/// Sends the link; why not, if it was refused.
async fn ask(
    app: &App,
    caller: String,
    person: Person,
    request: Option<(MessageId, String)>,
) -> Result<Option<String>, ApiError> {
    match app.road.ask_to_confirm(&app.links, AskToConfirm { caller, person, request }).await {
        Ok(Asked::Sent) => Ok(None),
        Ok(Asked::Refused(reason)) => Ok(Some(reason)),
        Ok(Asked::NoAddress) => Ok(Some("no_address".to_owned())),
        Err(AskError::Accept(AcceptError::OtherBody)) => Err(ApiError::other_body()),
        Err(AskError::Accept(AcceptError::NotAdmitted(refusal))) => Err(refusal.into()),
        Err(AskError::Accept(AcceptError::Store(error))) => Err(error.into()),
        Err(error @ (AskError::Render(_) | AskError::Secret(_))) => Err(ApiError::unavailable(error)),
    }
}
