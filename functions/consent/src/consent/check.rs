//! `POST /api/communication/consent/check`: may this be sent to them, and why. What answers is what decides when something
//! is sent.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body, Caller};
use switchboard::message::{Channel, Trigger};
use switchboard::person::consent::Standing;
use switchboard::person::{ADDRESS_UNVERIFIED, Decision, Intent, PersonId};

use crate::App;

/// Who, and what.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct CheckRequest {
    user_id: PersonId,
    /// A trigger type.
    #[schema(example = "financial_alert")]
    message_type: String,
    /// `sms`, `email`, `whatsapp` or `call`; the type's usual one if absent.
    #[schema(example = "sms")]
    channel: Option<Channel>,
}

/// Whether it may be sent.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CheckResponse {
    success: bool,
    /// Whether a message of this type would be accepted now. It may have to wait: see `not_before`.
    can_send: bool,
    /// The word of the rule that decides: `explicit_consent`, `transactional_message`, `security_message`; `opted_out`,
    /// `no_consent`, `consent_pending`, `address_unverified`, `channel_disabled`, `message_type_disabled`, `address_suppressed`, `no_address`.
    #[schema(example = "explicit_consent")]
    reason: String,
    /// What the person said about it.
    consent_status: Standing,
    /// When it would go, if it had to wait for the end of their quiet hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<Timestamp>,
}

/// Check consent
///
/// The answer is the decision sending would make now. People may ask about themselves; for others it needs
/// `preferences:manage`.
#[utoipa::path(
    post, path = "/api/communication/consent/check", tag = "Consent", operation_id = "check_consent",
    request_body = CheckRequest,
    responses(
        (status = 200, description = "Whether it may be sent", body = CheckResponse),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        (status = 404, description = "Unknown person", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    body: Body<CheckRequest>,
) -> Result<Json<CheckResponse>, ApiError> {
    let CheckRequest { user_id, message_type, channel } = body.value;
    caller.may_manage(&user_id)?;
    let trigger: Trigger = message_type.parse().map_err(|_| {
        ApiError::bad_request(format!("Invalid message type: {message_type}")).with("field", "message_type")
    })?;
    let channel = channel.unwrap_or(trigger.default_channel());
    let person = app.road.people.get(&user_id).await?;
    let person =
        person.ok_or_else(|| ApiError::not_found(format!("Unknown user: {user_id}")).with("field", "user_id"))?;
    let consent_status = person.standing(channel, Some(trigger));
    let Some(to) = person.destination(channel) else {
        let reason = "no_address".to_owned();
        return Ok(Json(CheckResponse { success: true, can_send: false, reason, consent_status, not_before: None }));
    };
    // Whatever the kind of message: what is known of an address is not told to whoever only claims it.
    if person.only_claims(&to) {
        let reason = ADDRESS_UNVERIFIED.to_owned();
        return Ok(Json(CheckResponse { success: true, can_send: false, reason, consent_status, not_before: None }));
    }
    let (class, lane, at) = (trigger.class(), trigger.default_priority().lane(), app.road.clock.now());
    let intent = Intent { channel, class, trigger: Some(trigger), lane, to: &to, carries_code: false, at };
    let decision = app.road.decide(&intent, Some(&person)).await?;
    Ok(Json(CheckResponse {
        success: true,
        can_send: !decision.is_refused(),
        reason: ground(&decision),
        consent_status,
        not_before: decision.until,
    }))
}

/// On what ground it may be sent, or why it may not; that it has to wait is no ground.
fn ground(decision: &Decision) -> String {
    let consent = decision.checks.iter().find(|check| check.rule == "consent").filter(|_| !decision.is_refused());
    consent.map_or_else(|| decision.reason.clone(), |consent| consent.reason.clone())
}
