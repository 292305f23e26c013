//! A report that came before its message could be found, and waited.

use aws_lambda_events::sqs::SqsMessage;
use switchboard::provider::Report;
use switchboard::road::Applied;
use switchboard::telemetry;

use crate::{App, StepError};

/// After so many looks, minutes apart, a report is of a message that is not ours.
const MOST_LOOKS: u32 = 5;

/// Applies a parked report; one whose message is still not there comes again (the queue's visibility timeout later). At the
/// last look what it says of its address is kept.
pub(crate) async fn take(app: &App, report: &Report, record: &SqsMessage) -> Result<(), StepError> {
    match app.road.apply(report).await? {
        Applied::Reached(..) | Applied::Ignored => return Ok(()),
        Applied::Unmatched => {}
    }
    let looks = record.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1);
    if looks < MOST_LOOKS {
        return Err(format!("no message yet for a report of {}", report.provider).into());
    }
    app.road.give_up(report).await?;
    tracing::warn!(
        provider.name = report.provider.as_str(),
        provider.id = report.provider_id.as_deref(),
        report.event = report.event.name(),
        "a report of a message that is not ours"
    );
    telemetry::count("callback_unmatched", 1);
    Ok(())
}
