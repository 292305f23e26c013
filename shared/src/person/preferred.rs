//! The time a person likes to be written to: texts at their time of the day, e-mails on their day of the week; where they
//! never said, at the hour at which they read, as far as that is known.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::Serialize;
use strum::IntoStaticStr;

use super::Preferences;
use crate::message::Channel;

/// When there is no preference, and the hour of e-mails, which have a preferred day only: 10:00. It lies within the day
/// of everybody who sleeps at night.
const HOUR: Time = Time::constant(10, 0, 0, 0);

/// What a time follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, IntoStaticStr, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Ground {
    /// They said so.
    Preference,
    /// They read at that hour.
    PastEngagement,
    /// Nothing is known of them.
    Default,
}

/// The best time for a message, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Best {
    pub at: Timestamp,
    /// The same before it was asked whether they want to be left alone then.
    pub wished: Timestamp,
    pub ground: Ground,
}

/// The next such time after `now`, by the recipient's clock. `habit` is the hour at which they read, where it is known.
pub fn next(
    preferences: Option<&Preferences>,
    habit: Option<i8>,
    channel: Channel,
    zone: &TimeZone,
    now: Timestamp,
) -> Best {
    let today = zone.to_datetime(now).date();
    let said = preferences.and_then(|preferences| preferences.preferred_sms_time).filter(|_| channel.is_telephone());
    let day = preferences.and_then(Preferences::email_day).filter(|_| !channel.is_telephone());
    let habit = habit.and_then(|hour| Time::new(hour, 0, 0, 0).ok());
    let ground = match (said.is_some() || day.is_some(), habit) {
        (true, _) => Ground::Preference,
        (false, Some(_)) => Ground::PastEngagement,
        (false, None) => Ground::Default,
    };
    let time = said.or(habit).unwrap_or(HOUR);
    let on = |date: Date| date.to_datetime(time).to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp());
    // A week and a day: the same day of the week, when its hour has passed today.
    let days = (0..=8).filter_map(|ahead| today.checked_add(Span::new().days(ahead)).ok());
    let right = days.filter(|date| day.is_none_or(|day| date.weekday() == day));
    let at = right.filter_map(on).find(|at| *at > now).unwrap_or(now);
    Best { at, wished: at, ground }
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
        next(Some(preferences), None, channel, &zone, now.parse().unwrap()).at.to_string()
    }

    #[test]
    fn what_they_said_comes_before_what_they_do_and_that_before_what_is_usual() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let now = "2026-11-21T05:00:00Z".parse().unwrap();
        let best = |preferences: &Preferences, habit, channel| {
            let best = next(Some(preferences), habit, channel, &zone, now);
            (best.at.to_string(), best.ground)
        };
        let (nine, unsaid) = (preferences(Some(Time::constant(9, 0, 0, 0)), Some(1)), preferences(None, None));
        let (said, read, usual) = (Ground::Preference, Ground::PastEngagement, Ground::Default);
        assert_eq!(best(&nine, Some(18), Channel::Sms), ("2026-11-21T14:00:00Z".to_owned(), said));
        assert_eq!(best(&unsaid, Some(18), Channel::Sms), ("2026-11-21T23:00:00Z".to_owned(), read));
        assert_eq!(best(&unsaid, None, Channel::Sms), ("2026-11-21T15:00:00Z".to_owned(), usual));
        // Of e-mails they said the day, and their habit says the hour.
        assert_eq!(best(&nine, Some(18), Channel::Email), ("2026-11-23T23:00:00Z".to_owned(), said));
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
                    let at = next(Some(&preferences), None, channel, &zone, now).at;
                    prop_assert!(at > now && at <= plus_seconds(now, 8 * 86_400 + 3_600));
                    if let (Channel::Email, Some(day)) = (channel, day) {
                        prop_assert_eq!(zone.to_datetime(at).date().weekday().to_monday_one_offset(), day);
                    }
                }
            }
        }
    }
}
