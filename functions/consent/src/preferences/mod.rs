//! `/api/communication/preferences/{user_id}`: what a person prefers; and [`sms`], the same in the words of
//! `/api/sms/preferences`. What the endpoints answer with is here.

pub mod get;
pub mod put;
pub mod reset;
pub mod sms;

use std::collections::BTreeMap;

use jiff::civil::Time;
use serde::Serialize;
use strum::IntoEnumIterator;
use switchboard::message::{Channel, Locale, Trigger};
use switchboard::person::{Frequency, Person, PersonId, QuietHours};

/// A person's preferences.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PreferencesView {
    user_id: PersonId,
    /// Off: no SMS but what concerns their security.
    sms_enabled: bool,
    /// Off: no e-mail but what concerns their security.
    email_enabled: bool,
    /// Off: no WhatsApp message but what concerns their security.
    whatsapp_enabled: bool,
    /// When they like to get texts, by their own clock.
    #[schema(example = "09:00:00")]
    preferred_sms_time: Option<String>,
    /// On which day they like to get e-mails: 1 is Monday, 7 is Sunday (ISO 8601).
    #[schema(example = 1, minimum = 1, maximum = 7)]
    preferred_email_day: Option<i8>,
    /// Every trigger type: `false` is never sent to them by SMS. `true` is no agreement to marketing: that is a consent.
    #[schema(value_type = Object, example = json!({"financial_alert": true, "weekly_checkin": false}))]
    alert_types_sms: BTreeMap<&'static str, bool>,
    /// The same of e-mails.
    #[schema(value_type = Object, example = json!({"monthly_report": true, "educational_content": false}))]
    alert_types_email: BTreeMap<&'static str, bool>,
    /// How often they want marketing: `daily` (as the deployment's cap allows), `weekly` or `monthly` (each kind of message
    /// at most once in a calendar week or month).
    frequency_preference: Frequency,
    /// The client's word for the kind of customer they are.
    user_segment: Option<String>,
    /// IANA name; where it is not known, it follows from their telephone number.
    #[schema(example = "America/New_York")]
    time_zone: Option<String>,
    /// When they want to be left alone; the deployment's quiet hours where it is `null`.
    quiet_hours: Option<QuietHoursView>,
    /// The language they are written to in (BCP 47).
    #[schema(value_type = Option<String>, example = "en")]
    locale: Option<Locale>,
}

/// A part of the day, by their own clock; its end is not in it. It may go over midnight; none at all where both are the same.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct QuietHoursView {
    #[schema(example = "21:00")]
    start: String,
    #[schema(example = "08:00")]
    end: String,
}

fn hours_and_minutes(time: Time) -> String {
    time.strftime("%H:%M").to_string()
}

impl From<QuietHours> for QuietHoursView {
    fn from(hours: QuietHours) -> Self {
        Self { start: hours_and_minutes(hours.start), end: hours_and_minutes(hours.end) }
    }
}

fn view(person: Person) -> PreferencesView {
    let types = |channel| {
        let wanted = |trigger: Trigger| (trigger.as_str(), person.preferences.wants(channel, trigger));
        Trigger::iter().map(wanted).collect()
    };
    let (alert_types_sms, alert_types_email) = (types(Channel::Sms), types(Channel::Email));
    let preferences = person.preferences;
    PreferencesView {
        user_id: person.id,
        sms_enabled: preferences.sms_enabled,
        email_enabled: preferences.email_enabled,
        whatsapp_enabled: preferences.whatsapp_enabled,
        preferred_sms_time: preferences.preferred_sms_time.map(|time| time.strftime("%H:%M:%S").to_string()),
        preferred_email_day: preferences.preferred_email_day,
        alert_types_sms,
        alert_types_email,
        frequency_preference: preferences.frequency_preference,
        user_segment: preferences.user_segment,
        time_zone: preferences.time_zone,
        quiet_hours: preferences.quiet_hours.map(QuietHoursView::from),
        locale: person.locale,
    }
}
