//! A job as its owner sees it.

use std::collections::BTreeMap;

use jiff::{Timestamp, Unit};
use serde::Serialize;
use switchboard::http::ApiError;
use switchboard::job::{Job, JobState, UPLOAD_SECONDS, Wording};
use switchboard::message::template::TemplateName;
use switchboard::message::trigger::Class;
use switchboard::message::{Channel, JobId, Trigger};
use switchboard::store::controls::CALLER_DAILY_CAP;

use crate::App;

/// A job.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct JobView {
    success: bool,
    job_id: JobId,
    status: JobState,
    /// Why it failed, in one word: `no_rows`, `bad_header`, `too_many_rows`, `row_too_long`, `file_too_large` …
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Why it failed, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<String>,
    channel: Channel,
    class: Class,
    trigger_type: Option<Trigger>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<TemplateName>,
    /// How many rows it has, once they were counted.
    rows: Option<u32>,
    counts: CountsView,
    /// How many of its messages are held, by the reason each has in `held_because`. Messages in a queue are not among them. Absent in
    /// lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<BTreeMap<String, u64>>,
    /// Why its rows wait although it runs: `caller_stopped`, `channel_stopped` or `caller_daily_cap`.
    #[serde(skip_serializing_if = "Option::is_none")]
    held_because: Option<&'static str>,
    /// As measured so far, pauses left out.
    rows_per_second: Option<f64>,
    /// When its last row will be done, if it goes on like this.
    #[schema(value_type = Option<String>, format = DateTime)]
    estimated_end: Option<Timestamp>,
    /// Where the rows are to be put (`PUT`), while it waits for them: in the answer that made the job, and for its maker
    /// with `communication:send`.
    #[serde(skip_serializing_if = "Option::is_none")]
    upload: Option<Upload>,
    /// Where the lines that could not become messages can be read for an hour, each with its error (CSV: line, error,
    /// field). Present for 90 days when there are some and the job's rows are done.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_file: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    scheduled_time: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
}

/// What became of its rows.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CountsView {
    /// Not worked on yet; none until they were counted.
    pending: Option<u32>,
    /// Became messages that go out.
    accepted: u32,
    /// Became messages that may not go out: no consent, opted out, suppressed.
    refused: u32,
    /// Could not become messages.
    invalid: u32,
}

/// How to put the rows where they belong.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Upload {
    url: String,
    #[schema(example = "PUT")]
    method: &'static str,
    headers: UploadHeaders,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// The headers the address was signed with.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct UploadHeaders {
    #[serde(rename = "Content-Type")]
    #[schema(example = "text/csv")]
    content_type: &'static str,
}

/// How long an error file's address is valid, in seconds.
const ERRORS_SECONDS: u32 = 3_600;

impl JobView {
    /// A job as its maker sees it who may send: with the address its rows are to be put at, while it waits for them.
    pub(super) async fn with_upload(app: &App, job: &Job) -> Result<Self, ApiError> {
        let upload = if job.state == JobState::AwaitingUpload { Some(upload(app, job).await?) } else { None };
        Ok(Self { upload, ..Self::read(app, job).await? })
    }

    /// A job as it is now, with nothing in it that lets its reader write.
    pub(super) async fn read(app: &App, job: &Job) -> Result<Self, ApiError> {
        let now = app.road.clock.now();
        let error_file = match job.errors_kept_until() {
            Some(until) if job.times.ended.is_some() && now < until => {
                Some(app.job_files.errors_url(job.id, ERRORS_SECONDS, now).await?.url)
            }
            Some(_) | None => None,
        };
        let works = job.state == JobState::Running && job.pending() != Some(0);
        let held_because = if works { held(app, job, now).await? } else { None };
        let held = Some(app.road.messages.held(job.id).await?);
        Ok(Self { error_file, held_because, held, ..Self::plain(job, now) })
    }

    /// The same without addresses, for lists.
    pub(super) fn plain(job: &Job, now: Timestamp) -> Self {
        let rounded = |rate: f64| (rate * 10.0).round() / 10.0;
        Self {
            success: true,
            job_id: job.id,
            status: job.state,
            reason: job.failure.as_ref().map(|failure| failure.reason.clone()),
            details: job.failure.as_ref().map(|failure| failure.details.clone()),
            channel: job.spec.channel,
            class: job.spec.class,
            trigger_type: job.spec.trigger(),
            template: match &job.spec.wording {
                Wording::Named { name, .. } => Some(name.clone()),
                Wording::Own(_) => None,
            },
            rows: job.plan.as_ref().map(|plan| plan.rows),
            counts: CountsView {
                pending: job.pending(),
                accepted: job.counts.accepted,
                refused: job.counts.refused,
                invalid: job.counts.invalid,
            },
            held: None,
            held_because: None,
            rows_per_second: job.rows_per_second().map(rounded),
            estimated_end: job.estimated_end(now).and_then(|at| at.round(Unit::Second).ok()),
            upload: None,
            error_file: None,
            created_at: job.times.created,
            scheduled_time: job.spec.scheduled,
            expires_at: job.spec.valid_until,
            started_at: job.times.started,
            ended_at: job.times.ended,
        }
    }
}

/// Why the job's caller may send nothing now.
async fn held(app: &App, job: &Job, now: Timestamp) -> Result<Option<&'static str>, ApiError> {
    let controls = &app.road.controls;
    if let Some(reason) = controls.stopped(&job.caller, job.spec.channel, now).await? {
        return Ok(Some(reason));
    }
    Ok(controls.is_used_up(&job.caller, now).await?.then_some(CALLER_DAILY_CAP))
}

async fn upload(app: &App, job: &Job) -> Result<Upload, ApiError> {
    let signed = app.job_files.upload_url(job.id, UPLOAD_SECONDS, app.road.clock.now()).await?;
    Ok(Upload {
        url: signed.url,
        method: signed.method,
        headers: UploadHeaders { content_type: "text/csv" },
        expires_at: signed.expires,
    })
}
