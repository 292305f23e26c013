//! How often somebody is written to. A day, a week and a month are the calendar's, by the recipient's clock: everybody
//! can say when the next one begins, and a message that comes too often waits until then.
//!
//! A quota is taken from right before a message is claimed, in a row of its own (`store::ephemera`), by the message's id:
//! a message that comes twice takes one place.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use strum::IntoEnumIterator;

use super::{Frequency, Preferences};
use crate::message::Trigger;
use crate::message::trigger::Class;

/// How many messages of a class a person gets in a day, over all channels. `None`: any number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frequencies {
    pub marketing: Option<u32>,
    pub transactional: Option<u32>,
}

impl Default for Frequencies {
    fn default() -> Self {
        Self { marketing: Some(3), transactional: None }
    }
}

/// A number of messages in a stretch of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Of what, and in which stretch; with the recipient it is the name of its row.
    pub name: String,
    pub most: u32,
    /// When the next stretch begins.
    pub renews: Timestamp,
    /// The word for it in decisions: `frequency_cap` is the deployment's, `frequency_preference` the person's own.
    pub rule: &'static str,
}

impl Frequencies {
    /// The quotas a message to this person counts in, now.
    pub fn quotas(
        self,
        class: Class,
        trigger: Option<Trigger>,
        preferences: Option<&Preferences>,
        zone: &TimeZone,
        now: Timestamp,
    ) -> Vec<Quota> {
        let most = match class {
            Class::Security => return Vec::new(),
            Class::Transactional => self.transactional,
            Class::Marketing => self.marketing,
        };
        let today = zone.to_datetime(now).date();
        let own = match (class, trigger, preferences) {
            (Class::Marketing, Some(trigger), Some(preferences)) => own(trigger, preferences, today, zone),
            (Class::Security | Class::Transactional | Class::Marketing, _, _) => None,
        };
        let of_day = most.and_then(|most| {
            let renews = begin(today.tomorrow().ok()?, zone)?;
            Some(Quota { name: of_day(class, today), most, renews, rule: "frequency_cap" })
        });
        own.into_iter().chain(of_day).collect()
    }
}

/// What the person asked for: each kind of message once a week, or once a month.
fn own(trigger: Trigger, preferences: &Preferences, today: Date, zone: &TimeZone) -> Option<Quota> {
    let (name, next) = match preferences.frequency_preference {
        Frequency::Daily => return None,
        Frequency::Weekly => {
            let monday = monday(today)?;
            (of_week(trigger, monday), monday.checked_add(Span::new().weeks(1)).ok()?)
        }
        Frequency::Monthly => {
            let first = today.first_of_month();
            (of_month(trigger, first), first.checked_add(Span::new().months(1)).ok()?)
        }
    };
    Some(Quota { name, most: 1, renews: begin(next, zone)?, rule: "frequency_preference" })
}

/// The row of a quota, and of whom: `person#…`, or `address#…` by its fingerprint.
pub fn row(quota: &str, of: &str) -> String {
    format!("quota#{quota}#{of}")
}

/// The names of every quota somebody may have a place in now, wherever their clock hangs.
pub fn names(now: Timestamp) -> Vec<String> {
    let today = TimeZone::UTC.to_datetime(now).date();
    let days: BTreeSet<Date> =
        [-1_i64, 0, 1].iter().filter_map(|days| today.checked_add(Span::new().days(*days)).ok()).collect();
    let mut names: BTreeSet<String> = BTreeSet::new();
    for day in days {
        names.extend([Class::Transactional, Class::Marketing].map(|class| of_day(class, day)));
        for trigger in Trigger::iter() {
            names.extend(monday(day).map(|monday| of_week(trigger, monday)));
            names.insert(of_month(trigger, day.first_of_month()));
        }
    }
    names.into_iter().collect()
}

fn of_day(class: Class, day: Date) -> String {
    format!("{class}#{day}")
}

fn of_week(trigger: Trigger, monday: Date) -> String {
    format!("{trigger}#week#{monday}")
}

fn of_month(trigger: Trigger, first: Date) -> String {
    format!("{trigger}#month#{first}")
}

fn monday(day: Date) -> Option<Date> {
    day.checked_sub(Span::new().days(day.weekday().to_monday_zero_offset())).ok()
}

/// The first moment of a day, which is not midnight everywhere.
fn begin(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    day.to_zoned(zone.clone()).ok()?.start_of_day().ok().map(|start| start.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quotas(class: Class, frequency: Frequency, zone: &str, now: &str) -> Vec<(String, u32, String)> {
        let preferences = Preferences { frequency_preference: frequency, ..Preferences::default() };
        let zone = TimeZone::get(zone).unwrap();
        let trigger = Some(Trigger::WeeklyCheckin);
        let caps = Frequencies { marketing: Some(3), transactional: None };
        let quotas = caps.quotas(class, trigger, Some(&preferences), &zone, now.parse().unwrap());
        quotas.into_iter().map(|quota| (quota.name, quota.most, quota.renews.to_string())).collect()
    }

    fn quota(name: &str, most: u32, renews: &str) -> (String, u32, String) {
        (name.to_owned(), most, renews.to_owned())
    }

    #[test]
    fn a_day_is_the_recipients() {
        let of = |zone| quotas(Class::Marketing, Frequency::Daily, zone, "2026-11-21T23:30:00Z");
        assert_eq!(of("UTC"), [quota("marketing#2026-11-21", 3, "2026-11-22T00:00:00Z")]);
        assert_eq!(of("Asia/Tokyo"), [quota("marketing#2026-11-22", 3, "2026-11-22T15:00:00Z")]);
        assert_eq!(of("America/New_York"), [quota("marketing#2026-11-21", 3, "2026-11-22T05:00:00Z")]);
    }

    #[test]
    fn every_quota_in_force_is_among_the_names() {
        let now: Timestamp = "2026-11-30T23:30:00Z".parse().unwrap();
        let names = names(now);
        for zone in ["UTC", "Asia/Tokyo", "Pacific/Honolulu"] {
            for frequency in [Frequency::Weekly, Frequency::Monthly] {
                for (name, ..) in quotas(Class::Marketing, frequency, zone, &now.to_string()) {
                    assert!(names.contains(&name), "{zone}: {name} in {names:?}");
                }
            }
        }
    }

    #[test]
    fn a_day_begins_when_its_clock_does() {
        // Midnight of 6 September 2026 does not exist in Santiago.
        let found = quotas(Class::Marketing, Frequency::Daily, "America/Santiago", "2026-09-05T20:00:00Z");
        assert_eq!(found, [quota("marketing#2026-09-05", 3, "2026-09-06T04:00:00Z")]);
    }

    #[test]
    fn weekly_and_monthly_are_of_each_kind_of_message() {
        let day = quota("marketing#2026-11-22", 3, "2026-11-23T00:00:00Z");
        let of = |frequency| quotas(Class::Marketing, frequency, "UTC", "2026-11-22T10:00:00Z");
        let week = quota("weekly_checkin#week#2026-11-16", 1, "2026-11-23T00:00:00Z");
        assert_eq!(of(Frequency::Weekly), [week, day.clone()]);
        let month = quota("weekly_checkin#month#2026-11-01", 1, "2026-12-01T00:00:00Z");
        assert_eq!(of(Frequency::Monthly), [month, day]);
    }

    #[test]
    fn what_is_no_marketing_has_no_quota_unless_it_is_set() {
        for class in [Class::Transactional, Class::Security] {
            assert_eq!(quotas(class, Frequency::Monthly, "UTC", "2026-11-22T10:00:00Z"), []);
        }
        let caps = Frequencies { marketing: None, transactional: Some(10) };
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        let found = caps.quotas(Class::Transactional, None, None, &TimeZone::UTC, now);
        assert_eq!((found[0].name.as_str(), found[0].most), ("transactional#2026-11-22", 10));
        assert_eq!(caps.quotas(Class::Marketing, None, None, &TimeZone::UTC, now), []);
    }
}
