//! Finds where a job's rows begin and end: the file is read once, from end to end, and never held whole. Nothing is sent
//! before every row is counted: a file that cannot be worked through is refused while that still means something.

use switchboard::job::{Failure, Job, JobState, LARGEST_FILE, LARGEST_ROW, MOST_PLANNINGS, MOST_ROWS, Plan, Source};
use switchboard::message::Channel;
use switchboard::store::jobs::{Chunk, Found};

use crate::rows::{Columns, Cutter, Framing, Record, TooLong};
use crate::{App, Budget, StepError, finish, job};

/// A chunk ends after so many rows, or so many bytes: a worker holds one at a time.
const CHUNK_ROWS: u32 = 500;
const CHUNK_BYTES: u64 = 1024 * 1024;

/// Plans a job whose rows are there.
pub(crate) async fn take(app: &App, job: &Job, found: &Found, budget: Budget) -> Result<(), StepError> {
    if job.plannings >= MOST_PLANNINGS {
        let details = format!("Counting its rows broke off {MOST_PLANNINGS} times");
        return finish::fail(app, job, &Failure::new("planning_failed", details)).await;
    }
    if !app.jobs.begin_planning(job.id, &found.etag).await? {
        return Ok(());
    }
    if found.bytes > LARGEST_FILE {
        let details = format!("The file has {} bytes; at most {LARGEST_FILE} are taken", found.bytes);
        return finish::fail_planning(app, job, &found.etag, &Failure::new("file_too_large", details)).await;
    }
    let mut planner = Planner::new(job, CHUNK_ROWS, CHUNK_BYTES);
    match read(app, job, found, &mut planner, budget).await? {
        Some(failure) => finish::fail_planning(app, job, &found.etag, &failure).await,
        None => keep(app, job, found, planner).await,
    }
}

/// Reads the file through; answers what is wrong with it, if anything is.
async fn read(
    app: &App,
    job: &Job,
    found: &Found,
    planner: &mut Planner,
    budget: Budget,
) -> Result<Option<Failure>, StepError> {
    if found.bytes > 0 {
        let Some(mut piece) = app.files.read_rows(job.id, job.source, 0, found.bytes).await? else {
            return Err("the rows went away while they were counted".into());
        };
        if piece.etag != found.etag {
            return Err("the rows changed while they were counted".into());
        }
        while let Some(bytes) = piece.next().await? {
            if let Err(failure) = planner.feed(&bytes) {
                return Ok(Some(failure));
            }
            if budget.is_used_up(app.road.clock.now()) {
                return Err("the rows take too long to count".into());
            }
        }
    }
    Ok(planner.end().err())
}

async fn keep(app: &App, job: &Job, found: &Found, planner: Planner) -> Result<(), StepError> {
    let Layout { chunks, columns, rows, .. } = planner.layout;
    let plan = Plan {
        etag: found.etag.clone(),
        columns: columns.map(Columns::into_names).unwrap_or_default(),
        rows,
        chunks: u32::try_from(chunks.len())?,
    };
    let now = app.road.clock.now();
    app.jobs.put_chunks(job, &plan.etag, &chunks).await?;
    if !app.jobs.planned(job, &plan, now).await? {
        return Ok(());
    }
    tracing::info!(job.id = %job.id, job.rows = plan.rows, job.chunks = plan.chunks, "job planned");
    let planned = Job { plan: Some(plan), state: JobState::Running, ..job.clone() };
    match job.spec.scheduled.filter(|at| *at > now) {
        Some(at) => job::wait(app, job.id, at, now).await,
        None => job::queue_chunks(app, &planned).await,
    }
}

/// Counts rows and cuts them into chunks.
struct Planner {
    cutter: Cutter,
    layout: Layout,
}

impl Planner {
    fn new(job: &Job, chunk_rows: u32, chunk_bytes: u64) -> Self {
        let layout = Layout::new(job.source, job.spec.channel, chunk_rows, chunk_bytes);
        Self { cutter: Cutter::at_the_start(Framing::of(job.source)), layout }
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (record, taken) = self.cutter.next(rest).map_err(too_long)?;
            if let Some(record) = record {
                self.layout.take(&record)?;
            }
            rest = &rest[taken..];
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Failure> {
        if let Some(record) = self.cutter.last().map_err(too_long)? {
            self.layout.take(&record)?;
        }
        if self.layout.rows == 0 {
            return Err(Failure::new("no_rows", "The file has no rows"));
        }
        Ok(())
    }
}

/// What was found so far.
#[derive(Debug)]
struct Layout {
    source: Source,
    channel: Channel,
    chunk_rows: u32,
    chunk_bytes: u64,
    columns: Option<Columns>,
    rows: u32,
    chunks: Vec<Chunk>,
}

impl Layout {
    fn new(source: Source, channel: Channel, chunk_rows: u32, chunk_bytes: u64) -> Self {
        Self { source, channel, chunk_rows, chunk_bytes, columns: None, rows: 0, chunks: Vec::new() }
    }

    fn take(&mut self, record: &Record<'_>) -> Result<(), Failure> {
        if self.source == Source::Csv && self.columns.is_none() {
            let columns = Columns::read(record, self.channel).map_err(|why| Failure::new("bad_header", why))?;
            self.columns = Some(columns);
            return Ok(());
        }
        if self.rows >= MOST_ROWS {
            return Err(Failure::new("too_many_rows", format!("The file has more than {MOST_ROWS} rows")));
        }
        let full =
            |chunk: &Chunk| chunk.rows >= self.chunk_rows || record.end.saturating_sub(chunk.start) > self.chunk_bytes;
        match self.chunks.last_mut().filter(|chunk| !full(chunk)) {
            Some(chunk) => {
                chunk.rows += 1;
                chunk.end = record.end;
            }
            None => self.chunks.push(Chunk {
                number: u32::try_from(self.chunks.len()).unwrap_or(u32::MAX),
                start: record.start,
                end: record.end,
                first_row: self.rows,
                first_line: record.line,
                rows: 1,
                done: 0,
            }),
        }
        self.rows += 1;
        Ok(())
    }
}

fn too_long(TooLong { line }: TooLong) -> Failure {
    let details = format!(
        "The row that begins on line {line} has more than {LARGEST_ROW} bytes: perhaps a quotation mark is not closed"
    );
    Failure::new("row_too_long", details)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use switchboard::job::{ERROR_FILE_DAYS, RUN_DAYS};
    use switchboard::road::timing::LONGEST_AHEAD_SECONDS;

    use super::*;
    use crate::rows::cut;

    fn planner(source: Source, chunk_rows: u32) -> Planner {
        Planner {
            cutter: Cutter::at_the_start(Framing::of(source)),
            layout: Layout::new(source, Channel::Sms, chunk_rows, 1_000),
        }
    }

    fn planned(text: &[u8], chunk_rows: u32, piece: usize) -> Result<Layout, Failure> {
        let mut planner = planner(Source::Csv, chunk_rows);
        for piece in text.chunks(piece.max(1)) {
            planner.feed(piece)?;
        }
        planner.end()?;
        Ok(planner.layout)
    }

    /// Every row as its worker sees it: number, line, cells.
    fn worked(text: &[u8], layout: &Layout) -> Vec<(u32, u32, Vec<String>)> {
        let mut rows = Vec::new();
        for chunk in &layout.chunks {
            let bytes = &text[usize::try_from(chunk.start).unwrap()..usize::try_from(chunk.end).unwrap()];
            let records = cut(Framing::of(Source::Csv), bytes, chunk.first_line).unwrap();
            assert_eq!(records.len(), chunk.rows as usize);
            for (number, record) in (chunk.first_row..).zip(records) {
                let cells = record.cells.into_iter().map(|cell| String::from_utf8(cell).unwrap()).collect();
                rows.push((number, record.line, cells));
            }
        }
        rows
    }

    fn failure(text: &str) -> String {
        planned(text.as_bytes(), 2, 7).unwrap_err().reason
    }

    #[test]
    fn rows_are_numbered_and_keep_the_line_an_editor_shows() {
        let text = "\u{feff}to,name\r\n+1,\"two\nlines\"\r\n\r\n,\r\n+2,plain\r\n\n+3,\"a \"\"quote\"\"\"";
        let layout = planned(text.as_bytes(), 2, 3).unwrap();
        assert_eq!(layout.columns.as_ref().unwrap().names(), ["to", "name"]);
        assert_eq!(layout.chunks.len(), 2);
        let cells = |one: &str, two: &str| vec![one.to_owned(), two.to_owned()];
        let expected =
            [(0, 2, cells("+1", "two\nlines")), (1, 6, cells("+2", "plain")), (2, 8, cells("+3", "a \"quote\""))];
        assert_eq!(worked(text.as_bytes(), &layout), expected);
    }

    #[test]
    fn a_file_that_cannot_be_worked_through_says_why() {
        assert_eq!(failure(""), "no_rows");
        assert_eq!(failure("to,name\n\n,\n"), "no_rows");
        assert_eq!(failure("name,city\nAda,Paris\n"), "bad_header");
        assert_eq!(failure("to,name,name\n+1,a,b\n"), "bad_header");
        let long =
            planned(format!("to,name\n+1,x\n+2,\"{}", "x\n".repeat(LARGEST_ROW)).as_bytes(), 2, 4_096).unwrap_err();
        assert_eq!(long.reason, "row_too_long");
        assert!(long.details.contains("line 3"), "{}", long.details);
    }

    /// One clock: the bucket keeps rows and error files as long as a job may need or show them, whatever its time.
    #[test]
    fn the_bucket_keeps_rows_until_the_latest_deadline() {
        let days = |prefix: &str| {
            let template = include_str!("../../../template.yaml");
            let rule = template.lines().find(|line| line.contains(&format!("Prefix: {prefix}/,"))).unwrap();
            let days = rule.split("ExpirationInDays: ").nth(1).unwrap().split([',', ' ']).next().unwrap();
            days.parse::<i64>().unwrap()
        };
        assert!(days("jobs") > LONGEST_AHEAD_SECONDS / 86_400 + RUN_DAYS);
        assert!(days("job-errors") > ERROR_FILE_DAYS);
    }

    #[test]
    fn the_row_after_the_last_one_taken_refuses_the_file() {
        let rows = |count: u32| format!("to\n{}", "+1\n".repeat(count as usize));
        assert_eq!(planned(rows(MOST_ROWS).as_bytes(), 500, 65_536).unwrap().rows, MOST_ROWS);
        assert_eq!(planned(rows(MOST_ROWS + 1).as_bytes(), 500, 65_536).unwrap_err().reason, "too_many_rows");
    }

    fn quoted(cell: &str) -> String {
        format!("\"{}\"", cell.replace('"', "\"\""))
    }

    proptest! {
        /// However a file is cut into pieces on its way, and whatever stands in its cells, its chunks hold every row once
        /// and in order.
        #[test]
        fn chunks_hold_every_row_once(
            rows in proptest::collection::vec(("[a-z+0-9 ,\"\r\n\u{e4}]{0,12}", "[a-z,\"\n]{0,8}"), 1..40),
            ending in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
            chunk_rows in 1u32..7,
            piece in 1usize..50,
            blank in 0usize..3,
        ) {
            let mut text = format!("to,name{ending}");
            for (to, name) in &rows {
                // A row of nothing but blanks is none: a letter in front makes each of these one.
                text.push_str(&format!("{},{}{ending}{}", quoted(&format!("x{to}")), quoted(name), ending.repeat(blank)));
            }
            let layout = planned(text.as_bytes(), chunk_rows, piece).unwrap();
            let found: Vec<Vec<String>> = worked(text.as_bytes(), &layout).into_iter().map(|(_, _, cells)| cells).collect();
            let expected: Vec<Vec<String>> = rows.iter().map(|(to, name)| vec![format!("x{to}"), name.clone()]).collect();
            prop_assert_eq!(found, expected);
            let numbers: Vec<u32> = worked(text.as_bytes(), &layout).into_iter().map(|(number, ..)| number).collect();
            prop_assert_eq!(numbers, (0..layout.rows).collect::<Vec<_>>());
        }
    }
}
