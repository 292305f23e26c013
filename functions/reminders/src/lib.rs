//! Every minute: what is due is put in its lane. That is three kinds of message: those whose time has come, those that
//! should have moved on by now (stored and never queued, claimed and never settled, of unknown outcome), and those a
//! provider took and never reported on. [`sweep`] finds them; `deliver` does what they need. [`jobs`] does the same for
//! bulk jobs and `bulk`, [`privacy`] for what is being erased or sealed anew, [`events`] for outgoing events.

mod events;
mod jobs;
mod part;
mod privacy;
mod sweep;

use lambda_runtime::LambdaEvent;
use serde::Serialize;
use switchboard::clock::Clock;
use switchboard::queue::Queues;
use switchboard::store::events::DueDeliveries;
use switchboard::store::jobs::OpenJobs;
use switchboard::store::messages::Agenda;
use switchboard::store::privacy::OpenPrivacy;

pub use part::Part;

/// What a run works with. No keys: it opens no message.
#[derive(Debug)]
pub struct App {
    clock: Clock,
    agenda: Agenda,
    jobs: OpenJobs,
    privacy: OpenPrivacy,
    deliveries: DueDeliveries,
    queues: Queues,
}

impl App {
    pub fn new(
        clock: Clock,
        agenda: Agenda,
        jobs: OpenJobs,
        privacy: OpenPrivacy,
        deliveries: DueDeliveries,
        queues: Queues,
    ) -> Self {
        Self { clock, agenda, jobs, privacy, deliveries, queues }
    }
}

/// What a run did.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Messages put in their lanes.
    pub queued: usize,
    /// Messages nothing more will be asked about.
    pub forgotten: usize,
    /// Messages that could not be queued; the next run will.
    pub refused: usize,
    /// Messages, deliveries and shards of them whose row the table did not read or take; the next run tries them again.
    pub failed: usize,
    /// Bulk jobs that are looked after.
    pub jobs: usize,
    /// Erasures, and segments of sealing anew, that are looked after.
    pub privacy: usize,
    /// Deliveries of events that were queued.
    pub events: usize,
}

impl Swept {
    fn plus(self, other: Self) -> Self {
        Self {
            queued: self.queued + other.queued,
            forgotten: self.forgotten + other.forgotten,
            refused: self.refused + other.refused,
            failed: self.failed + other.failed,
            jobs: self.jobs + other.jobs,
            privacy: self.privacy + other.privacy,
            events: self.events + other.events,
        }
    }
}

/// One run, of all or of a part. What fails holds up nothing else; the run ends as failed all the same, so that somebody sees it.
pub async fn handle(app: &App, event: LambdaEvent<Part>) -> Result<Swept, lambda_runtime::Error> {
    let part = event.payload;
    // Jobs first: they are few, and messages may take up the whole run.
    let few = if part.is_first() { futures::try_join!(jobs::run(app), privacy::run(app)) } else { Ok((0, 0)) };
    let (messages, events) = futures::join!(sweep::run(app, part), events::run(app, part));
    let swept = messages.plus(events);
    let (jobs, privacy) = few?;
    let swept = Swept { jobs, privacy, ..swept };
    tracing::info!(
        sweep.queued = swept.queued,
        sweep.forgotten = swept.forgotten,
        sweep.refused = swept.refused,
        sweep.failed = swept.failed,
        sweep.jobs = swept.jobs,
        sweep.privacy = swept.privacy,
        sweep.events = swept.events,
        "sweep"
    );
    switchboard::telemetry::count("sweep_queued", u64::try_from(swept.queued).unwrap_or(u64::MAX));
    if swept.failed > 0 {
        return Err(format!("{} rows or shards failed; the next run tries them again", swept.failed).into());
    }
    Ok(swept)
}

#[cfg(test)]
mod tests {
    use switchboard::testing::dead_aws;

    use super::*;

    #[tokio::test]
    async fn a_run_that_cannot_read_the_table_fails_and_says_so() {
        let event: Part = serde_json::from_str(include_str!("../../../events/reminders.json")).unwrap();
        let agenda = Agenda::new(aws_sdk_dynamodb::Client::new(&dead_aws()), "messages".to_owned());
        let jobs = OpenJobs::new(aws_sdk_dynamodb::Client::new(&dead_aws()), "catalog".to_owned());
        let privacy = OpenPrivacy::new(aws_sdk_dynamodb::Client::new(&dead_aws()), "catalog".to_owned());
        let queues = Queues::at(aws_sdk_sqs::Client::new(&dead_aws()), "http://127.0.0.1:1");
        let deliveries = DueDeliveries::new(aws_sdk_dynamodb::Client::new(&dead_aws()), "deliveries".to_owned());
        let app = App::new(Clock::system(), agenda, jobs, privacy, deliveries, queues);
        let failed = handle(&app, LambdaEvent::new(event, lambda_runtime::Context::default())).await;
        assert!(failed.unwrap_err().to_string().starts_with("open.take_due"));
    }
}
