//! What a person prefers: on which channels and about what they are written to, when, and how often.
//!
//! A preference only ever takes away: that somebody switched a kind of message on is no agreement to marketing. That is
//! a consent, and is given as one.

use std::collections::BTreeMap;

use jiff::civil::{Time, Weekday};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};

use super::QuietHours;
use crate::message::{Channel, Trigger};

/// A person's preferences. Whoever never said anything has the default ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    /// Off: no SMS but what concerns their security.
    pub sms_enabled: bool,
    /// Off: no e-mail but what concerns their security.
    pub email_enabled: bool,
    /// Off: no WhatsApp message but what concerns their security.
    pub whatsapp_enabled: bool,
    /// When they like to get texts, by their own clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_sms_time: Option<Time>,
    /// On which day they like to get e-mails: 1 is Monday, 7 is Sunday (ISO 8601).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_email_day: Option<i8>,
    /// What they said about kinds of SMS, by trigger type.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub alert_types_sms: BTreeMap<String, bool>,
    /// The same of e-mails.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub alert_types_email: BTreeMap<String, bool>,
    pub frequency_preference: Frequency,
    /// The client's word for the kind of customer they are; never interpreted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_segment: Option<String>,
    /// IANA name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Their own, instead of the deployment's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet_hours: Option<QuietHours>,
}

/// How often somebody wants marketing messages.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Frequency {
    /// As often as the deployment's daily cap lets through.
    #[default]
    Daily,
    /// Each kind of message at most once in a calendar week.
    Weekly,
    /// Each kind of message at most once in a calendar month.
    Monthly,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            sms_enabled: true,
            email_enabled: true,
            whatsapp_enabled: true,
            preferred_sms_time: None,
            preferred_email_day: None,
            alert_types_sms: BTreeMap::new(),
            alert_types_email: BTreeMap::new(),
            frequency_preference: Frequency::default(),
            user_segment: None,
            time_zone: None,
            quiet_hours: None,
        }
    }
}

impl Preferences {
    /// Whether a channel is switched on. Calls have no switch of their own: there is consent for them.
    pub fn is_enabled(&self, channel: Channel) -> bool {
        match channel {
            Channel::Sms => self.sms_enabled,
            Channel::Email => self.email_enabled,
            Channel::Whatsapp => self.whatsapp_enabled,
            Channel::Voice => true,
        }
    }

    /// Whether a kind of message is switched on on a channel; what was never spoken of is.
    pub fn wants(&self, channel: Channel, trigger: Trigger) -> bool {
        let types = match channel {
            Channel::Sms => &self.alert_types_sms,
            Channel::Email => &self.alert_types_email,
            Channel::Whatsapp | Channel::Voice => return true,
        };
        types.get(trigger.as_str()).copied().unwrap_or(true)
    }

    /// The day they like to get e-mails on.
    pub fn email_day(&self) -> Option<Weekday> {
        self.preferred_email_day.and_then(|day| Weekday::from_monday_one_offset(day).ok())
    }
}
