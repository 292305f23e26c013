//! WhatsApp's customer care window: free text may be sent to somebody for 24 hours after they last wrote; outside it
//! only an approved template may (Twilio's error 63016).
//!
//! Source: "Customer care window" in Meta's WhatsApp Business Platform documentation, and Twilio's "Key Concepts" of WhatsApp.
//! Only what is known closed is refused here. Of somebody who has not written since this deployment hears of it nothing is
//! known, and the provider has the last word.

use jiff::{SignedDuration, Timestamp};

use super::{Check, Decision, Outcome};
use crate::message::{Channel, Content};

/// The reason of free text that may not be sent, of ours as of the provider's refusal.
pub const OUTSIDE_WINDOW: &str = "outside_window";

/// How long it stays open after somebody wrote.
pub const OPEN_FOR: SignedDuration = SignedDuration::from_hours(24);

/// How the window of one address stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// They never wrote, as far as is known here.
    Unknown,
    Open {
        until: Timestamp,
    },
    Closed {
        since: Timestamp,
    },
}

impl Window {
    /// How it stands at `now`, by when it ends or ended.
    pub fn of(ends: Option<Timestamp>, now: Timestamp) -> Self {
        match ends {
            None => Self::Unknown,
            Some(until) if until > now => Self::Open { until },
            Some(since) => Self::Closed { since },
        }
    }

    /// Whether it matters to a message: only free text by WhatsApp needs an open one.
    pub fn concerns(channel: Channel, content: &Content) -> bool {
        match (channel, content) {
            (Channel::Whatsapp, Content::Text(text)) => text.template.is_none(),
            (Channel::Whatsapp | Channel::Sms | Channel::Email | Channel::Voice, _) => false,
        }
    }
}

impl Decision {
    /// The same with what the window says. It is no reason to wait: nobody knows whether they ever write again.
    #[must_use]
    pub fn with_window(mut self, window: Window) -> Self {
        let (passed, reason, detail) = match window {
            Window::Unknown => (true, "window_unknown", None),
            Window::Open { until } => (true, "window_open", Some(format!("until {until}"))),
            Window::Closed { since } => (false, OUTSIDE_WINDOW, Some(format!("since {since}"))),
        };
        self.checks.push(Check { detail, ..Check::new("whatsapp_window", passed, reason) });
        if passed {
            return self;
        }
        Self { outcome: Outcome::Refused, until: None, reason: reason.to_owned(), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::content::{ProviderTemplate, Text};
    use crate::testing::sample_message;

    #[test]
    fn it_closes_a_day_after_they_wrote_and_what_is_not_known_is_not_closed() {
        let now = Timestamp::UNIX_EPOCH;
        let until = now + OPEN_FOR;
        assert_eq!(Window::of(Some(until), now), Window::Open { until });
        assert_eq!(Window::of(Some(until), until - SignedDuration::from_millis(1)), Window::Open { until });
        assert_eq!(Window::of(Some(until), until), Window::Closed { since: until });
        assert_eq!(Window::of(None, now), Window::Unknown);
    }

    #[test]
    fn only_free_text_by_whatsapp_needs_it() {
        let template = ProviderTemplate { sid: "HX1".to_owned(), variables: [].into() };
        let template = Content::Text(Text { template: Some(template), ..Text::default() });
        assert!(Window::concerns(Channel::Whatsapp, &Content::text("Hello")));
        assert!(!Window::concerns(Channel::Whatsapp, &template));
        assert!(!Window::concerns(Channel::Sms, &Content::text("Hello")));
    }

    #[test]
    fn the_decision_says_how_it_stands() {
        let now = Timestamp::UNIX_EPOCH;
        let decision = || sample_message(now).decision;
        let last = |decision: &Decision| decision.checks.last().map(|check| (check.passed, check.reason.clone()));
        let open = decision().with_window(Window::Open { until: now });
        assert_eq!((open.outcome, last(&open)), (Outcome::Allowed, Some((true, "window_open".to_owned()))));
        let closed = decision().with_window(Window::Closed { since: now });
        assert_eq!((closed.outcome, closed.reason.as_str()), (Outcome::Refused, OUTSIDE_WINDOW));
        assert_eq!(decision().with_window(Window::Unknown).outcome, Outcome::Allowed);
    }
}
