//! Smart defaults: what a person's preferences are reset to, by the client's word for the kind of customer they are. A
//! default never opens more than the person's consent does; it says how often, when, and which kinds of message rather not.

use jiff::civil::Time;

use super::{Frequency, Preferences};
use crate::message::Trigger;
use crate::message::Trigger::{CareerInsight, EducationalContent, MonthlyReport, WeeklyCheckin};

/// The defaults of a segment, and why they are these.
#[derive(Clone, Copy, Debug)]
pub struct SmartDefaults {
    /// The client's word; empty: of everybody whose segment has no defaults of its own.
    pub segment: &'static str,
    pub frequency: Frequency,
    pub sms_time: Time,
    /// 1 is Monday, 7 is Sunday.
    pub email_day: i8,
    /// What they rather do not get as a text, and as an e-mail.
    pub not_by_sms: &'static [Trigger],
    pub not_by_email: &'static [Trigger],
    pub reason: &'static str,
}

const NINE: Time = Time::constant(9, 0, 0, 0);
const TEN: Time = Time::constant(10, 0, 0, 0);
/// After work, before the usual quiet hours.
const SIX: Time = Time::constant(18, 0, 0, 0);

/// Of everybody else.
const USUAL: SmartDefaults = SmartDefaults {
    segment: "",
    frequency: Frequency::Weekly,
    sms_time: TEN,
    email_day: 2,
    not_by_sms: &[WeeklyCheckin, MonthlyReport, CareerInsight, EducationalContent],
    not_by_email: &[],
    reason: "Nothing is known of how they like it: each kind of marketing once a week, and by e-mail, which disturbs less than a text",
};

/// By segment.
const TABLE: [SmartDefaults; 6] = [
    SmartDefaults {
        segment: "premium_subscriber",
        frequency: Frequency::Weekly,
        sms_time: NINE,
        email_day: 1,
        not_by_sms: &[WeeklyCheckin],
        not_by_email: &[EducationalContent],
        reason: "They pay for reports and insights and know the product: those weekly, at the start of the day and the week, and no courses",
    },
    SmartDefaults {
        segment: "new_user",
        frequency: Frequency::Weekly,
        not_by_email: &[CareerInsight],
        reason: "They are getting to know the product: what teaches it, once a week, and no career offers yet",
        ..USUAL
    },
    SmartDefaults {
        segment: "engaged",
        frequency: Frequency::Daily,
        not_by_sms: &[EducationalContent],
        reason: "They read what they get: as often as the daily cap lets through",
        ..USUAL
    },
    SmartDefaults {
        segment: "at_risk",
        frequency: Frequency::Monthly,
        sms_time: SIX,
        not_by_email: &[CareerInsight, EducationalContent],
        reason: "They are about to leave, and mail they did not ask for is a reason to: the essentials, once a month",
        ..USUAL
    },
    SmartDefaults {
        segment: "inactive",
        frequency: Frequency::Monthly,
        not_by_email: &[WeeklyCheckin, CareerInsight, EducationalContent],
        reason: "Who does not read for months marks mail as spam, which harms everybody's delivery: one report a month",
        ..USUAL
    },
    SmartDefaults {
        segment: "business",
        frequency: Frequency::Weekly,
        sms_time: NINE,
        email_day: 1,
        not_by_email: &[EducationalContent],
        reason: "They read at work: in the morning, at the start of the week",
        ..USUAL
    },
];

impl SmartDefaults {
    /// Those of a segment.
    pub fn of(segment: Option<&str>) -> Self {
        TABLE.into_iter().find(|defaults| segment == Some(defaults.segment)).unwrap_or(USUAL)
    }

    /// Preferences, reset to them. What is a fact about the person stays: their segment and their time zone.
    pub fn reset(&self, before: &Preferences) -> Preferences {
        let off = |triggers: &[Trigger]| triggers.iter().map(|trigger| (trigger.as_str().to_owned(), false)).collect();
        Preferences {
            preferred_sms_time: Some(self.sms_time),
            preferred_email_day: Some(self.email_day),
            alert_types_sms: off(self.not_by_sms),
            alert_types_email: off(self.not_by_email),
            frequency_preference: self.frequency,
            user_segment: before.user_segment.clone(),
            time_zone: before.time_zone.clone(),
            ..Preferences::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::message::Channel;
    use crate::message::trigger::Class;
    use crate::person::TimeRules;

    #[test]
    fn each_segment_has_its_own_defaults_with_a_reason() {
        let segments: BTreeSet<&str> = TABLE.iter().map(|defaults| defaults.segment).collect();
        assert_eq!(segments.len(), TABLE.len());
        let reasons: BTreeSet<&str> = TABLE.iter().chain([&USUAL]).map(|defaults| defaults.reason).collect();
        assert_eq!(reasons.len(), TABLE.len() + 1);
        assert_eq!(SmartDefaults::of(Some("gold")).segment, "");
        assert_eq!(SmartDefaults::of(None).segment, "");
        assert_eq!(SmartDefaults::of(Some("at_risk")).frequency, Frequency::Monthly);
    }

    #[test]
    fn defaults_only_ever_switch_marketing_off_and_disturb_nobodys_night() {
        let quiet = TimeRules::default().quiet_hours;
        for defaults in TABLE.iter().chain([&USUAL]) {
            let off = defaults.not_by_sms.iter().chain(defaults.not_by_email);
            assert!(off.into_iter().all(|trigger| trigger.class() == Class::Marketing), "{}", defaults.segment);
            assert!((1..=7).contains(&defaults.email_day));
            assert!(quiet.end <= defaults.sms_time && defaults.sms_time < quiet.start, "{}", defaults.segment);
        }
    }

    #[test]
    fn a_reset_leaves_what_is_a_fact_about_the_person() {
        let before = Preferences {
            sms_enabled: false,
            user_segment: Some("premium_subscriber".to_owned()),
            time_zone: Some("Asia/Tokyo".to_owned()),
            quiet_hours: "20:00-09:00".parse().ok(),
            frequency_preference: Frequency::Daily,
            ..Preferences::default()
        };
        let after = SmartDefaults::of(before.user_segment.as_deref()).reset(&before);
        assert_eq!((after.time_zone, after.user_segment), (before.time_zone, before.user_segment));
        assert_eq!((after.sms_enabled, after.quiet_hours, after.frequency_preference), (true, None, Frequency::Weekly));
        let after = SmartDefaults::of(Some("premium_subscriber")).reset(&Preferences::default());
        assert!(!after.wants(Channel::Sms, WeeklyCheckin) && after.wants(Channel::Email, WeeklyCheckin));
    }
}
