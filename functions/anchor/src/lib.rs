//! Keeps the ledger honest against its own writers. They hold its keys and may put rows into its table, so marks alone cannot
//! prove anything against them. This function holds no key and writes nothing into the ledger.
//!
//! Two things call it. The stream of the ledger's table: each new entry's digest goes into a bucket that only this function
//! writes, under an Object Lock ([`record`]); an entry that was changed or deleted is reported at once. And a schedule: once an
//! hour the entries that were anchored a day, a month and a year ago are compared with the table ([`check`]).

mod check;
mod record;

use jiff::Timestamp;
use lambda_runtime::LambdaEvent;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use switchboard::clock::Clock;
use switchboard::ledger::anchor::Broken;
use switchboard::store::Anchors;
use switchboard::telemetry;

/// What both work with.
#[derive(Debug)]
pub struct App {
    clock: Clock,
    anchors: Anchors,
}

impl App {
    pub fn new(clock: Clock, anchors: Anchors) -> Self {
        Self { clock, anchors }
    }
}

/// What calls it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Call {
    Stream {
        #[serde(rename = "Records")]
        records: Vec<Value>,
    },
    /// An operator asks for the hour that began at this time or before.
    Hour {
        check: Timestamp,
    },
    Schedule {},
}

/// What was done.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Done {
    /// Entries that were anchored.
    pub anchored: usize,
    /// Anchored entries that were compared with the table.
    pub checked: usize,
    /// Entries that are not as they were written.
    pub broken: usize,
}

/// Anchors a batch of the stream, or checks what was anchored. A failure lets the batch come again, which does nothing twice.
pub async fn handle(app: &App, event: LambdaEvent<Value>) -> Result<Done, lambda_runtime::Error> {
    Ok(match serde_json::from_value(event.payload)? {
        Call::Stream { records } => record::run(app, &records).await?,
        Call::Hour { check } => check::run(app, &[check]).await?,
        Call::Schedule {} => check::run(app, &check::due(app.clock.now())).await?,
    })
}

/// Counts entries that are not as they were written, so that an alarm rings, and says in the log which.
fn report(broken: &[Broken]) {
    for Broken { subject, sequence, how } in broken {
        tracing::error!(
            ledger.subject = subject,
            ledger.sequence = sequence,
            how = how.as_str(),
            "the ledger is broken"
        );
    }
    if !broken.is_empty() {
        telemetry::count("ledger_broken", broken.len() as u64);
    }
}

#[cfg(test)]
mod tests;
