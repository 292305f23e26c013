//! `GET /api/communication/optimal-send-time`: when a person is best written to, and why. It is when a message with
//! `scheduled_time: "preferred"` goes.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Caller};
use switchboard::message::trigger::Class;
use switchboard::message::{Address, Channel, Lane};
use switchboard::person::preferred::Ground;
use switchboard::person::{Intent, Person};
use switchboard::road::BestTime;

use crate::App;
use crate::request::{person_id, query};

/// Whom, and on which channel.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OptimalTimeQuery {
    /// The person's id.
    #[param(required = true)]
    user_id: Option<String>,
    /// `sms`, `email`, `whatsapp` or `call`; if absent, the first of SMS and e-mail they can be reached on and did not switch off.
    channel: Option<String>,
}

/// When they are best written to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct OptimalTimeResponse {
    success: bool,
    /// The next such time, as the person's clock shows it.
    #[schema(value_type = String, format = DateTime, example = "2025-01-27T09:00:00+00:00")]
    optimal_time: String,
    channel: Channel,
    /// What it follows from: `preference`, `past_engagement` or `default`.
    reason: Ground,
    /// The same in a sentence.
    #[schema(example = "They like texts at 09:00, in UTC")]
    details: String,
    /// Whose clock it is (IANA name): theirs, or where that is not known, the one their telephone number suggests.
    #[schema(example = "UTC")]
    time_zone: String,
}

/// When to write to somebody
///
/// Their preference; else the hour at which they opened and clicked so far; else ten o'clock. Never in their quiet hours.
/// People may ask about themselves; for others it needs `preferences:manage`.
#[utoipa::path(
    get, path = "/api/communication/optimal-send-time", tag = "Consent", operation_id = "optimal_send_time",
    params(OptimalTimeQuery),
    responses(
        (status = 200, description = "When", body = OptimalTimeResponse),
        (status = 400, description = "Bad input, or no address on the channel; the field is named", body = ErrorBody),
        (status = 404, description = "Unknown person", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    asked: Result<Query<OptimalTimeQuery>, QueryRejection>,
) -> Result<Json<OptimalTimeResponse>, ApiError> {
    let OptimalTimeQuery { user_id, channel } = query(asked)?;
    let id = person_id(&user_id.ok_or_else(|| ApiError::missing_field("user_id"))?)?;
    caller.may_manage(&id)?;
    let wrong = |_| ApiError::invalid_field("channel", "It must be sms, email, whatsapp or call");
    let channel = channel.map(|channel| channel.parse::<Channel>().map_err(wrong)).transpose()?;
    let person = app.road.people.get(&id).await?;
    let person = person.ok_or_else(|| ApiError::not_found(format!("Unknown user: {id}")).with("field", "user_id"))?;
    let (channel, to) = reached(&person, channel)?;
    let (class, lane, at) = (Class::Marketing, Lane::Standard, app.road.clock.now());
    let intent = Intent { channel, class, trigger: None, lane, to: &to, carries_code: false, at };
    let time = app.road.best_time(&intent, Some(&person)).await?;
    let zones = app.road.rules.zones(Some(&person), &to);
    Ok(Json(answer(channel, &time, zones.first())))
}

/// The channel asked about, or the first they are reached on.
fn reached(person: &Person, asked: Option<Channel>) -> Result<(Channel, Address), ApiError> {
    let candidates = asked.map_or_else(|| vec![Channel::Sms, Channel::Email], |channel| vec![channel]);
    let reached = |channel: Channel| Some((channel, person.destination(channel)?));
    let all: Vec<_> = candidates.into_iter().filter_map(reached).collect();
    let wanted = all.iter().find(|(channel, _)| person.preferences.is_enabled(*channel));
    wanted.or(all.first()).cloned().ok_or_else(|| {
        let error = ApiError::bad_request(format!("User {} has no address on this channel", person.id));
        error.with("field", "channel")
    })
}

fn answer(channel: Channel, time: &BestTime, zone: &TimeZone) -> OptimalTimeResponse {
    let at = time.best.at.to_zoned(zone.clone());
    let time_zone = zone.iana_name().unwrap_or("UTC").to_owned();
    let said = match channel {
        Channel::Email => "They like e-mails on this day of the week",
        Channel::Sms | Channel::Whatsapp | Channel::Voice => "They like texts at this time",
    };
    let why = match (time.best.ground, time.habit) {
        (Ground::Preference, _) => said.to_owned(),
        (Ground::PastEngagement, Some(habit)) => {
            format!("They opened and clicked around {:02}:00 most ({} % of it)", habit.hour, habit.share)
        }
        (Ground::PastEngagement, None) | (Ground::Default, _) => "Nothing is known of when they read".to_owned(),
    };
    let moved = (time.best.at != time.best.wished).then_some(", and after their quiet hours");
    OptimalTimeResponse {
        success: true,
        optimal_time: at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        channel,
        reason: time.best.ground,
        details: format!("{why}, by the clock of {time_zone}{}", moved.unwrap_or_default()),
        time_zone,
    }
}
