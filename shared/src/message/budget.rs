//! What may be spent. At [`WARNING`] percent of a budget an operator is told; when it is used up, what is not urgent waits
//! for the next period.
//!
//! What is spent is counted by the price table when a message is handed to its provider, and for a call of more than a minute
//! the rest when it is over: a guard, not an invoice.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::trigger::Class;
use super::{Lane, Micros};
use crate::clock::plus_seconds;

/// The share of a budget, in percent, at which somebody is told.
pub const WARNING: u64 = 80;

/// How long what is held waits at most before it is asked about again: a budget may be raised.
const LONGEST_HOLD_SECONDS: i64 = 3_600;

/// What may be spent in a day and in a month (UTC). Absent: without limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily: Option<Micros>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly: Option<Micros>,
    /// How many messages a caller may have accepted in a day, instead of the deployment's cap; 0: as many as it likes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages_daily: Option<u64>,
}

/// A period a budget is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Period {
    Day,
    Month,
}

/// What was spent in the present day and month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    pub day: Micros,
    pub month: Micros,
}

/// A mark that spending reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// 80 %.
    Warning,
    /// All of it.
    Exhausted,
}

impl Period {
    pub const ALL: [Self; 2] = [Self::Day, Self::Month];

    /// `2026-11-21` or `2026-11`.
    pub fn name(self, now: Timestamp) -> String {
        let date = today(now);
        match self {
            Self::Day => date.to_string(),
            Self::Month => format!("{:04}-{:02}", date.year(), date.month()),
        }
    }

    /// When the next one begins.
    pub fn end(self, now: Timestamp) -> Timestamp {
        let date = today(now);
        let next = match self {
            Self::Day => date.checked_add(1.day()),
            Self::Month => date.first_of_month().checked_add(1.month()),
        };
        let start = next.ok().and_then(|date| date.to_zoned(TimeZone::UTC).ok());
        start.map_or(Timestamp::MAX, |zoned| zoned.timestamp())
    }
}

fn today(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

impl Budget {
    pub fn limit(&self, period: Period) -> Option<Micros> {
        match period {
            Period::Day => self.daily,
            Period::Month => self.monthly,
        }
    }

    /// Until when what is not urgent has to wait, if a budget is used up.
    pub fn hold(&self, spent: Spent, now: Timestamp) -> Option<Timestamp> {
        let used_up = |period: &Period| self.limit(*period).is_some_and(|limit| spent.of(*period) >= limit);
        let ends = Period::ALL.into_iter().filter(used_up).map(|period| period.end(now));
        ends.max().map(|end| end.min(plus_seconds(now, LONGEST_HOLD_SECONDS)))
    }

    /// The highest mark that spending has reached in a period, if any.
    pub fn reached(&self, period: Period, spent: Spent) -> Option<Mark> {
        let reached = |mark: &Mark| self.amount(period, *mark).is_some_and(|amount| spent.of(period) >= amount);
        [Mark::Exhausted, Mark::Warning].into_iter().find(reached)
    }

    /// What has to be spent in a period to reach a mark.
    pub fn amount(&self, period: Period, mark: Mark) -> Option<Micros> {
        let limit = self.limit(period)?.get();
        Some(Micros::new(match mark {
            Mark::Warning => limit.saturating_mul(WARNING).div_ceil(100),
            Mark::Exhausted => limit,
        }))
    }
}

impl Mark {
    /// Its name in keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Exhausted => "exhausted",
        }
    }
}

impl Spent {
    /// Adds to a sum, which does not fall below nothing.
    pub fn add(&mut self, period: Period, micros: i64) {
        let sum = match period {
            Period::Day => &mut self.day,
            Period::Month => &mut self.month,
        };
        *sum = Micros::new(sum.get().saturating_add_signed(micros));
    }

    pub fn of(&self, period: Period) -> Micros {
        match period {
            Period::Day => self.day,
            Period::Month => self.month,
        }
    }
}

/// What goes out whatever it costs.
pub fn is_exempt(lane: Lane, class: Class) -> bool {
    match class {
        Class::Security => true,
        Class::Transactional => lane == Lane::Urgent,
        Class::Marketing => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn spent(day: u64, month: u64) -> Spent {
        Spent { day: Micros::new(day), month: Micros::new(month) }
    }

    const BUDGET: Budget =
        Budget { daily: Some(Micros::new(100)), monthly: Some(Micros::new(1_000)), messages_daily: None };

    #[test]
    fn periods_are_days_and_months_of_utc() {
        let now = at("2026-12-31T23:30:00Z");
        assert_eq!((Period::Day.name(now), Period::Month.name(now)), ("2026-12-31".into(), "2026-12".into()));
        assert_eq!(Period::Day.end(now), at("2027-01-01T00:00:00Z"));
        assert_eq!(Period::Month.end(now), at("2027-01-01T00:00:00Z"));
        assert_eq!(Period::Month.end(at("2028-02-29T12:00:00Z")), at("2028-03-01T00:00:00Z"));
    }

    #[test]
    fn what_is_used_up_holds_until_the_period_ends_and_is_looked_at_every_hour() {
        let now = at("2026-11-21T23:30:00Z");
        assert_eq!(BUDGET.hold(spent(99, 999), now), None);
        assert_eq!(BUDGET.hold(spent(100, 100), now), Some(at("2026-11-22T00:00:00Z")));
        assert_eq!(BUDGET.hold(spent(0, 1_000), now), Some(at("2026-11-22T00:30:00Z")));
        assert_eq!(Budget::default().hold(spent(u64::MAX, u64::MAX), now), None);
    }

    #[test]
    fn mark_is_reached_at_80_percent_and_at_all_of_a_limit() {
        let reached = |day| BUDGET.reached(Period::Day, spent(day, 0));
        assert_eq!([0, 79].map(reached), [None; 2]);
        assert_eq!([80, 99].map(reached), [Some(Mark::Warning); 2]);
        assert_eq!([100, 5_000].map(reached), [Some(Mark::Exhausted); 2]);
        assert_eq!(Budget::default().reached(Period::Day, spent(u64::MAX, 0)), None);
    }
}
