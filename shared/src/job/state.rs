//! The states of a job: one transition table.
//!
//! ```text
//! awaiting_upload ─► planning ─┬─► scheduled ─► running ◄──► paused
//!                              └──────────────► running ─► completed
//! ```
//! Until its rows are done a job can also become `failed`. A job whose rows are done (`completed`, `failed`) may still have
//! messages that wait: it can be paused, goes back to what it was, and can be cancelled. `cancelled` never changes.

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
    /// Every row is done. Its messages may still wait.
    Completed,
    /// Its client ended it; what was not sent is not sent.
    Cancelled,
    /// It could not be worked through; `reason` says why. What its rows had become before is sent.
    Failed,
}

impl JobState {
    /// Its stored and spoken name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// No further row becomes a message.
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::Failed)
    }

    /// Whether a job may go from `self` to `next`.
    pub fn may_become(self, next: Self) -> bool {
        use JobState::{AwaitingUpload, Cancelled, Completed, Failed, Paused, Planning, Running, Scheduled};
        match next {
            AwaitingUpload => false,
            Planning => self == AwaitingUpload,
            Scheduled => matches!(self, Planning | Paused),
            Running => matches!(self, Planning | Scheduled | Paused),
            Paused => matches!(self, Scheduled | Running | Completed | Failed),
            Completed => matches!(self, Running | Paused),
            Failed => !self.is_ended(),
            Cancelled => self != Cancelled,
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
    fn what_was_cancelled_never_changes_and_everything_else_can_be_cancelled() {
        for state in JobState::iter() {
            assert!(!JobState::Cancelled.may_become(state), "cancelled became {state}");
            assert_eq!(state.may_become(JobState::Cancelled), state != JobState::Cancelled, "{state}");
        }
    }

    #[test]
    fn a_job_whose_rows_are_done_makes_no_further_messages() {
        for ended in [JobState::Completed, JobState::Failed] {
            let next: Vec<_> = JobState::iter().filter(|next| ended.may_become(*next)).collect();
            assert_eq!(next, [JobState::Paused, JobState::Cancelled]);
        }
        assert_eq!(JobState::Running.allowed_from(), [JobState::Planning, JobState::Scheduled, JobState::Paused]);
    }
}
