//! A bulk job: one wording, up to a hundred thousand recipients, each of them a message of its own.
//!
//! Read in this order: [`state`] (the one transition table), [`spec`] (what every row says), and here: the whole job.
//! Where its rows lie and how they are cut into chunks is [`crate::store::jobs`]; the `bulk` function works through them.

pub mod spec;
pub mod state;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use spec::{Fault, Spec, Wording, own_words};
pub use state::JobState;

use crate::clock::{from_millis, plus_seconds};
use crate::message::JobId;

/// The most rows of a job.
pub const MOST_ROWS: u32 = 100_000;
/// The largest file of rows, in bytes.
pub const LARGEST_FILE: u64 = 64 * 1024 * 1024;
/// The largest row, in bytes. What is larger is no row, but most likely the rest of the file after an unclosed quote.
pub const LARGEST_ROW: usize = 32 * 1024;
/// How long rows can be uploaded after the job was made, in seconds.
pub const UPLOAD_SECONDS: u32 = 3_600;

/// How long after its time a job may take to make its rows messages, pauses included, in days. What is not a message by then
/// becomes none.
pub const RUN_DAYS: i64 = 90;
/// How long what was wrong with its rows can be read after that was written down, in days.
pub const ERROR_FILE_DAYS: i64 = 90;
/// How often the counting of its rows may break off.
pub const MOST_PLANNINGS: u32 = 20;

/// One bulk job.
#[derive(Clone, Debug)]
pub struct Job {
    pub id: JobId,
    /// Who asked for it (the token's subject).
    pub caller: String,
    /// Hash of the request that made it, where that carried an idempotency key.
    pub request_hash: Option<String>,
    pub source: Source,
    pub spec: Spec,
    pub state: JobState,
    /// Why it failed, in one word, and in a sentence.
    pub failure: Option<Failure>,
    pub plan: Option<Plan>,
    pub counts: Counts,
    pub times: JobTimes,
    /// How often the counting of its rows was begun.
    pub plannings: u32,
}

/// In which form its rows came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A file, put into the bucket by its owner.
    Csv,
    /// The request's own `recipients`, a JSON object a line.
    Json,
}

/// Why a job failed. Neither part quotes a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// `no_rows`, `bad_header`, `too_many_rows` …
    pub reason: String,
    /// What is wrong, and where, for the one who mends it.
    pub details: String,
}

impl Failure {
    pub fn new(reason: &str, details: impl Into<String>) -> Self {
        Self { reason: reason.to_owned(), details: details.into() }
    }
}

/// How its rows are cut up, once that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Which version of the file was planned: rows are only read from that one.
    pub etag: String,
    /// The header of a CSV file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    pub rows: u32,
    pub chunks: u32,
}

/// What became of its rows so far. Every row is counted once, in the same write that says it is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Became messages that go out.
    pub accepted: u32,
    /// Became messages that may not go out: the decision said no.
    pub refused: u32,
    /// Could not become messages.
    pub invalid: u32,
    /// Chunks all of whose rows are counted.
    pub chunks_done: u32,
}

impl std::ops::Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            accepted: self.accepted + other.accepted,
            refused: self.refused + other.refused,
            invalid: self.invalid + other.invalid,
            chunks_done: self.chunks_done + other.chunks_done,
        }
    }
}

impl Counts {
    /// Rows that are done.
    pub fn done(&self) -> u32 {
        self.accepted + self.refused + self.invalid
    }
}

/// When what happened to it. Absent: has not happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JobTimes {
    #[serde(with = "crate::clock::millis", rename = "created_at")]
    pub created: Timestamp,
    /// Its first row was worked on.
    #[serde(
        default,
        with = "crate::clock::millis::option",
        rename = "started_at",
        skip_serializing_if = "Option::is_none"
    )]
    pub started: Option<Timestamp>,
    /// The last time rows got done.
    #[serde(
        default,
        with = "crate::clock::millis::option",
        rename = "moved_at",
        skip_serializing_if = "Option::is_none"
    )]
    pub moved: Option<Timestamp>,
    /// The present pause began.
    #[serde(
        default,
        with = "crate::clock::millis::option",
        rename = "paused_at",
        skip_serializing_if = "Option::is_none"
    )]
    pub paused: Option<Timestamp>,
    /// How long the pauses before that one lasted together, in milliseconds.
    #[serde(default)]
    pub paused_ms: i64,
    #[serde(
        default,
        with = "crate::clock::millis::option",
        rename = "ended_at",
        skip_serializing_if = "Option::is_none"
    )]
    pub ended: Option<Timestamp>,
    /// What was wrong with its rows was written to its error file.
    #[serde(
        default,
        with = "crate::clock::millis::option",
        rename = "reported_at",
        skip_serializing_if = "Option::is_none"
    )]
    pub reported: Option<Timestamp>,
    /// Its chunks were queued again because nothing moved.
    #[serde(
        default,
        with = "crate::clock::millis::option",
        rename = "nudged_at",
        skip_serializing_if = "Option::is_none"
    )]
    pub nudged: Option<Timestamp>,
    /// How often that was, since rows last got done or the job went on.
    #[serde(default)]
    pub nudges: u32,
}

impl JobTimes {
    /// The times of a job made now.
    pub fn new(created: Timestamp) -> Self {
        Self {
            created,
            started: None,
            moved: None,
            paused: None,
            paused_ms: 0,
            ended: None,
            reported: None,
            nudged: None,
            nudges: 0,
        }
    }
}

impl Job {
    /// Until when it may work on its rows. Its rows, its chunks and whatever else they need are kept until then, and go when it has
    /// ended.
    pub fn deadline(&self) -> Timestamp {
        let begins = self.spec.scheduled.map_or(self.times.created, |at| at.max(self.times.created));
        plus_seconds(begins, RUN_DAYS * 86_400)
    }

    /// Until when what was wrong with its rows can be read.
    pub fn errors_kept_until(&self) -> Option<Timestamp> {
        self.times.reported.map(|at| plus_seconds(at, ERROR_FILE_DAYS * 86_400))
    }

    /// Rows that are not done yet; `None` until they were counted.
    pub fn pending(&self) -> Option<u32> {
        self.plan.as_ref().map(|plan| plan.rows.saturating_sub(self.counts.done()))
    }

    /// Rows a second, measured from its start to when rows last got done, pauses left out.
    pub fn rows_per_second(&self) -> Option<f64> {
        let (started, moved) = (self.times.started?, self.times.moved?);
        let worked = moved.as_millisecond() - started.as_millisecond() - self.times.paused_ms;
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of hours")]
        let seconds = worked as f64 / 1000.0;
        (worked > 0 && self.counts.done() > 0).then(|| f64::from(self.counts.done()) / seconds)
    }

    /// When its last row will be done, if it goes on as it went so far.
    pub fn estimated_end(&self, now: Timestamp) -> Option<Timestamp> {
        if self.state != JobState::Running {
            return None;
        }
        let left = f64::from(self.pending()?) / self.rows_per_second()?;
        #[expect(clippy::cast_possible_truncation, reason = "saturates; nobody waits that long")]
        let milliseconds = (left * 1000.0) as i64;
        Some(from_millis(now.as_millisecond().saturating_add(milliseconds)))
    }

    /// Whether its rows should be moving and have not for so long that what was queued for them must be lost. Each time
    /// that was tried in vain the wait doubles: behind other jobs' rows a job is queued again a few times, not for ever.
    pub fn is_stuck(&self, now: Timestamp) -> bool {
        let times = &self.times;
        let last = [times.moved, times.started, times.nudged].into_iter().flatten().max().unwrap_or(times.created);
        let patience = (STUCK_SECONDS << self.nudges().min(5)).min(LONGEST_PATIENCE_SECONDS);
        now.as_second() - last.as_second() >= patience
    }

    /// How often its chunks were queued again since rows last got done.
    pub fn nudges(&self) -> u32 {
        if self.times.moved > self.times.nudged { 0 } else { self.times.nudges }
    }

    /// Whether it was queued again so often, in vain, that somebody should see why.
    pub fn is_stalled(&self) -> bool {
        self.nudges() >= STALLED_NUDGES
    }
}

/// How long nothing may move before what was queued is taken for lost.
const STUCK_SECONDS: i64 = 110;
const LONGEST_PATIENCE_SECONDS: i64 = 3_600;
/// With doubling pauses this is half an hour without a row.
const STALLED_NUDGES: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Channel;
    use crate::message::trigger::Class;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn at(seconds: i64) -> Timestamp {
        plus_seconds(NOW, seconds)
    }

    fn running() -> Job {
        let wording = Wording::Named { name: crate::message::Trigger::DocumentRequest.into(), locale: None };
        Job {
            id: JobId::new(),
            caller: "service".to_owned(),
            request_hash: None,
            source: Source::Csv,
            spec: Spec {
                channel: Channel::Sms,
                class: Class::Marketing,
                wording,
                secret_variables: Vec::new(),
                scheduled: None,
                valid_until: None,
            },
            state: JobState::Running,
            failure: None,
            plan: Some(Plan { etag: "e".to_owned(), columns: Vec::new(), rows: 1_000, chunks: 2 }),
            counts: Counts { accepted: 150, refused: 30, invalid: 20, chunks_done: 0 },
            times: JobTimes { started: Some(at(0)), moved: Some(at(50)), paused_ms: 10_000, ..JobTimes::new(NOW) },
            plannings: 1,
        }
    }

    #[test]
    fn a_jobs_speed_leaves_its_pauses_out_and_says_when_it_ends() {
        let job = running();
        assert_eq!(job.pending(), Some(800));
        assert_eq!(job.rows_per_second(), Some(5.0));
        assert_eq!(job.estimated_end(at(60)), Some(at(220)));
        assert_eq!(Job { state: JobState::Paused, ..job }.estimated_end(at(60)), None);
    }

    #[test]
    fn a_job_that_does_not_move_is_stuck_after_two_minutes_and_then_at_doubling_pauses() {
        let mut job = running();
        assert!(!job.is_stuck(at(50 + 109)));
        assert!(job.is_stuck(at(50 + 110)));
        job.times.nudged = Some(at(160));
        job.times.nudges = 1;
        assert!(!job.is_stuck(at(160 + 219)));
        assert!(job.is_stuck(at(160 + 220)));
        job.times.nudges = 30;
        assert!(job.is_stuck(at(160 + 3_600)));
        assert!(job.is_stalled());
        job.times.moved = Some(at(161));
        assert!(job.is_stuck(at(161 + 110)), "it moved: the count begins again");
        assert!(!job.is_stalled());
    }

    #[test]
    fn a_job_has_ninety_days_from_the_time_it_was_to_begin() {
        let mut job = running();
        assert_eq!(job.deadline(), at(90 * 86_400));
        job.spec.scheduled = Some(at(366 * 86_400));
        assert_eq!(job.deadline(), at((366 + 90) * 86_400));
    }
}
