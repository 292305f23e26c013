//! Times clients name.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use switchboard::clock::plus_seconds;
use switchboard::http::ApiError;
use switchboard::road::Timing;
use switchboard::road::timing::LONGEST_AHEAD_SECONDS;

use crate::App;

/// What asks for the recipient's own time.
const PREFERRED: &str = "preferred";

/// A time as ISO 8601; UTC where it names no zone; within a year.
pub(crate) fn instant(field: &str, text: &str, now: Timestamp) -> Result<Timestamp, ApiError> {
    let invalid = |why: &str| ApiError::invalid_field(field, why);
    let civil = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    let at = text.parse::<Timestamp>().ok().or_else(civil).ok_or_else(|| invalid("It must be an ISO 8601 time"))?;
    if at > plus_seconds(now, LONGEST_AHEAD_SECONDS) {
        return Err(invalid("It must be within a year"));
    }
    Ok(at)
}

/// The time after which a message is worthless: ahead of now, and of the time it is scheduled for.
pub(crate) fn expiry(
    field: &str,
    text: &str,
    scheduled: Option<Timestamp>,
    now: Timestamp,
) -> Result<Timestamp, ApiError> {
    let at = instant(field, text, now)?;
    if at <= scheduled.unwrap_or(now).max(now) {
        return Err(ApiError::invalid_field(field, "It must be later than the time of sending"));
    }
    Ok(at)
}

/// The same, where a request names one.
pub(crate) fn valid_until(
    app: &App,
    text: Option<&str>,
    scheduled: Option<Timestamp>,
) -> Result<Option<Timestamp>, ApiError> {
    text.map(|text| expiry("expires_at", text, scheduled, app.road.clock.now())).transpose()
}

/// When a message goes, and after which time it is worthless.
pub(crate) struct Times {
    pub(crate) scheduled: Option<Timestamp>,
    pub(crate) valid_until: Option<Timestamp>,
}

/// The times that a request names.
pub(crate) fn times(app: &App, scheduled: Option<&str>, expires: Option<&str>) -> Result<Times, ApiError> {
    let scheduled = scheduled.map(|text| instant("scheduled_time", text, app.road.clock.now())).transpose()?;
    Ok(Times { scheduled, valid_until: valid_until(app, expires, scheduled)? })
}

/// When a send by trigger goes: at a time, or whenever the recipient likes it best.
pub(crate) fn timing(app: &App, text: Option<&str>) -> Result<(Timing, Option<Timestamp>), ApiError> {
    match text {
        None => Ok((Timing::Asked, None)),
        Some(PREFERRED) => Ok((Timing::Preferred, None)),
        Some(text) => Ok((Timing::Asked, Some(instant("scheduled_time", text, app.road.clock.now())?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn times_are_read_with_and_without_a_zone() {
        let at = |text: &str| instant("scheduled_time", text, NOW).map(|at| at.to_string()).ok();
        assert_eq!(at("1970-01-27T10:00:00Z").as_deref(), Some("1970-01-27T10:00:00Z"));
        assert_eq!(at("1970-01-27T12:00:00+02:00").as_deref(), Some("1970-01-27T10:00:00Z"));
        assert_eq!(at("1970-01-27T10:00:00").as_deref(), Some("1970-01-27T10:00:00Z"));
        for text in ["", "tomorrow", "1970-13-01T00:00:00Z", "1972-01-01T00:00:00Z"] {
            assert_eq!(at(text), None, "{text}");
        }
    }

    #[test]
    fn a_message_does_not_expire_before_it_is_sent() {
        let scheduled = "1970-01-02T00:00:00Z".parse().ok();
        assert!(expiry("expires_at", "1970-01-01T00:00:01Z", None, NOW).is_ok());
        assert!(expiry("expires_at", "1970-01-01T00:00:00Z", None, NOW).is_err());
        assert!(expiry("expires_at", "1970-01-01T12:00:00Z", scheduled, NOW).is_err());
        assert!(expiry("expires_at", "1970-01-03T00:00:00Z", scheduled, NOW).is_ok());
    }
}
