//! The time a person likes to be written to: texts at their time of the day, e-mails on their day of the week.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::Preferences;
use crate::message::Channel;

/// When there is no preference, and the hour of e-mails, which have a preferred day only: 10:00. It lies within the day
/// of everybody who sleeps at night.
const HOUR: Time = Time::constant(10, 0, 0, 0);

/// The next preferred time after `now`, by the recipient's clock.
pub fn next(preferences: Option<&Preferences>, channel: Channel, zone: &TimeZone, now: Timestamp) -> Timestamp {
    let today = zone.to_datetime(now).date();
    let (time, day) = match channel {
        Channel::Sms | Channel::Whatsapp | Channel::Voice => {
            (preferences.and_then(|preferences| preferences.preferred_sms_time).unwrap_or(HOUR), None)
        }
        Channel::Email => (HOUR, preferences.and_then(Preferences::email_day)),
    };
    let on = |date: Date| date.to_datetime(time).to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp());
    // A week and a day: the same day of the week, when its hour has passed today.
    let days = (0..=8).filter_map(|ahead| today.checked_add(Span::new().days(ahead)).ok());
    let right = days.filter(|date| day.is_none_or(|day| date.weekday() == day));
    right.filter_map(on).find(|at| *at > now).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::plus_seconds;

    fn preferences(time: Option<Time>, day: Option<i8>) -> Preferences {
        Preferences { preferred_sms_time: time, preferred_email_day: day, ..Preferences::default() }
    }

    fn at(preferences: &Preferences, channel: Channel, zone: &str, now: &str) -> String {
        let zone = TimeZone::get(zone).unwrap();
        next(Some(preferences), channel, &zone, now.parse().unwrap()).to_string()
    }

    #[test]
    fn texts_come_at_their_time_today_or_tomorrow() {
        let nine = preferences(Some(Time::constant(9, 0, 0, 0)), None);
        assert_eq!(at(&nine, Channel::Sms, "America/New_York", "2026-11-21T05:00:00Z"), "2026-11-21T14:00:00Z");
        assert_eq!(at(&nine, Channel::Sms, "America/New_York", "2026-11-21T14:00:00Z"), "2026-11-22T14:00:00Z");
        let unsaid = preferences(None, Some(3));
        assert_eq!(at(&unsaid, Channel::Sms, "Asia/Kolkata", "2026-11-21T05:00:00Z"), "2026-11-22T04:30:00Z");
    }

    #[test]
    fn emails_come_on_their_day() {
        // 21 November 2026 is a Saturday.
        let monday = preferences(Some(Time::constant(9, 0, 0, 0)), Some(1));
        assert_eq!(at(&monday, Channel::Email, "Europe/Berlin", "2026-11-21T05:00:00Z"), "2026-11-23T09:00:00Z");
        assert_eq!(at(&monday, Channel::Email, "Europe/Berlin", "2026-11-23T09:00:00Z"), "2026-11-30T09:00:00Z");
        let any = preferences(None, None);
        assert_eq!(at(&any, Channel::Email, "Europe/Berlin", "2026-11-21T05:00:00Z"), "2026-11-21T09:00:00Z");
    }

    proptest! {
        #[test]
        fn the_next_time_is_ahead_and_within_eight_days(minute in 25_000_000i64..35_700_000, day in proptest::option::of(1i8..8), hour in 0i8..24) {
            let preferences = preferences(Time::new(hour, 0, 0, 0).ok(), day);
            let now = Timestamp::from_second(minute * 60).unwrap();
            for zone in ["America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe"] {
                let zone = TimeZone::get(zone).unwrap();
                for channel in [Channel::Sms, Channel::Email] {
                    let at = next(Some(&preferences), channel, &zone, now);
                    prop_assert!(at > now && at <= plus_seconds(now, 8 * 86_400 + 3_600));
                    if let (Channel::Email, Some(day)) = (channel, day) {
                        prop_assert_eq!(zone.to_datetime(at).date().weekday().to_monday_one_offset(), day);
                    }
                }
            }
        }
    }
}
