//! The rules of time that are in force: the deployment's settings, and what a person put in their place.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::preferred::{self, Best};
use super::zones::time_zone;
use super::{Frequencies, Intent, Person, QuietHours, Zones};
use crate::clock::plus_seconds;
use crate::config::{Invalid, present};
use crate::message::trigger::Class;
use crate::message::{Address, Lane, MessageId};

/// The deployment's settings.
#[derive(Clone, Debug)]
pub struct TimeRules {
    pub quiet_hours: QuietHours,
    pub quiet_for: QuietFor,
    pub frequencies: Frequencies,
    /// Where somebody's clock hangs of whom nothing is known.
    pub default_zone: TimeZone,
}

/// Which messages wait for the end of quiet hours. Security and the urgent lane never do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QuietFor {
    #[default]
    Marketing,
    MarketingAndTransactional,
}

/// The most messages a cap can be set to: their ids have to fit in a row.
const LARGEST_CAP: u32 = 1_000;
/// Over how long those are spread that wait for the same new day, so that they do not come all at once.
const SPREAD_SECONDS: u32 = 3_600;

impl Default for TimeRules {
    fn default() -> Self {
        Self {
            quiet_hours: QuietHours {
                start: jiff::civil::Time::constant(21, 0, 0, 0),
                end: jiff::civil::Time::constant(8, 0, 0, 0),
            },
            quiet_for: QuietFor::default(),
            frequencies: Frequencies::default(),
            default_zone: TimeZone::UTC,
        }
    }
}

impl TimeRules {
    /// The settings of the environment: `QUIET_HOURS` (`21:00-08:00`; empty or `off`: none), `QUIET_HOURS_TRANSACTIONAL`
    /// (`true` or `false`), `FREQUENCY_CAP_MARKETING` and `FREQUENCY_CAP_TRANSACTIONAL` (0: none), `DEFAULT_ZONE`.
    pub fn from_env() -> Result<Self, Invalid> {
        let default = Self::default();
        let frequencies = Frequencies {
            marketing: cap("FREQUENCY_CAP_MARKETING", default.frequencies.marketing)?,
            transactional: cap("FREQUENCY_CAP_TRANSACTIONAL", default.frequencies.transactional)?,
        };
        Ok(Self {
            quiet_hours: setting("QUIET_HOURS", default.quiet_hours, |text| match text {
                "" | "off" => Some(QuietHours::NONE),
                text => QuietHours::from_str(text).ok(),
            })?,
            quiet_for: setting("QUIET_HOURS_TRANSACTIONAL", default.quiet_for, |text| match text {
                "true" => Some(QuietFor::MarketingAndTransactional),
                "" | "false" => Some(QuietFor::Marketing),
                _ => None,
            })?,
            frequencies,
            default_zone: setting("DEFAULT_ZONE", default.default_zone, |text| {
                if text.is_empty() { Some(TimeZone::UTC) } else { time_zone(text) }
            })?,
        })
    }

    /// The zones a recipient may be in.
    pub fn zones(&self, person: Option<&Person>, to: &Address) -> Zones {
        Zones::of(person, to, &self.default_zone)
    }

    /// Until when a message has to wait because of quiet hours, if it would go `at`.
    pub fn quiet_until(
        &self,
        class: Class,
        lane: Lane,
        person: Option<&Person>,
        to: &Address,
        at: Timestamp,
    ) -> Option<Timestamp> {
        let waits = match (class, lane) {
            (Class::Security, _) | (Class::Transactional, Lane::Urgent) => false,
            // Nobody is woken by an offer, whatever priority it claims.
            (Class::Marketing, Lane::Urgent | Lane::Standard | Lane::Bulk) => true,
            (Class::Transactional, Lane::Standard | Lane::Bulk) => {
                self.quiet_for == QuietFor::MarketingAndTransactional
            }
        };
        if !waits {
            return None;
        }
        let hours = person.and_then(|person| person.preferences.quiet_hours).unwrap_or(self.quiet_hours);
        if hours.start == hours.end {
            return None;
        }
        hours.until(self.zones(person, to).as_slice(), at)
    }

    /// The recipient's next best time on a channel, and if they would have to be left alone then, the first moment after
    /// it at which they need not be. `intent.at` is now; `habit` is the hour at which they read, where it is known.
    pub fn preferred(&self, intent: &Intent<'_>, person: Option<&Person>, habit: Option<i8>) -> Best {
        let Intent { channel, class, lane, to, at: now, .. } = *intent;
        let zones = self.zones(person, to);
        let best = preferred::next(person.map(|person| &person.preferences), habit, channel, zones.first(), now);
        Best { at: self.quiet_until(class, lane, person, to, best.at).unwrap_or(best.at), ..best }
    }

    /// When a message goes that waits for a quota to renew: not all of them in its first second, and in nobody's night.
    pub fn after_renewal(
        &self,
        intent: &Intent<'_>,
        person: Option<&Person>,
        id: MessageId,
        renews: Timestamp,
    ) -> Timestamp {
        let quiet = |at| self.quiet_until(intent.class, intent.lane, person, intent.to, at);
        let opens = quiet(renews).unwrap_or(renews);
        let spread = plus_seconds(opens, i64::from(id.spread(SPREAD_SECONDS)));
        if quiet(spread).is_none() { spread } else { opens }
    }
}

/// A setting, read; what cannot be read ends the start with the setting's name.
fn setting<T>(name: &'static str, default: T, read: impl Fn(&str) -> Option<T>) -> Result<T, Invalid> {
    match present(name) {
        None => Ok(default),
        Some(text) => read(text.trim()).ok_or(Invalid(name)),
    }
}

fn cap(name: &'static str, default: Option<u32>) -> Result<Option<u32>, Invalid> {
    setting(name, default, |text| match text {
        "" => Some(default),
        text => text.parse().ok().filter(|cap| *cap <= LARGEST_CAP).map(|cap: u32| Some(cap).filter(|cap| *cap > 0)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Channel, PhoneNumber};
    use crate::person::PersonId;

    /// 03:00 in New York.
    fn night() -> Timestamp {
        "2026-01-15T08:00:00Z".parse().unwrap()
    }

    fn phone() -> Address {
        Address::Phone(PhoneNumber::parse("+12125550123", "US").unwrap())
    }

    #[test]
    fn marketing_waits_for_the_morning_whatever_its_priority() {
        let rules = TimeRules::default();
        let until = |class, lane| rules.quiet_until(class, lane, None, &phone(), night()).map(|at| at.to_string());
        let morning = Some("2026-01-15T13:00:00Z".to_owned());
        assert_eq!(until(Class::Marketing, Lane::Standard), morning);
        assert_eq!(until(Class::Marketing, Lane::Bulk), morning);
        assert_eq!(until(Class::Marketing, Lane::Urgent), morning);
        assert_eq!(until(Class::Transactional, Lane::Standard), None);
        assert_eq!(until(Class::Security, Lane::Standard), None);
        let strict = TimeRules { quiet_for: QuietFor::MarketingAndTransactional, ..TimeRules::default() };
        let until = |class, lane| strict.quiet_until(class, lane, None, &phone(), night()).map(|at| at.to_string());
        assert_eq!(until(Class::Transactional, Lane::Bulk), morning);
        assert_eq!(until(Class::Transactional, Lane::Urgent), None);
        assert_eq!(until(Class::Security, Lane::Bulk), None);
    }

    #[test]
    fn a_persons_own_quiet_hours_stand_in_place_of_the_deployments() {
        let rules = TimeRules::default();
        let mut person = Person::new(PersonId::text("123").unwrap(), night());
        let until = |person: &Person, at| {
            rules.quiet_until(Class::Marketing, Lane::Standard, Some(person), &phone(), at).map(|at| at.to_string())
        };
        person.preferences.quiet_hours = Some("00:00-12:00".parse().unwrap());
        assert_eq!(until(&person, night()).as_deref(), Some("2026-01-15T17:00:00Z"));
        person.preferences.quiet_hours = Some(QuietHours::NONE);
        assert_eq!(until(&person, night()), None);
    }

    #[test]
    fn a_preferred_time_in_the_night_moves_to_the_morning() {
        let rules = TimeRules::default();
        let mut person = Person::new(PersonId::text("123").unwrap(), night());
        person.preferences.preferred_sms_time = Some(jiff::civil::Time::constant(23, 0, 0, 0));
        let to = phone();
        let at = |class| {
            let (channel, lane) = (Channel::Sms, Lane::Standard);
            rules
                .preferred(
                    &Intent { channel, class, trigger: None, lane, to: &to, carries_code: false, at: night() },
                    Some(&person),
                    None,
                )
                .at
        };
        assert_eq!(at(Class::Transactional).to_string(), "2026-01-16T04:00:00Z");
        assert_eq!(at(Class::Marketing).to_string(), "2026-01-16T13:00:00Z");
    }

    #[test]
    fn those_who_wait_for_the_same_day_come_spread_over_an_hour() {
        let rules = TimeRules::default();
        let to = phone();
        let intent = Intent {
            channel: Channel::Sms,
            class: Class::Marketing,
            trigger: None,
            lane: Lane::Standard,
            to: &to,
            carries_code: false,
            at: night(),
        };
        // Midnight in New York; the morning begins at 13:00 UTC.
        let renews: Timestamp = "2026-01-16T05:00:00Z".parse().unwrap();
        let opens: Timestamp = "2026-01-16T13:00:00Z".parse().unwrap();
        let goes: Vec<Timestamp> =
            (0..200).map(|_| rules.after_renewal(&intent, None, MessageId::new(), renews)).collect();
        assert!(goes.iter().all(|at| (opens..plus_seconds(opens, 3_600)).contains(at)));
        assert!(
            goes.iter().any(|at| *at > plus_seconds(opens, 1_800))
                && goes.iter().any(|at| *at < plus_seconds(opens, 1_800))
        );
    }

    #[test]
    fn a_setting_that_cannot_be_read_is_named() {
        assert_eq!(setting("A_SETTING_NOBODY_SETS", 5, |_| None).ok(), Some(5));
        assert_eq!(
            Invalid("QUIET_HOURS").to_string(),
            "the environment variable QUIET_HOURS has no value that can be used"
        );
    }
}
