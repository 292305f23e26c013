//! The states of a job: one transition table.
//!
//! ```text
//! awaiting_upload ─► planning ─┬─► scheduled ─► running ◄──► paused
//!                              └──────────────► running ─► completed
//! ```
//! Until it has ended, a job can also become `cancelled`; until it runs through, `failed`. Ended states never change.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoEnumIterator, IntoStaticStr};

/// Where a job is.
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
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum JobState {
    /// Its rows are not there yet.
    AwaitingUpload,
    /// Its rows are counted and cut into chunks. Nothing was sent.
    Planning,
    /// It waits for the time its client named.
    Scheduled,
    /// Its rows become messages.
    Running,
    /// Neither its rows become messages nor its waiting messages are sent.
    Paused,
    /// Every row is done.
    Completed,
    /// Its client ended it; what was not sent is not sent.
    Cancelled,
    /// It could not be worked through; `reason` says why.
    Failed,
}

impl JobState {
    /// Its stored and spoken name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Nothing more happens to it.
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::Failed)
    }

    /// Whether a job may go from `self` to `next`.
    pub fn may_become(self, next: Self) -> bool {
        use JobState::{AwaitingUpload, Cancelled, Completed, Failed, Paused, Planning, Running, Scheduled};
        match next {
            AwaitingUpload => false,
            Planning => self == AwaitingUpload,
            Scheduled => self == Planning,
            Running => matches!(self, Planning | Scheduled | Paused),
            Paused => matches!(self, Scheduled | Running),
            Completed => self == Running,
            Failed | Cancelled => !self.is_ended(),
        }
    }

    /// The states from which a job may become this one.
    pub fn allowed_from(self) -> Vec<Self> {
        Self::iter().filter(|from| from.may_become(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_never_changes_and_everything_else_can_be_cancelled() {
        for from in JobState::iter() {
            for to in JobState::iter() {
                assert!(!(from.is_ended() && from.may_become(to)), "{from} became {to}");
            }
            assert_eq!(from.may_become(JobState::Cancelled), !from.is_ended(), "{from}");
        }
    }

    #[test]
    fn a_job_completes_only_from_running() {
        assert_eq!(JobState::Completed.allowed_from(), [JobState::Running]);
        assert_eq!(JobState::Running.allowed_from(), [JobState::Planning, JobState::Scheduled, JobState::Paused]);
    }
}
