//! Takes the erasure of people, and sealing anew, further: a record of the privacy queue asks for one of them, and is worked on
//! until that is done, has to wait, or the invocation's time is used up; what is left is asked for again. The rules are in
//! [`switchboard::privacy`].

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use lambda_runtime::{Context, LambdaEvent};
use switchboard::batch::{self, StepError};
use switchboard::clock::from_millis;
use switchboard::privacy::Next;
use switchboard::privacy::erasure::Eraser;
use switchboard::privacy::reseal::{Resealer, WalkKind};
use switchboard::provider::twilio::recordings::Recordings;
use switchboard::queue::{LONGEST_DELAY, PrivacyWork};

/// What the steps work with.
#[derive(Debug)]
pub struct App {
    eraser: Eraser,
    recordings: Recordings,
    resealer: Resealer,
}

/// So long before its end an invocation begins no step: longer than one takes on a bad day.
const RESERVE_MS: i64 = 20_000;

impl App {
    pub fn new(eraser: Eraser, recordings: Recordings, resealer: Resealer) -> Self {
        Self { eraser, recordings, resealer }
    }
}

/// Works through a batch; answers the records that must come again.
pub async fn handle(app: &App, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, lambda_runtime::Error> {
    app.resealer.seal.keep_current().await;
    let context = &event.context;
    let steps = event.payload.records.into_iter().map(|record| {
        let id = record.message_id.clone();
        (id, async move { work(app, &record, context).await })
    });
    Ok(batch::each(steps, 1).await)
}

async fn work(app: &App, record: &SqsMessage, context: &Context) -> Result<(), StepError> {
    let work: PrivacyWork = serde_json::from_str(record.body.as_deref().unwrap_or_default())?;
    let deadline = i64::try_from(context.deadline).unwrap_or(i64::MAX);
    let until = from_millis(deadline.saturating_sub(RESERVE_MS));
    let next = match &work {
        PrivacyWork::Erase { person } => app.eraser.take(person, &app.recordings, until).await?,
        PrivacyWork::Reseal { segment } => app.resealer.take(WalkKind::Reseal, *segment, until).await?,
        PrivacyWork::Reindex { segment } => app.resealer.take(WalkKind::Reindex, *segment, until).await?,
    };
    if let Next::After(pause) = next {
        // What has to wait for longer than a record can, the sweep brings.
        app.eraser.road.queues.enqueue_privacy(&work, pause.min(LONGEST_DELAY)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use switchboard::clock::Clock;
    use switchboard::testing::{dead_eraser, dead_recordings, dead_resealer, dead_road};

    use super::*;

    /// No store answers, so what asks for work must come again; the poison one fails as itself.
    #[tokio::test]
    async fn each_record_of_the_sample_batch_is_answered_for_itself() {
        let event: SqsEvent = serde_json::from_str(include_str!("../../../events/privacy.json")).unwrap();
        let ids: Vec<_> = event.records.iter().filter_map(|record| record.message_id.clone()).collect();
        let road = dead_road(Clock::system()).unwrap();
        let app = App::new(dead_eraser(&road).unwrap(), dead_recordings(&road).unwrap(), dead_resealer(&road));
        let response = handle(&app, LambdaEvent::new(event, Context::default())).await.unwrap();
        let failed: Vec<_> = response.batch_item_failures.into_iter().map(|one| one.item_identifier).collect();
        assert_eq!(failed, ids);
    }
}
