//! What people did with a message once they had it. None of it says whether it was delivered: programs open and follow
//! links too, so those that are known to be programs are counted apart.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Something that was done with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Opened,
    /// A mail program fetched its pictures unasked (Apple's Mail Privacy Protection, a provider's or company's scanner).
    OpenedByMachine,
    Clicked,
    /// A program fetched a link to show what is behind it.
    Previewed,
    Replied,
    Acted,
}

impl Deed {
    /// Its name in a message's trail.
    pub fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::OpenedByMachine => "opened_by_machine",
            Self::Clicked => "clicked",
            Self::Previewed => "previewed",
            Self::Replied => "replied",
            Self::Acted => "acted",
        }
    }

    /// The number of a message it adds to.
    pub fn counter(self) -> &'static str {
        match self {
            Self::Opened => "opens",
            Self::OpenedByMachine => "machine_opens",
            Self::Clicked => "clicks",
            Self::Previewed => "previews",
            Self::Replied => "replies",
            Self::Acted => "acts",
        }
    }

    /// The times of a message that are its own if it is the first: who clicked has opened.
    pub fn first_times(self) -> &'static [&'static str] {
        match self {
            Self::Opened => &["opened_at"],
            Self::Clicked => &["opened_at", "clicked_at"],
            Self::Replied => &["replied_at"],
            Self::Acted => &["acted_at"],
            Self::OpenedByMachine | Self::Previewed => &[],
        }
    }
}

/// What was done with a message. The first opening and the first click are among its times.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engagement {
    #[serde(default, skip_serializing_if = "is_zero")]
    pub opens: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub machine_opens: u32,
    /// Of links in an e-mail, as its provider tells, and of short links in a text, as they are followed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub clicks: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub previews: u32,
    /// Texts that answered it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub replies: u32,
    #[serde(
        default,
        with = "crate::clock::millis::option",
        rename = "replied_at",
        skip_serializing_if = "Option::is_none"
    )]
    pub replied: Option<Timestamp>,
    /// How many different actions its client told of.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub acts: u32,
    #[serde(
        default,
        with = "crate::clock::millis::option",
        rename = "acted_at",
        skip_serializing_if = "Option::is_none"
    )]
    pub acted: Option<Timestamp>,
    /// The first of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_taken: Option<String>,
    /// All of them, each once. Always stored, for a map that is not there cannot be added to.
    #[serde(default)]
    pub actions: BTreeMap<String, Action>,
}

/// One thing somebody did after a message, as its client tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    #[serde(with = "crate::clock::millis")]
    pub at: Timestamp,
    /// What the client says of it, sealed: it may well be about a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_and_first_time_is_stored_under_the_name_it_is_counted_by() {
        let at = Timestamp::UNIX_EPOCH;
        let (replied, acted) = (Some(at), Some(at));
        let counts = Engagement {
            opens: 1,
            machine_opens: 1,
            clicks: 1,
            previews: 1,
            replies: 1,
            acts: 1,
            replied,
            acted,
            ..Engagement::default()
        };
        let stored = serde_json::to_value(&counts).unwrap();
        for deed in [Deed::Opened, Deed::OpenedByMachine, Deed::Clicked, Deed::Previewed, Deed::Replied, Deed::Acted] {
            assert_eq!(stored[deed.counter()], 1, "{deed:?}");
            // The first opening and click are the message's own times.
            for time in deed.first_times().iter().filter(|time| !matches!(**time, "opened_at" | "clicked_at")) {
                assert_eq!(stored[time], 0, "{deed:?}");
            }
        }
        assert_eq!(serde_json::from_value::<Engagement>(stored).unwrap(), counts);
    }
}
