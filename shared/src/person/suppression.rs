//! A suppressed address is written to by nobody, whoever owns it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::message::Channel;
use crate::provider::ProviderName;

/// Why an address must not be used on a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    pub channel: Channel,
    /// `opted_out`, `recipient_blocked` …
    pub reason: String,
    /// Which provider told us.
    pub source: ProviderName,
    #[serde(with = "crate::clock::millis")]
    pub at: Timestamp,
}
