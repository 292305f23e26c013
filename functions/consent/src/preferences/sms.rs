//! `/api/sms/preferences`: a person's own preferences about texts, in the words of two older interfaces. Both spellings of
//! a name are taken and answered, and what is stored is the same as everywhere else.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use switchboard::http::body::from_json;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body, Caller, Origin, SecondFactorAssertion};
use switchboard::message::{Address, Channel, PhoneNumber, Trigger};
use switchboard::person::consent::Standing;
use switchboard::person::profile::SetBy;
use switchboard::person::{Person, PersonId, Preferences};

use crate::App;
use crate::request::{may_change_address, set_by};

/// What an answer has beside the preferences.
const ANSWERED: [&str; 5] = ["success", "user_id", "phone_verified", "pending_phone_number", "consent_status"];

/// What the ledger says a change came by.
const SOURCE: &str = "sms_preferences";

/// Preferences about texts. In a change, what is not named stays; where a thing is named twice, both must say the same.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct SmsPreferences {
    /// Off: no SMS but what concerns their security. On is no agreement to marketing: that is a consent.
    sms_enabled: Option<bool>,
    /// The same as `sms_enabled`.
    #[serde(rename = "smsEnabled")]
    sms_enabled_too: Option<bool>,
    /// Off: no WhatsApp message but what concerns their security.
    whatsapp_enabled: Option<bool>,
    #[serde(rename = "whatsappEnabled")]
    whatsapp_enabled_too: Option<bool>,
    /// In any common spelling; answered in E.164. Another number than before is a claim: nothing goes there until it is verified
    /// (`consent/sms`), and the one before stays in force. Answered is the one in force, else the one they claim.
    #[schema(example = "+14155552671")]
    phone_number: Option<String>,
    #[serde(rename = "phoneNumber")]
    phone_number_too: Option<String>,
    /// Texts about new bookings.
    booking_confirmations: Option<bool>,
    #[serde(rename = "bookingConfirmations")]
    booking_confirmations_too: Option<bool>,
    /// Texts before a booking.
    booking_reminders: Option<bool>,
    #[serde(rename = "bookingReminders")]
    booking_reminders_too: Option<bool>,
    /// Texts about changed bookings.
    status_updates: Option<bool>,
    #[serde(rename = "statusUpdates")]
    status_updates_too: Option<bool>,
    /// Texts about payments that succeeded.
    payment_confirmations: Option<bool>,
    #[serde(rename = "paymentConfirmations")]
    payment_confirmations_too: Option<bool>,
    /// Whether they would like codes by text when they sign in. A wish: a second factor is enrolled at `/api/v2/2fa`, and
    /// codes somebody asks for are always sent.
    two_factor_auth: Option<bool>,
    #[serde(rename = "twoFactorAuth")]
    two_factor_auth_too: Option<bool>,
}

/// Preferences about texts, as they are.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SmsPreferencesResponse {
    success: bool,
    user_id: PersonId,
    #[serde(flatten)]
    preferences: SmsPreferences,
    /// Whether they proved that the number is theirs.
    phone_verified: bool,
    /// The number that takes the place of `phone_number` when it is verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_phone_number: Option<String>,
    /// What they said about texts of every kind.
    consent_status: Standing,
}

/// The kinds of message behind a name.
const CONFIRMATIONS: &[Trigger] = &[Trigger::BookingConfirmation];
const REMINDERS: &[Trigger] = &[Trigger::BookingReminder, Trigger::BookingLastMinuteReminder];
const UPDATES: &[Trigger] = &[Trigger::BookingStatusUpdate];
const PAYMENTS: &[Trigger] = &[Trigger::PaymentConfirmation];
const CODES: Trigger = Trigger::OneTimeCode;

/// One's own preferences about texts
///
/// Of the person whose token it is. Who never said anything has the default ones.
#[utoipa::path(
    get, path = "/api/sms/preferences", tag = "Consent", operation_id = "sms_preferences",
    responses((status = 200, description = "Their preferences", body = SmsPreferencesResponse), Refusals),
    security(("bearer" = [])),
)]
pub async fn get(State(app): State<App>, caller: Caller) -> Result<Json<SmsPreferencesResponse>, ApiError> {
    let id = own(&caller)?;
    let person = app.road.people.get(&id).await?;
    let person = person.unwrap_or_else(|| Person::new(id.clone(), app.road.clock.now()));
    Ok(Json(view(id, &person)))
}

/// Change one's own preferences about texts
///
/// Of the person whose token it is. Registers them if they are new. Another number in the place of a verified one needs a fresh
/// assertion (`action`: `change_address`) of whoever has a second factor.
#[utoipa::path(
    put, path = "/api/sms/preferences", tag = "Consent", operation_id = "change_sms_preferences",
    params(SecondFactorAssertion),
    request_body = SmsPreferences,
    responses(
        (status = 200, description = "Their preferences, changed", body = SmsPreferencesResponse),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = [])),
)]
pub async fn put(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    assertion: SecondFactorAssertion,
    body: Body<Map<String, Value>>,
) -> Result<Json<SmsPreferencesResponse>, ApiError> {
    let id = own(&caller)?;
    // What was read may be written back whole; what only the answer says changes nothing.
    let mut request = body.value;
    request.retain(|name, _| !ANSWERED.contains(&name.as_str()));
    let changes = Changes::read(from_json(Value::Object(request))?, &app.region, set_by(&caller))?;
    if let Some(phone) = &changes.phone {
        may_change_address(&app, changes.set_by, &id, &Address::Phone(phone.clone()), &assertion).await?;
    }
    let witness = origin.witness(&caller, SOURCE, app.road.clock.now());
    let change = app.road.people.change(&id, &witness, |person| person.recorded(|person| changes.apply(person)));
    let person = change.await?;
    app.road.settle_proofs(&person, &witness).await?;
    Ok(Json(view(id, &person)))
}

/// Whose token it is.
fn own(caller: &Caller) -> Result<PersonId, ApiError> {
    PersonId::path(&caller.subject).ok_or_else(|| ApiError::forbidden("This token is no person's"))
}

fn view(user_id: PersonId, person: &Person) -> SmsPreferencesResponse {
    let wants =
        |triggers: &[Trigger]| Some(triggers.iter().all(|trigger| person.preferences.wants(Channel::Sms, *trigger)));
    let (sms, whatsapp) = (Some(person.preferences.sms_enabled), Some(person.preferences.whatsapp_enabled));
    let text = |address: Option<Address>| address.map(|address| address.as_str().to_owned());
    let phone = text(person.destination(Channel::Sms));
    let pending = text(person.claim(Channel::Sms)).filter(|_| person.phone.is_some());
    let (confirmations, reminders, updates, payments) =
        (wants(CONFIRMATIONS), wants(REMINDERS), wants(UPDATES), wants(PAYMENTS));
    // Off, unless they asked for it.
    let codes = Some(person.preferences.alert_types_sms.get(CODES.as_str()).copied().unwrap_or(false));
    SmsPreferencesResponse {
        success: true,
        user_id,
        preferences: SmsPreferences {
            sms_enabled: sms,
            sms_enabled_too: sms,
            whatsapp_enabled: whatsapp,
            whatsapp_enabled_too: whatsapp,
            phone_number: phone.clone(),
            phone_number_too: phone,
            booking_confirmations: confirmations,
            booking_confirmations_too: confirmations,
            booking_reminders: reminders,
            booking_reminders_too: reminders,
            status_updates: updates,
            status_updates_too: updates,
            payment_confirmations: payments,
            payment_confirmations_too: payments,
            two_factor_auth: codes,
            two_factor_auth_too: codes,
        },
        phone_verified: person.is_verified(Channel::Sms),
        pending_phone_number: pending,
        consent_status: person.standing(Channel::Sms, None),
    }
}

/// A request, read.
struct Changes {
    /// Whose word the number is.
    set_by: SetBy,
    sms: Option<bool>,
    whatsapp: Option<bool>,
    phone: Option<PhoneNumber>,
    kinds: Vec<(&'static [Trigger], bool)>,
}

impl Changes {
    fn read(request: SmsPreferences, region: &str, set_by: SetBy) -> Result<Self, ApiError> {
        let phone = one("phone_number", "phoneNumber", request.phone_number, request.phone_number_too)?;
        let phone = phone.map(|phone| {
            PhoneNumber::parse(&phone, region)
                .map_err(|error| ApiError::invalid_field("phone_number", format!("It is {error}")))
        });
        let kinds: [(&[Trigger], _); 5] = [
            (
                CONFIRMATIONS,
                one(
                    "booking_confirmations",
                    "bookingConfirmations",
                    request.booking_confirmations,
                    request.booking_confirmations_too,
                ),
            ),
            (
                REMINDERS,
                one("booking_reminders", "bookingReminders", request.booking_reminders, request.booking_reminders_too),
            ),
            (UPDATES, one("status_updates", "statusUpdates", request.status_updates, request.status_updates_too)),
            (
                PAYMENTS,
                one(
                    "payment_confirmations",
                    "paymentConfirmations",
                    request.payment_confirmations,
                    request.payment_confirmations_too,
                ),
            ),
            (&[CODES], one("two_factor_auth", "twoFactorAuth", request.two_factor_auth, request.two_factor_auth_too)),
        ];
        let mut wanted = Vec::new();
        for (triggers, wants) in kinds {
            wanted.extend(wants?.map(|wants| (triggers, wants)));
        }
        Ok(Self {
            set_by,
            sms: one("sms_enabled", "smsEnabled", request.sms_enabled, request.sms_enabled_too)?,
            whatsapp: one(
                "whatsapp_enabled",
                "whatsappEnabled",
                request.whatsapp_enabled,
                request.whatsapp_enabled_too,
            )?,
            phone: phone.transpose()?,
            kinds: wanted,
        })
    }

    fn apply(&self, person: &mut Person) {
        if let Some(phone) = &self.phone {
            match self.set_by {
                SetBy::Manager => person.set_phone(phone.clone()),
                SetBy::Person => person.claim_address(&Address::Phone(phone.clone())),
            }
        }
        let Preferences { sms_enabled, whatsapp_enabled, alert_types_sms, .. } = &mut person.preferences;
        *sms_enabled = self.sms.unwrap_or(*sms_enabled);
        *whatsapp_enabled = self.whatsapp.unwrap_or(*whatsapp_enabled);
        for (triggers, wants) in &self.kinds {
            alert_types_sms.extend(triggers.iter().map(|trigger| (trigger.as_str().to_owned(), *wants)));
        }
    }
}

/// What is said of a thing with two names.
fn one<T: PartialEq>(name: &str, other: &str, value: Option<T>, too: Option<T>) -> Result<Option<T>, ApiError> {
    match (value, too) {
        (Some(value), Some(too)) if value != too => {
            Err(ApiError::invalid_field(name, format!("{name} and {other} are the same thing and must agree")))
        }
        (value, too) => Ok(value.or(too)),
    }
}
