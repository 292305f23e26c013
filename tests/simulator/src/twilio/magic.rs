//! Numbers that fail on purpose.
//!
//! Refused at once, as Twilio's own test credentials have it (both SMS only):
//!
//! | number | as From | as To |
//! |---|---|---|
//! | +15005550001 | 21212 | 21211 |
//! | +15005550002 | | 21612 |
//! | +15005550003 | | 21408 |
//! | +15005550004 | | 21610 |
//! | +15005550007 | 21606 | |
//! | +15005550008 | 21611 (429) | |
//! | +15005550009 | | 21614 |
//!
//! Accepted, and failing later by callback: the simulator's own, as To, by SMS or WhatsApp:
//!
//! | number | by SMS | by WhatsApp |
//! |---|---|---|
//! | +15005550030 | undelivered 30003 (handset unreachable) | undelivered 63024 (invalid recipient) |
//! | +15005550031 | undelivered 30005 (unknown handset) | failed 63003 (not on WhatsApp) |
//! | +15005550032 | undelivered 30006 (landline) | failed 63016 unless a template, or within 24 h of an inbound message |
//! | +15005550033 | undelivered 30007 (filtered) | failed 63013 (policy) |
//! | +15005550034 | undelivered 30008 (unknown) | failed 63012 (channel internal error) |
//! | +15005550035 | failed 30001 (queue overflow) | failed 63018 (rate limit) |
//! | +15005550036 | failed 30034 (unregistered) | failed 63016 |
//! | +15005550037 | undelivered 30004 (blocked) | failed 63033 (recipient blocked the sender) |
//! | +15005550040 | stays `sent`: no receipt ever comes | stays `sent` |
//! | +15005550041 | delivered | delivered, then read |
//!
//! As To, the middle digits are free: any number of the form +1500 xxxxx NN does what +1500 55500 NN does, so that each
//! test can have one of its own.
//!
//! For any other number the window for free text is open. Variables that do not fit their template fail with 63028.

use super::answer::Error;
use crate::store::{Channel, Status, address_key};

/// What happens to an accepted message after `sending`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The statuses to come, in order.
    pub(super) steps: &'static [Status],
    /// The error of the last one.
    pub(super) error_code: Option<u32>,
}

/// The refusal that this pair of numbers calls for.
pub(super) fn refusal(channel: Channel, from: &str, to: &str) -> Option<Error> {
    if channel != Channel::Sms {
        return None;
    }
    match from {
        "+15005550001" => return Some(invalid_from(from)),
        "+15005550007" => {
            let message = format!(
                "The 'From' phone number provided ({from}) is not a valid message-capable Twilio phone number for this \
                 destination/account"
            );
            return Some(Error::new(21606, message));
        }
        "+15005550008" => {
            return Some(Error::new(21611, "This 'From' number has exceeded the maximum number of queued messages"))
                .map(|error| error.with_status(429));
        }
        _ => {}
    }
    match stands_for(to).as_str() {
        "+15005550001" => Some(invalid_to(to)),
        "+15005550002" => {
            let message = format!(
                "Message cannot be sent with the current combination of 'To' ({to}) and/or 'From' ({from}) parameters"
            );
            Some(Error::new(21612, message))
        }
        "+15005550003" => {
            let message = format!(
                "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: {to}"
            );
            Some(Error::new(21408, message))
        }
        "+15005550004" => Some(opted_out()),
        "+15005550009" => Some(Error::new(21614, "'To' number is not a valid mobile number")),
        _ => None,
    }
}

/// The number of the tables a number behaves like.
fn stands_for(number: &str) -> String {
    match number.strip_prefix("+1500").filter(|rest| rest.len() == 7 && rest.is_ascii()) {
        Some(rest) => format!("+150055500{}", &rest[5..]),
        None => number.to_owned(),
    }
}

pub(super) fn invalid_to(to: &str) -> Error {
    Error::new(21211, format!("Invalid 'To' Phone Number: {to}"))
}

pub(super) fn invalid_from(from: &str) -> Error {
    let message =
        format!("The 'From' number {from} is not a valid phone number, shortcode, or alphanumeric sender ID.");
    Error::new(21212, message)
}

pub(super) fn opted_out() -> Error {
    Error::new(21610, "Attempt to send to unsubscribed recipient")
}

/// Whether a WhatsApp message may be sent as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// A template, or an answer within 24 hours.
    Proper,
    /// Free text to somebody who has not written.
    Unasked,
}

/// The outcome of a WhatsApp template with the wrong variables.
pub(super) fn misfit() -> Outcome {
    Outcome { steps: &[Status::Failed], error_code: Some(63028) }
}

/// The outcome of an accepted message to this number.
pub(super) fn outcome(channel: Channel, to: &str, manner: Manner) -> Outcome {
    use Status::{Delivered, Failed, Read, Sent, Undelivered};
    let fails = |steps, code| Outcome { steps, error_code: Some(code) };
    let ends = |steps| Outcome { steps, error_code: None };
    let number = stands_for(&address_key(to));
    let last = number.strip_prefix("+150055500").unwrap_or_default();
    match (last, channel) {
        ("30", Channel::Sms) => fails(&[Sent, Undelivered], 30003),
        ("31", Channel::Sms) => fails(&[Sent, Undelivered], 30005),
        ("32", Channel::Sms) => fails(&[Sent, Undelivered], 30006),
        ("33", Channel::Sms) => fails(&[Sent, Undelivered], 30007),
        ("34", Channel::Sms) => fails(&[Sent, Undelivered], 30008),
        ("35", Channel::Sms) => fails(&[Failed], 30001),
        ("36", Channel::Sms) => fails(&[Failed], 30034),
        ("37", Channel::Sms) => fails(&[Sent, Undelivered], 30004),
        ("30", Channel::Whatsapp) => fails(&[Sent, Undelivered], 63024),
        ("31", Channel::Whatsapp) => fails(&[Failed], 63003),
        ("32", Channel::Whatsapp) if manner == Manner::Unasked => fails(&[Failed], 63016),
        ("36", Channel::Whatsapp) => fails(&[Failed], 63016),
        ("33", Channel::Whatsapp) => fails(&[Failed], 63013),
        ("34", Channel::Whatsapp) => fails(&[Failed], 63012),
        ("35", Channel::Whatsapp) => fails(&[Failed], 63018),
        ("37", Channel::Whatsapp) => fails(&[Failed], 63033),
        ("40", _) => ends(&[Sent]),
        ("41", Channel::Whatsapp) => ends(&[Sent, Delivered, Read]),
        _ => ends(&[Sent, Delivered]),
    }
}

/// Twilio's text for a delivery error.
pub(super) fn meaning(code: u32) -> &'static str {
    match code {
        30001 => "Queue overflow",
        30003 => "Unreachable destination handset",
        30004 => "Message blocked",
        30005 => "Unknown destination handset",
        30006 => "Landline or unreachable carrier",
        30007 => "Message filtered",
        30034 => "Message from an unregistered number",
        63003 => "Channel could not find To address",
        63012 => "Channel provider returned an internal service error",
        63013 => "Channel policy violation",
        63016 => "Failed to send freeform message because you are outside the allowed window",
        63018 => "Rate limit exceeded for Channel",
        63024 => "Invalid message recipient",
        63028 => "Number of parameters provided does not match expected number of params",
        63033 => "Recipient blocked to receive message",
        _ => "Unknown error",
    }
}
