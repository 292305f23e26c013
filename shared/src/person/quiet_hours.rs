//! Quiet hours: a part of the day in which people are left alone, by the clock on their wall.
//!
//! The default, 21:00 to 08:00, is what 47 CFR 64.1200(c)(1) says of telephone solicitations: none "before the hour of 8 a.m. or
//! after 9 p.m. (local time at the called party's location)".

use std::fmt;
use std::str::FromStr;

use jiff::civil::Time;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// How far ahead the end of quiet hours is looked for. A day always has one; where a day is missing (Samoa, 2011) or
/// several zones have to agree, the next days do.
const DAYS_AHEAD: i64 = 3;

/// A part of the day, its end excluded. It may go over midnight; one that begins when it ends is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuietHours {
    pub start: Time,
    pub end: Time,
}

/// What was given is not a part of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not quiet hours as 21:00-08:00")]
pub struct NotQuietHours;

impl QuietHours {
    /// No quiet hours at all.
    pub const NONE: Self = Self { start: Time::midnight(), end: Time::midnight() };

    fn covers(self, time: Time) -> bool {
        if self.start <= self.end {
            self.start <= time && time < self.end
        } else {
            self.start <= time || time < self.end
        }
    }

    /// Whether `at` falls into them in a zone.
    pub fn is_quiet(self, at: Timestamp, zone: &TimeZone) -> bool {
        self.covers(zone.to_datetime(at).time())
    }

    /// Until when somebody is left alone who is in one of these zones; `None`: they need not be.
    ///
    /// It is the first moment at which it is quiet in none of the zones. Where there is no such moment in the next days
    /// (long quiet hours in a wide country), it is the first at which it is quiet in the fewest.
    pub fn until(self, zones: &[TimeZone], at: Timestamp) -> Option<Timestamp> {
        let quiet = |at: Timestamp| zones.iter().filter(|zone| self.is_quiet(at, zone)).count();
        let now = quiet(at);
        if now == 0 {
            return None;
        }
        // How many zones are quiet only ever falls where quiet hours end in one.
        let ends = zones.iter().flat_map(|zone| self.ends(zone, at)).filter(|end| *end > at);
        let first = ends.min_by_key(|end| (quiet(*end), *end))?;
        (quiet(first) < now).then_some(first)
    }

    /// The moments around `at` at which the wall's clock may leave them: when it shows their end (twice, where it is set
    /// back over it), and when it is set forward.
    fn ends(self, zone: &TimeZone, at: Timestamp) -> Vec<Timestamp> {
        let today = zone.to_datetime(at).date();
        let mut ends = Vec::new();
        for day in -1..=DAYS_AHEAD {
            let Ok(date) = today.checked_add(Span::new().days(day)) else { continue };
            let end = date.to_datetime(self.end);
            let offsets = match zone.to_ambiguous_timestamp(end).offset() {
                AmbiguousOffset::Unambiguous { offset } => vec![offset],
                AmbiguousOffset::Fold { before, after } => vec![before, after],
                // The clock never shows it: they end when it is set forward.
                AmbiguousOffset::Gap { .. } => Vec::new(),
            };
            ends.extend(offsets.into_iter().filter_map(|offset| offset.to_timestamp(end).ok()));
        }
        let horizon = crate::clock::plus_seconds(at, DAYS_AHEAD * 86_400);
        let changes = zone.following(at).map(|change| change.timestamp());
        ends.extend(changes.take_while(|change| *change <= horizon));
        ends
    }
}

/// Reads a time of the day: `21:00` or `21:00:00`.
pub fn time_of_day(text: &str) -> Option<Time> {
    let parts: Vec<&str> = text.split(':').collect();
    let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    let number = |part: &str| two_digits(part).then(|| part.parse::<i8>().ok())?;
    let (hour, minute, second) = match parts.as_slice() {
        [hour, minute] => (number(hour)?, number(minute)?, 0),
        [hour, minute, second] => (number(hour)?, number(minute)?, number(second)?),
        _ => return None,
    };
    Time::new(hour, minute, second, 0).ok()
}

impl FromStr for QuietHours {
    type Err = NotQuietHours;

    fn from_str(text: &str) -> Result<Self, NotQuietHours> {
        let (start, end) = text.split_once('-').ok_or(NotQuietHours)?;
        let time = |text: &str| time_of_day(text.trim()).ok_or(NotQuietHours);
        Ok(Self { start: time(start)?, end: time(end)? })
    }
}

impl fmt::Display for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.start.strftime("%H:%M"), self.end.strftime("%H:%M"))
    }
}

#[cfg(test)]
mod tests;
