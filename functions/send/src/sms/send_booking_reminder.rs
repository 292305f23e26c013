//! `POST /api/sms/send-booking-reminder`: reminds somebody of their booking, now. Once the booking has begun a reminder is
//! worthless, and is not sent any more.

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::SendRefusals;
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey};
use switchboard::message::{Channel, Locale, Trigger};
use switchboard::person::PersonId;
use switchboard::road::Task;

use super::booking::{Booking, To, task};
use crate::App;
use crate::accept::{Identity, accept};
use crate::direct::{DirectResponse, answer};

/// The booking, and who made it.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct ReminderRequest {
    #[serde(alias = "userId")]
    user_id: Option<PersonId>,
    #[serde(alias = "to", alias = "toNumber", alias = "phone_number", alias = "phoneNumber")]
    #[schema(example = "+14155552671")]
    to_number: Option<String>,
    booking: Booking,
    /// How long before the booking this is: up to 2 it is a last-minute reminder. Reckoned from `booking.starts_at` if absent.
    #[serde(alias = "hoursBefore")]
    #[schema(example = 24)]
    hours_before: Option<f64>,
    /// When the reminder is worthless (RFC 3339); when the booking begins if absent.
    #[serde(alias = "validUntil", alias = "expires_at", alias = "expiresAt")]
    #[schema(value_type = Option<String>, format = DateTime)]
    valid_until: Option<String>,
    /// The language to write in (BCP 47); the person's own if absent.
    locale: Option<Locale>,
}

const PATH: &str = "/api/sms/send-booking-reminder";

/// Up to this many hours before a booking a reminder is a last-minute one.
const LAST_MINUTE_HOURS: f64 = 2.0;
/// The longest that reminders are sent ahead: a year and a day.
const MOST_HOURS: f64 = 366.0 * 24.0;

/// Send a booking reminder
///
/// Needs the scope `communication:send`.
#[utoipa::path(
    post, path = PATH, tag = "SMS and WhatsApp", operation_id = "send_booking_reminder",
    params(IdempotencyKey),
    request_body = ReminderRequest,
    responses(
        (status = 200, description = "Accepted", body = DirectResponse),
        (status = 404, description = "Unknown person", body = ErrorBody),
        SendRefusals,
    ),
    security(("bearer" = ["communication:send"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<ReminderRequest>,
) -> Result<Response, ApiError> {
    let identity = Identity::of(&app, &caller.subject, PATH, &key, &body.canonical);
    let ReminderRequest { user_id, to_number, booking, hours_before, valid_until, locale } = body.value;
    let begins = booking.begins()?;
    let valid_until = valid_until.as_deref().map(time).transpose()?.or(begins);
    // A request with a key may be the repetition of one that was in time: only the first of them can be too late.
    let now = app.road.clock.now();
    if valid_until.is_some_and(|until| until <= now) && !is_known(&app, &identity).await? {
        return Err(too_late());
    }
    let trigger = trigger(hours(hours_before)?, begins, now);
    let to = To { user_id, number: to_number };
    let task = task(&app, caller, identity, trigger, to, (&booking, locale)).await?;
    accept(&app, Task { valid_until, ..task }, answer(Channel::Sms)).await
}

async fn is_known(app: &App, identity: &Identity) -> Result<bool, ApiError> {
    Ok(identity.request_hash.is_some() && app.road.messages.story(identity.id).await?.is_some())
}

fn too_late() -> ApiError {
    ApiError::invalid_field("booking.starts_at", "The booking has begun; a reminder is worthless")
}

fn time(text: &str) -> Result<Timestamp, ApiError> {
    text.parse().map_err(|_| ApiError::invalid_field("valid_until", "It must be a time with an offset (RFC 3339)"))
}

fn hours(hours: Option<f64>) -> Result<Option<f64>, ApiError> {
    match hours {
        Some(hours) if !(0.0..=MOST_HOURS).contains(&hours) => {
            Err(ApiError::invalid_field("hours_before", format!("It must be from 0 to {MOST_HOURS}")))
        }
        hours => Ok(hours),
    }
}

fn trigger(hours_before: Option<f64>, begins: Option<Timestamp>, now: Timestamp) -> Trigger {
    let until = |at: Timestamp| at.duration_since(now).as_secs_f64() / 3600.0;
    match hours_before.or(begins.map(until)) {
        Some(hours) if hours <= LAST_MINUTE_HOURS => Trigger::BookingLastMinuteReminder,
        Some(_) | None => Trigger::BookingReminder,
    }
}

#[cfg(test)]
mod tests {
    use switchboard::clock::plus_seconds;

    use super::*;

    #[test]
    fn up_to_two_hours_before_it_is_a_last_minute_reminder() {
        let now = Timestamp::UNIX_EPOCH;
        let in_hours = |hours: i64| Some(plus_seconds(now, hours * 3600));
        assert_eq!(trigger(None, in_hours(1), now), Trigger::BookingLastMinuteReminder);
        assert_eq!(trigger(None, in_hours(24), now), Trigger::BookingReminder);
        assert_eq!(trigger(Some(1.0), in_hours(24), now), Trigger::BookingLastMinuteReminder);
        assert_eq!(trigger(Some(24.0), None, now), Trigger::BookingReminder);
        assert_eq!(trigger(None, None, now), Trigger::BookingReminder);
    }
}
