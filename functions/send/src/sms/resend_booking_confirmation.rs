//! `POST /api/sms/resend-booking-confirmation`: the confirmation of a booking once more: a message that was sent, or a
//! booking that is told.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::SendRefusals;
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey};
use switchboard::message::{Channel, Locale, MessageId, Trigger};
use switchboard::person::PersonId;
use switchboard::road::{Part, Task};

use super::booking::{Booking, To, task};
use crate::App;
use crate::accept::{Identity, accept};
use crate::direct::{DirectResponse, answer};

/// Either the confirmation that was sent, or the booking and who made it.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct ResendRequest {
    /// Our id of the confirmation: the same words go to the same person again.
    #[serde(alias = "messageId")]
    message_id: Option<String>,
    #[serde(alias = "userId")]
    user_id: Option<PersonId>,
    #[serde(alias = "to", alias = "toNumber", alias = "phone_number", alias = "phoneNumber")]
    #[schema(example = "+14155552671")]
    to_number: Option<String>,
    booking: Option<Booking>,
    /// The language to write in (BCP 47); the person's own if absent.
    locale: Option<Locale>,
}

const PATH: &str = "/api/sms/resend-booking-confirmation";

/// Resend a booking confirmation
///
/// It is a new message, decided on anew. Needs the scope `communication:send`.
#[utoipa::path(
    post, path = PATH, tag = "SMS and WhatsApp", operation_id = "resend_booking_confirmation",
    params(IdempotencyKey),
    request_body = ResendRequest,
    responses(
        (status = 200, description = "Accepted", body = DirectResponse),
        (status = 404, description = "No such message of the caller's, or unknown person", body = ErrorBody),
        (status = 409, description = "The message was no booking confirmation", body = ErrorBody),
        SendRefusals,
    ),
    security(("bearer" = ["communication:send"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<ResendRequest>,
) -> Result<Response, ApiError> {
    let identity = Identity::of(&app, &caller.subject, PATH, &key, &body.canonical);
    let ResendRequest { message_id, user_id, to_number, booking, locale } = body.value;
    let task = match (message_id, booking) {
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid_field("booking", "Either message_id or booking says what is sent"));
        }
        (None, None) => {
            return Err(
                ApiError::missing_field("booking").details("Say booking, or the message_id of its confirmation")
            );
        }
        (Some(id), None) => again(&app, caller, identity, &id).await?,
        (None, Some(booking)) => {
            caller.names_no_object();
            let to = To { user_id, number: to_number };
            task(&app, caller, identity, Trigger::BookingConfirmation, to, (&booking, locale)).await?
        }
    };
    let channel = task.parts.first().map_or(Channel::Sms, |part| part.channel);
    accept(&app, task, answer(channel)).await
}

/// The task of sending a confirmation again, word for word.
async fn again(app: &App, caller: Caller, identity: Identity, id: &str) -> Result<Task, ApiError> {
    let not_found = || ApiError::not_found("Message not found").with("field", "message_id");
    let id: MessageId = id.parse().map_err(|_| not_found())?;
    let message = caller.owned(app.road.messages.get(id).await?, not_found)?.into_inner();
    if message.trigger != Some(Trigger::BookingConfirmation) {
        return Err(ApiError::conflict("The message was no booking confirmation").with("field", "message_id"));
    }
    if message.secrets.is_some() {
        let why = "The message carries secret variables, which only its delivery can read: send it anew";
        return Err(ApiError::conflict(why).with("field", "message_id"));
    }
    let person = match &message.person {
        Some(id) => app.road.people.get(id).await?,
        None => None,
    };
    let part = Part {
        channel: message.channel,
        to: message.to,
        address_source: message.address_source,
        from: message.from,
        content: message.content,
        template: message.template,
        provider: message.provider,
        choice: message.choice,
        asked: None,
    };
    let task = Task::new(identity.id, caller.subject, message.class, message.lane, vec![part]);
    Ok(Task { request_hash: identity.request_hash, person, trigger: message.trigger, links: message.links, ..task })
}
