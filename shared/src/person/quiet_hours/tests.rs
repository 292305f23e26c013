//! What the rule promises, against a clock that is read minute by minute.

use proptest::prelude::*;

use super::*;
use crate::clock::plus_seconds;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn until(hours: &str, zones: &[&str], now: &str) -> Option<String> {
    let zones: Vec<TimeZone> = zones.iter().map(|name| zone(name)).collect();
    hours.parse::<QuietHours>().unwrap().until(&zones, at(now)).map(|until| until.to_string())
}

#[test]
fn a_window_over_midnight_ends_in_the_morning() {
    let hours = "21:00-08:00";
    let berlin = |now: &str| until(hours, &["Europe/Berlin"], now);
    assert_eq!(berlin("2026-01-15T19:59:59Z"), None);
    assert_eq!(berlin("2026-01-15T20:00:00Z").as_deref(), Some("2026-01-16T07:00:00Z"));
    assert_eq!(berlin("2026-01-16T02:00:00Z").as_deref(), Some("2026-01-16T07:00:00Z"));
    assert_eq!(berlin("2026-01-16T06:59:59.999Z").as_deref(), Some("2026-01-16T07:00:00Z"));
    assert_eq!(berlin("2026-01-16T07:00:00Z"), None);
}

#[test]
fn a_window_within_a_day_and_none_at_all() {
    assert_eq!(until("12:30-14:00", &["UTC"], "2026-01-15T13:00:00Z").as_deref(), Some("2026-01-15T14:00:00Z"));
    assert_eq!(until("12:30-14:00", &["UTC"], "2026-01-15T14:00:00Z"), None);
    assert_eq!(until("00:00-00:00", &["UTC"], "2026-01-15T00:00:00Z"), None);
}

#[test]
fn the_wall_clock_counts_when_clocks_change() {
    let new_york = |hours: &str, now: &str| until(hours, &["America/New_York"], now);
    // Spring forward, 8 March 2026: the night is an hour shorter.
    assert_eq!(new_york("21:00-08:00", "2026-03-08T05:00:00Z").as_deref(), Some("2026-03-08T12:00:00Z"));
    // An end the clock never shows: 02:30 is skipped, so it is over at 03:00.
    assert_eq!(new_york("21:00-02:30", "2026-03-08T05:00:00Z").as_deref(), Some("2026-03-08T07:00:00Z"));
    // Fall back, 1 November 2026: an hour longer.
    assert_eq!(new_york("21:00-08:00", "2026-11-01T04:00:00Z").as_deref(), Some("2026-11-01T13:00:00Z"));
    // An end the clock shows twice: it is quiet again from the second 01:00 to the second 01:30.
    assert_eq!(new_york("21:00-01:30", "2026-11-01T05:00:00Z").as_deref(), Some("2026-11-01T05:30:00Z"));
    assert_eq!(new_york("21:00-01:30", "2026-11-01T05:45:00Z"), None);
    assert_eq!(new_york("21:00-01:30", "2026-11-01T06:10:00Z").as_deref(), Some("2026-11-01T06:30:00Z"));
    // Lord Howe moves by half an hour: at 02:00 on 4 October 2026 it becomes 02:30.
    let lord_howe = |now: &str| until("21:00-02:15", &["Australia/Lord_Howe"], now);
    assert_eq!(lord_howe("2026-10-03T15:00:00Z").as_deref(), Some("2026-10-03T15:30:00Z"));
}

#[test]
fn the_ends_of_the_world_have_their_own_night() {
    // 12:00 UTC is 02:00 of the next day in Kiritimati (+14) and 01:00 in Pago Pago (-11).
    let now = "2026-06-10T12:00:00Z";
    assert_eq!(until("21:00-08:00", &["Pacific/Kiritimati"], now).as_deref(), Some("2026-06-10T18:00:00Z"));
    assert_eq!(until("21:00-08:00", &["Pacific/Pago_Pago"], now).as_deref(), Some("2026-06-10T19:00:00Z"));
}

#[test]
fn a_day_that_was_left_out_has_no_morning() {
    // Samoa went from 29 to 31 December 2011.
    let now = "2011-12-30T09:30:00Z";
    assert_eq!(until("21:00-08:00", &["Pacific/Apia"], now).as_deref(), Some("2011-12-30T18:00:00Z"));
}

#[test]
fn somebody_who_may_be_in_several_zones_is_left_alone_while_it_is_night_in_one() {
    let country = ["America/New_York", "America/Chicago", "America/Los_Angeles"];
    // 08:30 in New York, 05:30 in Los Angeles.
    assert_eq!(until("21:00-08:00", &country, "2026-01-15T13:30:00Z").as_deref(), Some("2026-01-15T16:00:00Z"));
    // 21:30 in New York, 18:30 in Los Angeles: until both are up.
    assert_eq!(until("21:00-08:00", &country, "2026-01-16T02:30:00Z").as_deref(), Some("2026-01-16T16:00:00Z"));
    assert_eq!(until("21:00-08:00", &country, "2026-01-15T20:00:00Z"), None);
}

#[test]
fn where_the_zones_never_agree_the_fewest_are_disturbed() {
    // Awake from 10:00 to 12:00 only: 22:00 to 00:00 UTC in Honolulu… and 08:00 to 10:00 UTC in Athens.
    let zones = ["Pacific/Honolulu", "Europe/Athens"];
    assert_eq!(until("12:00-10:00", &zones, "2026-01-15T00:00:00Z").as_deref(), Some("2026-01-15T08:00:00Z"));
    // One of them is awake, and it does not get better by waiting.
    assert_eq!(until("12:00-10:00", &zones, "2026-01-15T08:30:00Z"), None);
}

#[test]
fn only_times_of_a_day_are_taken() {
    for text in ["21:00-08:00", "00:00-23:59", "09:30:00-10:00:00", "22:15 - 07:00"] {
        assert!(text.parse::<QuietHours>().is_ok(), "{text}");
    }
    for text in ["", "off", "21:00", "25:00-08:00", "21-8", "21:00-8:00", "21:00-08:00-09:00", "+1:00-08:00"] {
        assert_eq!(text.parse::<QuietHours>(), Err(NotQuietHours), "{text}");
    }
    assert_eq!("9:00".parse::<QuietHours>(), Err(NotQuietHours));
    assert_eq!("21:00-08:00".parse::<QuietHours>().unwrap().to_string(), "21:00-08:00");
}

const ZONES: [&str; 14] = [
    "UTC",
    "America/New_York",
    "America/Los_Angeles",
    "America/St_Johns",
    "America/Santiago",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Europe/Dublin",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
];

proptest! {
    /// In any zone, at any time, for any hours: it is not quiet at `until`, it is quiet at every minute before, and where
    /// there is no `until` it was not quiet to begin with.
    #[test]
    fn until_is_the_first_moment_that_is_not_quiet(
        name in proptest::sample::select(&ZONES[..]),
        // 2000 to 2037: offsets are whole minutes, and every kind of change is in it.
        minute in 15_778_080i64..35_700_000,
        start in 0i8..96, length in 1i8..88,
    ) {
        let quarter = |n: i8| Time::new((n / 4) % 24, (n % 4) * 15, 0, 0).unwrap();
        let hours = QuietHours { start: quarter(start), end: quarter((i16::from(start) + i16::from(length)).rem_euclid(96) as i8) };
        let (zone, now) = (zone(name), Timestamp::from_second(minute * 60).unwrap());
        match hours.until(std::slice::from_ref(&zone), now) {
            None => prop_assert!(!hours.is_quiet(now, &zone)),
            Some(until) => {
                prop_assert!(until > now);
                prop_assert!(!hours.is_quiet(until, &zone));
                let mut at = now;
                while at < until {
                    prop_assert!(hours.is_quiet(at, &zone), "{at} is before {until}");
                    at = plus_seconds(at, 60);
                }
            }
        }
    }

    /// However many zones: whoever is held is let go when it is quiet in none of them, if that ever is, and at no moment of
    /// the next two days would fewer have been disturbed. (A change of the clock may make a later moment better still.)
    #[test]
    fn nobody_is_disturbed_in_any_zone_they_may_be_in(
        names in proptest::sample::subsequence(&ZONES[..8], 1..6), minute in 25_000_000i64..35_700_000,
    ) {
        let hours = QuietHours { start: Time::constant(21, 0, 0, 0), end: Time::constant(8, 0, 0, 0) };
        let zones: Vec<TimeZone> = names.iter().map(|name| zone(name)).collect();
        let now = Timestamp::from_second(minute * 60).unwrap();
        let quiet = |at: Timestamp| zones.iter().filter(|zone| hours.is_quiet(at, zone)).count();
        let goes = hours.until(&zones, now).unwrap_or(now);
        let best = (0..2 * 24 * 60).map(|minute| quiet(plus_seconds(now, minute * 60))).min().unwrap();
        prop_assert!(quiet(goes) <= best, "{} at {goes}, but {best} was to be had", quiet(goes));
    }
}
