//! What a rule of time asks to wait is held, not dropped: the record says until when and why.

mod expiry;
mod preferred;
mod quiet_hours;
mod quota;
mod reschedule;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::world::flows::Person;

fn marketing(person: &Person) -> Value {
    json!({"user_id": person.id, "trigger_type": "weekly_checkin", "channel": "email", "data": {}})
}

fn time(value: &Value) -> Timestamp {
    value.as_str().and_then(|at| at.parse().ok()).unwrap_or_else(|| panic!("no time: {value}"))
}

/// To the millisecond, as times are kept.
fn in_seconds(seconds: i64) -> Timestamp {
    Timestamp::from_millisecond(Timestamp::now().as_millisecond() + seconds * 1_000).expect("a time")
}

fn reminder(person: &Person) -> Value {
    json!({"user_id": person.id, "trigger_type": "booking_reminder", "channel": "sms", "data": {}})
}
