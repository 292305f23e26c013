//! Priority is what the client asks for; the lane is the queue it travels in. A bulk job never delays the urgent lane,
//! because the lanes are separate queues.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

/// How much it matters, as the client says.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
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
pub enum Priority {
    Low,
    Medium,
    High,
    Critical,
}

/// Which queue it waits in.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumIter,
    EnumString,
    IntoStaticStr,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Lane {
    Urgent,
    Standard,
    Bulk,
}

impl Priority {
    /// Critical and high go first; low waits behind everything else.
    pub fn lane(self) -> Lane {
        match self {
            Self::Critical | Self::High => Lane::Urgent,
            Self::Medium => Lane::Standard,
            Self::Low => Lane::Bulk,
        }
    }
}

impl Lane {
    /// Its stored and spoken name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
