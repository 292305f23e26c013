//! What a bulk job's state means for its messages: those of a paused job wait, those of a cancelled one end.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use switchboard::clock::plus_seconds;
use switchboard::job::JobState;
use switchboard::message::{JobId, Message, Status};
use switchboard::store::{Jobs, StoreError};
use tokio::sync::Mutex;

/// How long a job's state is believed: a pause reaches its messages that much later.
const LASTS: Duration = Duration::from_secs(2);
/// How many jobs are remembered at most.
const MOST: usize = 256;
/// The first pause between two looks at a message whose job is paused, and the longest. Each doubles.
const FIRST_PAUSE_SECONDS: i64 = 30;
const LONGEST_PAUSE_SECONDS: i64 = 900;

/// Why a message waits, and why one ended.
pub(crate) const PAUSED: &str = "job_paused";
pub(crate) const CANCELLED: &str = "job_cancelled";

/// The jobs, each asked for at most every two seconds.
#[derive(Debug)]
pub struct JobStates {
    jobs: Jobs,
    known: Mutex<HashMap<JobId, (Instant, Option<JobState>)>>,
}

/// What a job's state asks of a message of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Go,
    WaitUntil(Timestamp),
    End,
}

impl JobStates {
    pub fn new(jobs: Jobs) -> Self {
        Self { jobs, known: Mutex::new(HashMap::new()) }
    }

    /// What is to become of a message, by its job.
    pub(crate) async fn wish(&self, message: &Message, now: Timestamp) -> Result<Wish, StoreError> {
        let Some(job) = message.job else { return Ok(Wish::Go) };
        Ok(wish(self.state(job).await?, message, now))
    }

    /// The messages of a batch mostly belong to one job: the first asks, the others wait for its answer.
    async fn state(&self, id: JobId) -> Result<Option<JobState>, StoreError> {
        let mut known = self.known.lock().await;
        if let Some((at, state)) = known.get(&id)
            && at.elapsed() < LASTS
        {
            return Ok(*state);
        }
        let state = self.jobs.state(id).await?;
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(id, (Instant::now(), state));
        Ok(state)
    }
}

fn wish(state: Option<JobState>, message: &Message, now: Timestamp) -> Wish {
    match state {
        Some(JobState::Paused) => {
            let again = message.status == Status::Held && message.decision.reason == PAUSED;
            let looks = if again { message.looks.saturating_add(1) } else { 0 };
            let pause = FIRST_PAUSE_SECONDS.saturating_mul(1 << looks.min(8)).min(LONGEST_PAUSE_SECONDS);
            Wish::WaitUntil(plus_seconds(now, pause))
        }
        Some(JobState::Cancelled) => Wish::End,
        Some(
            JobState::AwaitingUpload
            | JobState::Planning
            | JobState::Scheduled
            | JobState::Running
            | JobState::Completed
            // What was accepted before the job failed was accepted.
            | JobState::Failed,
        )
        | None => Wish::Go,
    }
}
