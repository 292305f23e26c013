//! Bookings, for the endpoints that confirm them and remind of them. No bookings are kept here: whoever asks says what is
//! booked, and it becomes the data of a trigger's template.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use switchboard::http::{ApiError, Caller};
use switchboard::message::record::{AddressSource, Links, ProviderChoice};
use switchboard::message::{Address, Channel, Locale, PhoneNumber, Trigger};
use switchboard::person::{Person, PersonId};
use switchboard::provider::ProviderName;
use switchboard::road::{Part, Task};

use crate::App;
use crate::accept::Identity;
use crate::rendering::{Variables, render};

/// What is booked. All of it is optional; the templates say as much as they are told.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
pub struct Booking {
    /// The client's id of it.
    #[serde(alias = "booking_id", alias = "bookingId")]
    #[schema(value_type = Option<String>, example = "B-1042")]
    id: Option<Value>,
    #[serde(alias = "serviceName", alias = "service_name")]
    #[schema(example = "Cleaning")]
    service: Option<String>,
    /// When it begins (RFC 3339). It is told as it is written, at the offset it is written with.
    #[serde(alias = "startsAt", alias = "date_time", alias = "dateTime")]
    #[schema(value_type = Option<String>, example = "2026-05-05T14:30:00+02:00")]
    starts_at: Option<String>,
    /// Or the day, in any words.
    #[schema(example = "May 5")]
    date: Option<String>,
    /// And the time, in any words.
    #[schema(example = "10:00")]
    time: Option<String>,
    #[serde(alias = "providerName", alias = "provider_name")]
    #[schema(example = "Ana")]
    provider: Option<String>,
    #[schema(example = "12 High Street")]
    location: Option<String>,
    /// What the person knows it by.
    #[schema(example = "B-1042")]
    reference: Option<String>,
}

/// Who is written to: a person we know, or a number.
#[derive(Clone, Debug)]
pub(super) struct To {
    pub(super) user_id: Option<PersonId>,
    pub(super) number: Option<String>,
}

/// The longest of a booking's words.
const LONGEST: usize = 300;

impl Booking {
    /// When it begins, if that was said so that it can be reckoned with.
    pub(super) fn begins(&self) -> Result<Option<Timestamp>, ApiError> {
        let read = |text: &String| text.parse::<Timestamp>();
        self.starts_at
            .as_ref()
            .map(read)
            .transpose()
            .map_err(|_| ApiError::invalid_field("booking.starts_at", "It must be a time with an offset (RFC 3339)"))
    }

    /// As a template's data.
    fn data(&self) -> Result<Map<String, Value>, ApiError> {
        let id = self.id.as_ref().map(text_of).transpose()?;
        let starts_at = &self.starts_at;
        let words = [
            ("service", &self.service),
            ("date", if self.date.is_some() { &self.date } else { starts_at }),
            ("time", if self.time.is_some() { &self.time } else { starts_at }),
            ("provider", &self.provider),
            ("location", &self.location),
            ("reference", &self.reference),
            ("booking_id", &id),
        ];
        let mut data = Map::new();
        for (name, word) in words {
            let Some(word) = word.as_ref().filter(|word| !word.trim().is_empty()) else { continue };
            if word.chars().count() > LONGEST {
                let why = format!("It must be at most {LONGEST} characters");
                return Err(ApiError::invalid_field(&format!("booking.{name}"), why));
            }
            data.insert(name.to_owned(), Value::from(word.as_str()));
        }
        Ok(data)
    }
}

/// An id as clients write it: a number or a text.
fn text_of(id: &Value) -> Result<String, ApiError> {
    match id {
        Value::Number(number) => Ok(number.to_string()),
        Value::String(text) => Ok(text.clone()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            Err(ApiError::invalid_field("booking.id", "It must be a text or a number"))
        }
    }
}

impl To {
    async fn find(self, app: &App) -> Result<(Address, Option<Person>), ApiError> {
        match (self.user_id, self.number) {
            (Some(_), Some(_)) => {
                Err(ApiError::invalid_field("to_number", "Either user_id or to_number says who is written to"))
            }
            (None, None) => {
                Err(ApiError::missing_field("user_id").details("Say user_id or to_number: no bookings are kept here"))
            }
            (None, Some(number)) => {
                let number = PhoneNumber::parse(&number, &app.region)
                    .map_err(|error| ApiError::invalid_field("to_number", format!("It is {error}")))?;
                Ok((Address::Phone(number), None))
            }
            (Some(id), None) => {
                let unknown = || ApiError::not_found(format!("Unknown user: {id}")).with("field", "user_id");
                let person = app.road.people.get(&id).await?.ok_or_else(unknown)?;
                let phone = person.destination(Channel::Sms).ok_or_else(|| {
                    ApiError::bad_request(format!("User {id} does not have a phone number")).with("field", "user_id")
                })?;
                Ok((phone, Some(person)))
            }
        }
    }
}

/// The task of telling somebody about their booking by SMS.
pub(super) async fn task(
    app: &App,
    caller: Caller,
    identity: Identity,
    trigger: Trigger,
    to: To,
    (booking, locale): (&Booking, Option<Locale>),
) -> Result<Task, ApiError> {
    let data = booking.data()?;
    let (to, person) = to.find(app).await?;
    let key = person.as_ref().map_or_else(|| to.canonical(), |person| person.id.as_str().to_owned());
    let locale = locale.or_else(|| person.as_ref().and_then(|person| person.locale.clone()));
    let variables = Variables::read("booking", data, None)?;
    let rendered = render(app, &caller, &trigger.into(), Channel::Sms, locale.as_ref(), &key, &variables).await?;
    let part = Part {
        channel: Channel::Sms,
        to,
        address_source: match person {
            Some(_) => AddressSource::Profile,
            None => AddressSource::Given,
        },
        from: None,
        content: rendered.content,
        template: Some(rendered.template),
        provider: ProviderName::Twilio,
        choice: ProviderChoice::Any,
        asked: None,
    };
    let booking_id = variables.data.get("booking_id").and_then(Value::as_str).map(str::to_owned);
    let lane = trigger.default_priority().lane();
    let task = Task::new(identity.id, caller.subject, trigger.class(), lane, vec![part]);
    Ok(Task {
        request_hash: identity.request_hash,
        person,
        trigger: Some(trigger),
        link_form: rendered.link_form,
        links: Links { booking_id, ..Links::default() },
        ..task
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn data(booking: Value) -> Value {
        serde_json::from_value::<Booking>(booking).unwrap().data().unwrap().into()
    }

    #[test]
    fn a_booking_is_read_in_both_spellings() {
        let expected = json!({"service": "Cleaning", "date": "May 5", "time": "10:00", "booking_id": "7"});
        assert_eq!(
            data(json!({"bookingId": 7, "serviceName": "Cleaning", "date": "May 5", "time": "10:00"})),
            expected
        );
        assert_eq!(data(json!({"id": "7", "service": "Cleaning", "date": "May 5", "time": "10:00"})), expected);
        let at = "2026-05-05T14:30:00+02:00";
        assert_eq!(data(json!({"startsAt": at})), json!({"date": at, "time": at}));
    }
}
