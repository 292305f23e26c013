//! SendGrid: e-mail (API version 3, Mail Send and the Event Webhook).

pub mod callback;
mod client;
pub mod errors;
pub mod signature;

use std::fmt;

use serde::Deserialize;

pub use client::Sendgrid;

use crate::clock::Clock;

/// Where SendGrid is.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `https://api.sendgrid.com`, or a stand-in.
    pub base_url: String,
    pub clock: Clock,
}

/// The `sendgrid` secret.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct SendgridCredentials {
    pub api_key: String,
    pub from_email: String,
    pub from_name: String,
}

impl fmt::Debug for SendgridCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SendgridCredentials[…]")
    }
}

/// The `X-Message-Id`s an event's `sg_message_id` may stand for, the longest first.
///
/// It is the `X-Message-Id`, a dot and server data, and the `X-Message-Id` may itself hold dots: only comparing with
/// the ids we hold tells where it ends.
pub fn candidate_message_ids(sg_message_id: &str) -> impl Iterator<Item = &str> {
    let ends = sg_message_id.char_indices().filter(|(at, c)| *c == '.' && *at > 0).map(|(at, _)| at);
    let mut ends: Vec<usize> = ends.chain((!sg_message_id.is_empty()).then_some(sg_message_id.len())).collect();
    ends.reverse();
    ends.into_iter().map(|end| &sg_message_id[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_read_and_never_shown() {
        let json = r#"{"api_key":"SG.x","from_email":"a@b.example","from_name":"B","added_later":1}"#;
        let credentials: SendgridCredentials = serde_json::from_str(json).unwrap();
        assert_eq!(credentials.api_key, "SG.x");
        assert_eq!(format!("{credentials:?}"), "SendgridCredentials[…]");
    }

    #[test]
    fn an_event_id_is_matched_at_each_of_its_dots() {
        let ids = |text: &'static str| candidate_message_ids(text).collect::<Vec<_>>();
        assert_eq!(ids("LRz_A.filter-9.0"), ["LRz_A.filter-9.0", "LRz_A.filter-9", "LRz_A"]);
        assert_eq!(
            ids("14c5d75ce93.dfd.64b469.f1"),
            ["14c5d75ce93.dfd.64b469.f1", "14c5d75ce93.dfd.64b469", "14c5d75ce93.dfd", "14c5d75ce93"]
        );
        assert_eq!(ids("plain"), ["plain"]);
        assert_eq!(ids(""), Vec::<&str>::new());
        assert_eq!(ids(".x"), [".x"]);
    }
}
