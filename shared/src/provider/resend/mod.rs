//! Resend: e-mail (Emails API and webhooks).

pub mod callback;
mod client;
pub mod errors;
pub mod signature;

use std::fmt;

use serde::Deserialize;

pub use client::Resend;

use super::{Event, PermanentKind};
use crate::clock::Clock;

/// Where Resend is.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `https://api.resend.com`, or a stand-in.
    pub base_url: String,
    pub clock: Clock,
}

/// The `resend` secret.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct ResendCredentials {
    pub api_key: String,
    pub from_email: String,
    pub from_name: String,
}

impl fmt::Debug for ResendCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResendCredentials[…]")
    }
}

/// What an event's type (after `email.`) or an e-mail's `last_event` means; `None`: nothing to us.
/// A bounce, a failure and a suppression say why elsewhere, so theirs is the kind without a known reason.
fn event(name: &str) -> Option<Event> {
    match name {
        "queued" | "scheduled" | "sent" => Some(Event::Sent),
        "delivered" => Some(Event::Delivered),
        "delivery_delayed" => Some(Event::Deferred),
        "bounced" => Some(Event::Undelivered(PermanentKind::Unreachable)),
        "complained" => Some(Event::Complained),
        "opened" => Some(Event::Opened),
        "clicked" => Some(Event::Clicked),
        "failed" | "suppressed" | "canceled" => Some(Event::Undelivered(PermanentKind::Rejected)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_read_and_never_shown() {
        let json = r#"{"api_key":"re_x","from_email":"a@b.example","from_name":"B","added_later":1}"#;
        let credentials: ResendCredentials = serde_json::from_str(json).unwrap();
        assert_eq!(credentials.api_key, "re_x");
        assert_eq!(format!("{credentials:?}"), "ResendCredentials[…]");
    }
}
