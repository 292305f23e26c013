//! `POST /api/v2/communications/jobs`: takes a job in, with its recipients or with an address to put them at.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use switchboard::http::error::ErrorBody;
use switchboard::http::idempotency::mark_replay;
use switchboard::http::refusals::SendRefusals;
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey};
use switchboard::job::{Counts, Job, JobState, JobTimes, LARGEST_ROW, MOST_ROWS, Source};
use switchboard::message::template::TemplateName;
use switchboard::message::{JobId, Locale};
use switchboard::store::jobs::Made;

use super::view::JobView;
use super::{ask, wording};
use crate::App;

/// What to send to many.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct JobRequest {
    /// `sms`, `whatsapp` or `email`.
    #[schema(example = "sms")]
    pub(super) channel: String,
    /// The text of an SMS or WhatsApp message, with the variables in double braces.
    #[schema(example = "Hello {{ name }}, your documents are due on {{ date }}.")]
    pub(super) message: Option<String>,
    /// The names of variables (columns) whose values are secret, for example a password reset link. They are filled in only when
    /// a message is handed to its provider; what is stored and shown of it has placeholders in their places.
    #[schema(example = json!([]))]
    pub(super) secret_variables: Option<Vec<String>>,
    /// Of an e-mail.
    pub(super) subject: Option<String>,
    /// Of an e-mail.
    pub(super) text: Option<String>,
    /// Of an e-mail; variables are escaped.
    pub(super) html: Option<String>,
    /// A template's name, instead of words of one's own: it has its own consent class.
    pub(super) template: Option<TemplateName>,
    /// The language of the template (BCP 47); each person's own, else the deployment's, if absent.
    pub(super) locale: Option<Locale>,
    /// A trigger type, instead of a template's name: its template.
    #[schema(example = "document_request")]
    pub(super) trigger_type: Option<String>,
    /// `marketing` (if absent: only to who opted in) or `transactional` (unless they opted out); `security` (always,
    /// unless the address is suppressed) needs the scope `communication:urgent`.
    #[schema(example = "transactional")]
    pub(super) class: Option<String>,
    /// When to begin (ISO 8601); at once if absent.
    pub(super) scheduled_time: Option<String>,
    /// What is not sent by then is not sent any more (ISO 8601).
    pub(super) expires_at: Option<String>,
    /// 1 to 100,000 recipients, as many as the request can carry (6 MB). If absent: the answer says where to put a CSV file.
    #[schema(value_type = Option<Vec<JobRecipient>>)]
    recipients: Option<Vec<Value>>,
}

/// One recipient: an address or somebody we know, and what to fill in for them. One that cannot be read is reported in
/// the job's error file and does not stop the others.
#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "it describes what `bulk` reads")]
pub struct JobRecipient {
    #[schema(example = "+14155552671")]
    to: Option<String>,
    user_id: Option<switchboard::person::PersonId>,
    #[schema(value_type = Object, example = json!({"name": "Ada", "date": "Friday"}))]
    variables: Option<Value>,
}

const PATH: &str = "/api/v2/communications/jobs";

/// The largest request, in bytes: what Lambda takes (its quotas page: 6 MB for a synchronous invocation).
pub(crate) const LARGEST_REQUEST: usize = 6 * 1024 * 1024;

/// Send to many thousands
///
/// With `recipients` the job begins at once. Without, the answer's `upload` says where to put a CSV file (UTF-8, with a
/// header: `to` or `user_id`, the other columns are variables), and the job begins when it is there. Each row becomes one
/// message, in the bulk lane. Needs the scope `communication:send`.
#[utoipa::path(
    post, path = PATH, tag = "Bulk jobs", operation_id = "create_job",
    params(IdempotencyKey),
    request_body = JobRequest,
    responses(
        (status = 202, description = "Taken in", body = JobView),
        (status = 404, description = "No such template", body = ErrorBody),
        SendRefusals,
    ),
    security(("bearer" = ["communication:send"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<JobRequest>,
) -> Result<Response, ApiError> {
    let now = app.road.clock.now();
    let spec = wording::read(&app, &caller, &body.value, now).await?;
    let lines = body.value.recipients.as_deref().map(lines).transpose()?;
    let (source, state) = match lines {
        Some(_) => (Source::Json, JobState::Planning),
        None => (Source::Csv, JobState::AwaitingUpload),
    };
    let ids = app.road.seal.ids();
    let job = Job {
        id: key.0.as_ref().map_or_else(JobId::new, |key| JobId::derived(ids, &caller.subject, PATH, key)),
        caller: caller.subject,
        request_hash: key.0.as_ref().map(|_| app.road.seal.keyed_hash(body.canonical.as_bytes())),
        source,
        spec,
        state,
        failure: None,
        plan: None,
        counts: Counts::default(),
        times: JobTimes::new(now),
        plannings: 0,
    };
    let (job, replayed) = match app.jobs.create(&job).await? {
        Made::New => (job, false),
        Made::Exists(there) if there.request_hash == job.request_hash => (*there, true),
        Made::Exists(_) => return Err(ApiError::other_body()),
    };
    // After the row: what was made and has no rows ends by itself. A repeated request brings them again, if need be.
    if let Some(lines) = lines.filter(|_| job.state == JobState::Planning) {
        app.job_files.put_rows(job.id, lines).await?;
        ask(&app, job.id).await;
    }
    let mut response = (StatusCode::ACCEPTED, Json(JobView::with_upload(&app, &job).await?)).into_response();
    if replayed {
        mark_replay(response.headers_mut());
    }
    Ok(response)
}

/// The recipients as the rows of a file, one a line.
fn lines(recipients: &[Value]) -> Result<Vec<u8>, ApiError> {
    let count = u32::try_from(recipients.len()).unwrap_or(u32::MAX);
    if !(1..=MOST_ROWS).contains(&count) {
        return Err(ApiError::invalid_field("recipients", format!("It must have 1 to {MOST_ROWS} recipients")));
    }
    let mut lines = Vec::new();
    for (place, recipient) in recipients.iter().enumerate() {
        let invalid = |why: String| ApiError::invalid_field(&format!("recipients[{place}]"), why);
        if !recipient.is_object() {
            return Err(invalid("It must be an object of to or user_id, and variables".to_owned()));
        }
        let line = recipient.to_string();
        if line.len() > LARGEST_ROW {
            return Err(invalid(format!("It must be at most {LARGEST_ROW} bytes")));
        }
        lines.extend_from_slice(line.as_bytes());
        lines.push(b'\n');
    }
    Ok(lines)
}
