//! What was anchored is compared with the table: each hour's anchors a day, a month and a year after it. So an entry is compared
//! three times, whatever the ledger's size, and an hour costs what was written in three hours.

use jiff::Timestamp;
use lambda_runtime::Error;
use switchboard::clock::plus_seconds;

use crate::{App, Done, report};

const DAY: i64 = 86_400;
/// How long after it was anchored an entry is compared, in seconds.
const AGES: [i64; 3] = [DAY, 30 * DAY, 365 * DAY];

/// The hours that are due now.
pub(crate) fn due(now: Timestamp) -> [Timestamp; 3] {
    AGES.map(|age| plus_seconds(now, -age))
}

pub(crate) async fn run(app: &App, hours: &[Timestamp]) -> Result<Done, Error> {
    let mut done = Done::default();
    for hour in hours {
        let mut after = None;
        while let Some((key, anchored)) = app.anchors.next(*hour, after.as_deref()).await? {
            let broken = app.anchors.compare(&anchored).await?;
            report(&broken);
            done.checked += anchored.len();
            done.broken += broken.len();
            after = Some(key);
        }
    }
    tracing::info!(ledger.checked = done.checked, ledger.broken = done.broken, "ledger checked");
    Ok(done)
}
