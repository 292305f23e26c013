//! The channels a message can travel on.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};

/// One channel. A send to "both" is two messages, one on each.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Channel {
    Sms,
    Whatsapp,
    Email,
}

impl Channel {
    /// Its name as the API spells it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
