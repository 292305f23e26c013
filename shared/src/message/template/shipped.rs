//! The templates that ship with the product: one for every trigger, under the trigger's name, in English and the most
//! used of them in Spanish, French and German. `shipped/LANGUAGE/TRIGGER.txt` has parts named as in [`Parts`]
//! (`--- text`). They are version 0 of their name; a stored version takes their place.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};
use strum::IntoEnumIterator;

use super::{Parts, Template, TemplateName};
use crate::message::{Locale, Trigger};

macro_rules! files {
    ($($locale:literal: [$($name:literal)*];)*) => {
        const LOCALES: &[&str] = &[$($locale),*];

        fn file(locale: &str, name: &str) -> Option<&'static str> {
            match (locale, name) {
                $($(($locale, $name) => Some(include_str!(concat!("shipped/", $locale, "/", $name, ".txt"))),)*)*
                _ => None,
            }
        }
    };
}

files! {
    "en": [
        "financial_alert" "payment_reminder" "weekly_checkin" "monthly_report" "career_insight"
        "educational_content" "booking_confirmation" "booking_reminder" "booking_last_minute_reminder"
        "booking_status_update" "provider_notification" "payment_confirmation" "payment_failure"
        "refund_notification" "security_alert" "one_time_code" "phone_verification" "email_verification" "address_change"
        "erasure_notice"
        "workflow_approval" "workflow_status_update" "task_assignment" "inspection_reminder"
        "emergency_notification" "system_maintenance" "system_alert" "team_announcement" "user_invitation"
        "application_status_update" "document_request"
    ];
    "es": [
        "financial_alert" "payment_reminder" "booking_confirmation" "booking_reminder"
        "booking_last_minute_reminder" "booking_status_update" "payment_confirmation" "payment_failure"
        "refund_notification" "security_alert" "one_time_code" "phone_verification" "email_verification" "address_change"
        "erasure_notice"
        "emergency_notification" "application_status_update" "document_request"
    ];
    "fr": [
        "financial_alert" "payment_reminder" "booking_confirmation" "booking_reminder"
        "booking_last_minute_reminder" "booking_status_update" "payment_confirmation" "payment_failure"
        "refund_notification" "security_alert" "one_time_code" "phone_verification" "email_verification" "address_change"
        "erasure_notice"
        "emergency_notification" "application_status_update" "document_request"
    ];
    "de": [
        "financial_alert" "payment_reminder" "booking_confirmation" "booking_reminder"
        "booking_last_minute_reminder" "booking_status_update" "payment_confirmation" "payment_failure"
        "refund_notification" "security_alert" "one_time_code" "phone_verification" "email_verification" "address_change"
        "erasure_notice"
        "emergency_notification" "application_status_update" "document_request"
    ];
}

static SHIPPED: LazyLock<BTreeMap<TemplateName, Template>> =
    LazyLock::new(|| Trigger::iter().map(|trigger| (trigger.into(), read(trigger))).collect());

static EXAMPLES: LazyLock<BTreeMap<String, Map<String, Value>>> =
    LazyLock::new(|| serde_json::from_str(include_str!("shipped/examples.json")).unwrap_or_default());

/// The shipped template of a name, if it is a trigger's.
pub fn template(name: &TemplateName) -> Option<&'static Template> {
    SHIPPED.get(name)
}

/// All of them, by name.
pub fn all() -> impl Iterator<Item = (&'static TemplateName, &'static Template)> {
    SHIPPED.iter()
}

/// Data a trigger's template is typically filled with.
pub fn example(name: &TemplateName) -> Option<&'static Map<String, Value>> {
    EXAMPLES.get(name.as_str())
}

fn read(trigger: Trigger) -> Template {
    let parts = |locale: &&str| Some((locale.parse::<Locale>().ok()?, parse(file(locale, trigger.as_str())?)));
    Template {
        shorten_links: false,
        description: Some(trigger.description().to_owned()),
        class: Some(trigger.class()),
        locales: LOCALES.iter().filter_map(parts).collect(),
        variants: Vec::new(),
    }
}

fn parse(file: &str) -> Parts {
    let part = |name: &str| {
        let (_, rest) = file.split_once(&format!("--- {name}\n"))?;
        Some(rest.split_once("\n--- ").map_or(rest, |(part, _)| part).trim_end().to_owned())
    };
    Parts {
        text: part("text"),
        subject: part("subject"),
        email: part("email"),
        html: None,
        voice: part("voice"),
        whatsapp_template: None,
    }
}
