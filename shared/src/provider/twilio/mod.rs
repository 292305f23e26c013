//! Twilio: SMS and WhatsApp (Programmable Messaging) and calls (Programmable Voice), API version 2010-04-01; one-time
//! codes ([`verify`]) and what is known of a number ([`lookup`]), version 2; deleting what was recorded ([`recordings`]).

pub mod callback;
mod client;
#[cfg(test)]
mod contract;
pub mod errors;
pub mod inbound;
pub mod lookup;
pub mod recordings;
pub mod signature;
pub mod twiml;
pub mod verify;

use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;

pub use client::Twilio;

use super::{Event, PermanentKind};
use crate::clock::Clock;
use crate::message::record::CallFacts;

/// Where Twilio is, and where it finds us.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `https://api.twilio.com`, or a stand-in.
    pub base_url: String,
    /// Where our webhooks are reached from outside; status callbacks go there.
    pub public_base_url: String,
    pub clock: Clock,
}

/// The `twilio` secret.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct TwilioCredentials {
    pub account_sid: String,
    /// The account's auth token, where there is no API key.
    #[serde(default)]
    pub auth_token: String,
    /// An API key (`SK…`) and its secret: with it the auth token is only needed to verify callbacks.
    #[serde(default)]
    pub api_key_sid: Option<String>,
    #[serde(default)]
    pub api_key_secret: Option<String>,
    /// The SMS sender, E.164; used where no Messaging Service is set.
    pub phone_number: String,
    /// The WhatsApp sender, E.164.
    pub whatsapp_number: String,
    /// The Messaging Service that chooses the SMS sender.
    #[serde(default)]
    pub messaging_service_sid: Option<String>,
    /// The Verify service that sends one-time codes, where Verify does.
    #[serde(default)]
    pub verify_service_sid: Option<String>,
}

impl TwilioCredentials {
    /// What calls are made with, by HTTP Basic: the API key, else the account and its auth token.
    pub fn login(&self) -> (&str, &str) {
        match (&self.api_key_sid, &self.api_key_secret) {
            (Some(sid), Some(secret)) => (sid, secret),
            (Some(_), None) | (None, Some(_)) | (None, None) => (&self.account_sid, &self.auth_token),
        }
    }
}

impl fmt::Debug for TwilioCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TwilioCredentials[…]")
    }
}

/// What a message status means, with the error code that came along. `None`: a status of no meaning to us.
///
/// Up to `sent` a status only says that Twilio has the message. `failed` without a code was given up by Twilio itself,
/// `undelivered` without one by the carrier. Source: the Message resource's `status` values, and their 13th,
/// `partially_delivered`, from Twilio's OpenAPI file.
fn event(status: &str, error_code: Option<i64>) -> Option<Event> {
    let because = |kind| Some(Event::Undelivered(error_code.map_or(kind, errors::undelivered)));
    match status {
        "accepted" | "scheduled" | "queued" | "sending" | "sent" => Some(Event::Sent),
        "delivered" | "partially_delivered" => Some(Event::Delivered),
        "read" => Some(Event::Opened),
        "undelivered" => because(PermanentKind::Unreachable),
        "failed" | "canceled" => because(PermanentKind::Rejected),
        _ => None,
    }
}

/// What a call's status means. `None`: a status of no meaning to us.
///
/// Until somebody has answered and the call has ended, Twilio has it and no more is known. A call that ended without
/// being answered did not arrive; the status itself is the provider's code for why. Source: the Call resource's `status`
/// values, and `initiated`, which only callbacks know.
fn call_event(status: &str) -> Option<Event> {
    match status {
        "queued" | "initiated" | "ringing" | "in-progress" => Some(Event::Sent),
        "completed" => Some(Event::Delivered),
        "busy" | "no-answer" | "failed" => Some(Event::Undelivered(PermanentKind::Unreachable)),
        "canceled" => Some(Event::Undelivered(PermanentKind::Rejected)),
        _ => None,
    }
}

/// What is known of a call that ended in this status, where Twilio does not say which place it has among what it told: it takes
/// the place of whatever was known of the call, and that it rang is no longer how far it is.
fn ended_at(event: Event, status: &str, facts: Option<CallFacts>) -> Option<CallFacts> {
    match event {
        Event::Delivered | Event::Undelivered(_) | Event::Ended => facts.unwrap_or_default().at(status),
        Event::Sent
        | Event::Deferred
        | Event::Opened
        | Event::OpenedByMachine
        | Event::Clicked
        | Event::Complained
        | Event::Unsubscribed
        | Event::UnsubscribedKind
        | Event::ResubscribedKind
        | Event::Recorded
        | Event::Ignored => facts,
    }
}

/// The key of a status: Twilio repeats a callback with the same status and error code, and sends no event id.
fn key(status: &str, error_code: Option<i64>) -> String {
    error_code.map_or_else(|| status.to_owned(), |code| format!("{status}:{code}"))
}

/// The API's dates: RFC 2822, `Thu, 24 Aug 2023 05:01:45 +0000`.
fn date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(text).ok().map(|at| at.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_read_and_never_shown() {
        let json = r#"{"account_sid":"AC1","auth_token":"s3cret","phone_number":"+15005550006","whatsapp_number":"+14155238886",
            "messaging_service_sid":null,"added_later":1}"#;
        let credentials: TwilioCredentials = serde_json::from_str(json).unwrap();
        assert_eq!(credentials.messaging_service_sid, None);
        assert_eq!(format!("{credentials:?}"), "TwilioCredentials[…]");
        assert_eq!(credentials.login(), ("AC1", "s3cret"));
        let json = r#"{"account_sid":"AC1","api_key_sid":"SK1","api_key_secret":"k","phone_number":"+1","whatsapp_number":"+1"}"#;
        assert_eq!(serde_json::from_str::<TwilioCredentials>(json).unwrap().login(), ("SK1", "k"));
    }

    #[test]
    fn every_call_status_has_its_meaning() {
        for status in ["queued", "initiated", "ringing", "in-progress"] {
            assert_eq!(call_event(status), Some(Event::Sent), "{status}");
        }
        assert_eq!(call_event("completed"), Some(Event::Delivered));
        for status in ["busy", "no-answer", "failed"] {
            assert_eq!(call_event(status), Some(Event::Undelivered(PermanentKind::Unreachable)), "{status}");
        }
        assert_eq!(call_event("canceled"), Some(Event::Undelivered(PermanentKind::Rejected)));
        for status in ["", "answered", "delivered", "Completed"] {
            assert_eq!(call_event(status), None, "{status}");
        }
    }

    #[test]
    fn every_status_has_its_meaning() {
        for status in ["accepted", "scheduled", "queued", "sending", "sent"] {
            assert_eq!(event(status, None), Some(Event::Sent), "{status}");
        }
        assert_eq!(event("delivered", None), Some(Event::Delivered));
        assert_eq!(event("partially_delivered", None), Some(Event::Delivered));
        assert_eq!(event("read", None), Some(Event::Opened));
        assert_eq!(event("undelivered", None), Some(Event::Undelivered(PermanentKind::Unreachable)));
        assert_eq!(event("undelivered", Some(30005)), Some(Event::Undelivered(PermanentKind::InvalidNumber)));
        assert_eq!(event("failed", None), Some(Event::Undelivered(PermanentKind::Rejected)));
        assert_eq!(event("failed", Some(63016)), Some(Event::Undelivered(PermanentKind::OutsideWindow)));
        assert_eq!(event("canceled", None), Some(Event::Undelivered(PermanentKind::Rejected)));
        for status in ["receiving", "received", "", "Delivered", "teleported"] {
            assert_eq!(event(status, None), None, "{status}");
        }
    }
}
