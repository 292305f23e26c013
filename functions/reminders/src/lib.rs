//! Every minute: what is due is put in its lane. That is three kinds of message: those whose time has come, those that
//! should have moved on by now (stored and never queued, claimed and never settled, of unknown outcome), and those a
//! provider took and never reported on. [`sweep`] finds them; `deliver` does what they need.

mod sweep;

use lambda_runtime::LambdaEvent;
use serde::Serialize;
use serde_json::Value;
use switchboard::road::Road;

/// What a run did.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Messages put in their lanes.
    pub queued: usize,
    /// Messages nothing more will be asked about.
    pub forgotten: usize,
    /// Messages that could not be queued; the next run will.
    pub refused: usize,
}

/// One run.
pub async fn handle(road: &Road, _: LambdaEvent<Value>) -> Result<Swept, lambda_runtime::Error> {
    let swept = sweep::run(road).await?;
    tracing::info!(
        sweep.queued = swept.queued,
        sweep.forgotten = swept.forgotten,
        sweep.refused = swept.refused,
        "sweep"
    );
    switchboard::telemetry::count("sweep_queued", u64::try_from(swept.queued).unwrap_or(u64::MAX));
    Ok(swept)
}
