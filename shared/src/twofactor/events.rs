//! What the ledger says of a second factor. No event holds a code, a token, a number or its fingerprint.

use jiff::Timestamp;

use super::assertion::Method;
use super::check::Target;
use super::device::DeviceId;
use crate::ledger::Event;
use crate::message::Channel;

/// A code was sent to a phone that is to be enrolled.
pub fn enrolling(channel: Channel) -> Event {
    Event::new("enrolment_started").with("channel", channel.as_str())
}

/// The phone was confirmed.
pub fn enrolled() -> Event {
    Event::new("enrolled")
}

/// A check passed.
pub fn passed(method: Method, target: &Target) -> Event {
    let event = Event::new("passed").with("amr", method.amr().to_vec());
    match target {
        Target::Portal(audience) => event.with("audience", audience.as_str()),
        Target::Action(action) => event.with("action", action.as_str()),
    }
}

/// A check failed: `code`, `recovery_code` or `enrolment_code`.
pub fn failed(what: &'static str) -> Event {
    Event::new("failed").with("entered", what)
}

/// That failure locked the person.
pub fn locked(until: Timestamp) -> Event {
    Event::new("locked").with("until", until.to_string())
}

/// A recovery code was used up; so many are left.
pub fn recovery_used(left: usize) -> Event {
    Event::new("recovery_code_used").with("left", left)
}

/// The recovery codes are others now.
pub fn recovery_renewed() -> Event {
    Event::new("recovery_codes_renewed")
}

/// A device is trusted from now on.
pub fn device_trusted(id: DeviceId, until: Timestamp) -> Event {
    Event::new("device_trusted").with("device_id", id.to_string()).with("until", until.to_string())
}

/// A device is not trusted any more.
pub fn device_revoked(id: DeviceId) -> Event {
    Event::new("device_revoked").with("device_id", id.to_string())
}

/// The enrolment is gone, with its recovery codes and devices.
pub fn removed() -> Event {
    Event::new("removed")
}
