//! `PUT /api/communication/preferences/{user_id}`: changes what a person prefers. What the body does not name stays.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use jiff::civil::Time;
use serde::{Deserialize, Deserializer, Serialize};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body, Caller, Origin, Scope};
use switchboard::message::{Locale, Trigger};
use switchboard::person::quiet_hours::time_of_day;
use switchboard::person::zones::time_zone;
use switchboard::person::{Frequency, Person, PersonId, QuietHours};

use super::{PreferencesView, view};
use crate::App;
use crate::request::person_id;

/// What the ledger says a change came by.
const SOURCE: &str = "preferences";

/// What to change. `null` forgets what was said, where there is a way without.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct PreferencesRequest {
    /// Who the path says, if it is there at all.
    user_id: Option<PersonId>,
    sms_enabled: Option<bool>,
    email_enabled: Option<bool>,
    whatsapp_enabled: Option<bool>,
    /// `HH:MM:SS` or `HH:MM`.
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<String>, example = "10:00:00")]
    preferred_sms_time: Change<String>,
    /// 1 is Monday, 7 is Sunday (ISO 8601).
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<i8>, minimum = 1, maximum = 7)]
    preferred_email_day: Change<i64>,
    /// By trigger type; types that are not named stay as they are.
    #[schema(example = json!({"financial_alert": true, "payment_reminder": false}))]
    alert_types_sms: Option<BTreeMap<String, bool>>,
    alert_types_email: Option<BTreeMap<String, bool>>,
    /// `daily`, `weekly` or `monthly`.
    #[schema(example = "daily")]
    frequency_preference: Option<String>,
    /// Changing it needs the scope `preferences:manage`, also for one's own.
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<String>)]
    user_segment: Change<String>,
    /// IANA name.
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<String>, example = "America/New_York")]
    time_zone: Change<String>,
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<QuietHoursRequest>)]
    quiet_hours: Change<QuietHoursRequest>,
    /// BCP 47.
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<String>, example = "en")]
    locale: Change<String>,
}

/// A part of the day, by their own clock. None at all where both are the same.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
pub struct QuietHoursRequest {
    #[schema(example = "21:00")]
    start: String,
    #[schema(example = "08:00")]
    end: String,
}

/// What a body does with a field.
#[derive(Clone, Debug, Default)]
enum Change<T> {
    /// It is not named.
    #[default]
    Stays,
    Forget,
    Set(T),
}

fn named<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Change<T>, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.map_or(Change::Forget, Change::Set))
}

impl<T> Change<T> {
    fn read<U>(self, read: impl FnOnce(T) -> Result<U, ApiError>) -> Result<Change<U>, ApiError> {
        Ok(match self {
            Self::Stays => Change::Stays,
            Self::Forget => Change::Forget,
            Self::Set(value) => Change::Set(read(value)?),
        })
    }
}

impl<T: Clone> Change<T> {
    fn apply(&self, to: &mut Option<T>) {
        match self {
            Self::Stays => {}
            Self::Forget => *to = None,
            Self::Set(value) => *to = Some(value.clone()),
        }
    }
}

/// The preferences as they are now.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PreferencesChanged {
    success: bool,
    #[schema(example = "Preferences updated successfully")]
    message: &'static str,
    preferences: PreferencesView,
}

/// Change preferences
///
/// What the body does not name stays as it is. Registers the person if they are new. People may do it for themselves; for
/// others it needs `preferences:manage`.
#[utoipa::path(
    put, path = "/api/communication/preferences/{user_id}", tag = "Consent", operation_id = "change_preferences",
    params(("user_id" = String, Path, description = "The person's id")),
    request_body = PreferencesRequest,
    responses(
        (status = 200, description = "Changed", body = PreferencesChanged),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    Path(user_id): Path<String>,
    body: Body<PreferencesRequest>,
) -> Result<Json<PreferencesChanged>, ApiError> {
    let id = person_id(&user_id)?;
    caller.may_manage(&id)?;
    if body.value.user_id.as_ref().is_some_and(|named| *named != id) {
        return Err(ApiError::invalid_field("user_id", "It must be the one of the path"));
    }
    let changes = Changes::read(body.value)?;
    may_change_segment(&app, &caller, &id, &changes).await?;
    let witness = origin.witness(&caller, SOURCE, app.road.clock.now());
    let person =
        app.road.people.change(&id, &witness, |person| person.recorded(|person| changes.apply(person))).await?;
    Ok(Json(PreferencesChanged {
        success: true,
        message: "Preferences updated successfully",
        preferences: view(person),
    }))
}

/// The segment is the client's word for a person, not theirs; who sends back what they got changes nothing.
async fn may_change_segment(app: &App, caller: &Caller, id: &PersonId, changes: &Changes) -> Result<(), ApiError> {
    if matches!(changes.user_segment, Change::Stays) {
        return Ok(());
    }
    let Err(refused) = caller.require(Scope::ManagePreferences) else { return Ok(()) };
    let before = app.road.people.get(id).await?.and_then(|person| person.preferences.user_segment);
    let mut after = before.clone();
    changes.user_segment.apply(&mut after);
    if after == before { Ok(()) } else { Err(refused.with("field", "user_segment")) }
}

/// A request, read.
struct Changes {
    sms_enabled: Option<bool>,
    email_enabled: Option<bool>,
    whatsapp_enabled: Option<bool>,
    preferred_sms_time: Change<Time>,
    preferred_email_day: Change<i8>,
    alert_types_sms: BTreeMap<String, bool>,
    alert_types_email: BTreeMap<String, bool>,
    frequency: Option<Frequency>,
    user_segment: Change<String>,
    time_zone: Change<String>,
    quiet_hours: Change<QuietHours>,
    locale: Change<Locale>,
}

/// The longest segment a client may name.
const LONGEST_SEGMENT: usize = 64;

impl Changes {
    fn read(request: PreferencesRequest) -> Result<Self, ApiError> {
        Ok(Self {
            sms_enabled: request.sms_enabled,
            email_enabled: request.email_enabled,
            whatsapp_enabled: request.whatsapp_enabled,
            preferred_sms_time: request.preferred_sms_time.read(|text| time("preferred_sms_time", &text))?,
            preferred_email_day: request.preferred_email_day.read(day)?,
            alert_types_sms: types("alert_types_sms", request.alert_types_sms)?,
            alert_types_email: types("alert_types_email", request.alert_types_email)?,
            frequency: request.frequency_preference.as_deref().map(frequency).transpose()?,
            user_segment: request.user_segment.read(segment)?,
            time_zone: request.time_zone.read(zone)?,
            quiet_hours: request.quiet_hours.read(quiet_hours)?,
            locale: request.locale.read(locale)?,
        })
    }

    fn apply(&self, person: &mut Person) {
        let preferences = &mut person.preferences;
        if let Some(enabled) = self.sms_enabled {
            preferences.sms_enabled = enabled;
        }
        if let Some(enabled) = self.email_enabled {
            preferences.email_enabled = enabled;
        }
        if let Some(enabled) = self.whatsapp_enabled {
            preferences.whatsapp_enabled = enabled;
        }
        if let Some(frequency) = self.frequency {
            preferences.frequency_preference = frequency;
        }
        preferences.alert_types_sms.extend(self.alert_types_sms.clone());
        preferences.alert_types_email.extend(self.alert_types_email.clone());
        self.preferred_sms_time.apply(&mut preferences.preferred_sms_time);
        self.preferred_email_day.apply(&mut preferences.preferred_email_day);
        self.user_segment.apply(&mut preferences.user_segment);
        self.time_zone.apply(&mut preferences.time_zone);
        self.quiet_hours.apply(&mut preferences.quiet_hours);
        self.locale.apply(&mut person.locale);
    }
}

fn time(field: &str, text: &str) -> Result<Time, ApiError> {
    time_of_day(text).ok_or_else(|| ApiError::invalid_field(field, "It must be a time of the day as 09:00:00"))
}

fn day(day: i64) -> Result<i8, ApiError> {
    let fits = i8::try_from(day).ok().filter(|day| (1..=7).contains(day));
    let why = "It must be 1 (Monday) to 7 (Sunday)";
    fits.ok_or_else(|| ApiError::invalid_field("preferred_email_day", why))
}

fn types(field: &str, types: Option<BTreeMap<String, bool>>) -> Result<BTreeMap<String, bool>, ApiError> {
    let types = types.unwrap_or_default();
    match types.keys().find(|name| name.parse::<Trigger>().is_err()) {
        Some(unknown) => Err(ApiError::bad_request(format!("Invalid message type: {unknown}")).with("field", field)),
        None => Ok(types),
    }
}

fn frequency(text: &str) -> Result<Frequency, ApiError> {
    text.parse().map_err(|_| ApiError::invalid_field("frequency_preference", "It must be daily, weekly or monthly"))
}

fn segment(text: String) -> Result<String, ApiError> {
    let fits = (1..=LONGEST_SEGMENT).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    let why = || ApiError::invalid_field("user_segment", format!("It must be 1 to {LONGEST_SEGMENT} characters"));
    fits.then_some(text).ok_or_else(why)
}

fn zone(name: String) -> Result<String, ApiError> {
    let why = "It must be the IANA name of a time zone, as Europe/Berlin";
    time_zone(&name).map(|_| name).ok_or_else(|| ApiError::invalid_field("time_zone", why))
}

fn quiet_hours(request: QuietHoursRequest) -> Result<QuietHours, ApiError> {
    let (start, end) = (time("quiet_hours.start", &request.start)?, time("quiet_hours.end", &request.end)?);
    if start.second() != 0 || end.second() != 0 {
        return Err(ApiError::invalid_field("quiet_hours", "They begin and end with a minute"));
    }
    Ok(QuietHours { start, end })
}

fn locale(tag: String) -> Result<Locale, ApiError> {
    tag.parse().map_err(|_| ApiError::invalid_field("locale", "It must be a language tag as en or pt-BR"))
}
