//! The end of a job: what was wrong with its rows is written down for its owner, the rows are deleted, and nobody looks
//! after it any more. Each step may be taken again.

use switchboard::job::{Failure, Fault, Job, JobState};
use switchboard::telemetry;

use crate::{App, StepError};

/// Ends a job that cannot be worked through.
pub(crate) async fn fail(app: &App, job: &Job, failure: &Failure) -> Result<(), StepError> {
    if !app.jobs.fail(job.id, failure, app.road.clock.now()).await? {
        return Ok(());
    }
    failed(app, job, failure).await
}

/// The same while its rows are counted, if it is still this version of them that is.
pub(crate) async fn fail_planning(app: &App, job: &Job, etag: &str, failure: &Failure) -> Result<(), StepError> {
    if !app.jobs.fail_planning(job.id, etag, failure, app.road.clock.now()).await? {
        tracing::info!(job.id = %job.id, reason = failure.reason, "rows that were replaced cannot be worked through");
        return Ok(());
    }
    failed(app, job, failure).await
}

async fn failed(app: &App, job: &Job, failure: &Failure) -> Result<(), StepError> {
    tracing::warn!(job.id = %job.id, reason = failure.reason, "job failed");
    telemetry::count("job_failed", 1);
    let ended = Job { state: JobState::Failed, ..job.clone() };
    take(app, &ended).await
}

/// Finishes a job whose rows are all done, or clears up after one that has ended otherwise.
pub(crate) async fn take(app: &App, job: &Job) -> Result<(), StepError> {
    if job.counts.invalid > 0 {
        app.files.put_errors(job.id, errors(app, job).await?).await?;
        app.jobs.reported(job.id, app.road.clock.now()).await?;
    }
    if job.state == JobState::Running {
        if !app.jobs.complete(job, app.road.clock.now()).await? {
            return Ok(());
        }
        tracing::info!(
            job.id = %job.id,
            job.accepted = job.counts.accepted,
            job.refused = job.counts.refused,
            job.invalid = job.counts.invalid,
            "job completed"
        );
    }
    clear(app, job).await
}

async fn clear(app: &App, job: &Job) -> Result<(), StepError> {
    app.files.delete_rows(job.id, job.source).await?;
    Ok(app.jobs.close(job.id).await?)
}

/// The error file: a line for each row that could not become a message.
async fn errors(app: &App, job: &Job) -> Result<Vec<u8>, StepError> {
    let mut file = b"line,error,field\r\n".to_vec();
    let mut after = None;
    loop {
        let (faults, next) = app.jobs.faults(job.id, after).await?;
        for (line, fault) in faults {
            file.extend_from_slice(entry(line, &fault).as_bytes());
        }
        after = next;
        if after.is_none() {
            return Ok(file);
        }
    }
}

fn entry(line: u32, fault: &Fault) -> String {
    format!("{line},{},{}\r\n", cell(&fault.error), cell(&fault.field))
}

/// A cell as RFC 4180 has it. A field's name is a word of the uploaded file: it must not become a formula.
fn cell(text: &str) -> String {
    // A program may pass over white space, and characters nobody sees, before it looks for a formula.
    let is_skipped = |c: char| {
        matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠')
            || c.is_whitespace()
            || c.is_control()
            || is_invisible(c)
    };
    let text = text.trim_start_matches(is_skipped);
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// Zero-width characters and direction marks.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_error_file_can_be_read_by_any_program_and_runs_in_none() {
        assert_eq!(entry(7, &Fault::new("to", "It is not a phone number")), "7,It is not a phone number,to\r\n");
        assert_eq!(entry(8, &Fault::new("a,\"b\"", "x")), "8,x,\"a,\"\"b\"\"\"\r\n");
        for formula in ["=cmd()", " =cmd()", "\u{a0}\u{200b}=cmd()", "\t-cmd()", "\n@cmd()", "＝cmd()", "= =cmd()"] {
            assert_eq!(entry(9, &Fault::new(formula, "x")), "9,x,cmd()\r\n", "{formula:?}");
        }
    }
}
