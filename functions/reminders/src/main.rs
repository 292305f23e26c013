//! The `reminders` function: start, connect, sweep every minute.

use lambda_runtime::service_fn;
use reminders::App;
use switchboard::clock::Clock;
use switchboard::config::required;
use switchboard::queue::Queues;
use switchboard::road;
use switchboard::store::events::DueDeliveries;
use switchboard::store::jobs::OpenJobs;
use switchboard::store::messages::Agenda;
use switchboard::store::privacy::OpenPrivacy;
use switchboard::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let _telemetry = telemetry::start();
    let aws = road::aws().await;
    let agenda = Agenda::new(aws_sdk_dynamodb::Client::new(&aws), required("MESSAGES_TABLE")?);
    let jobs = OpenJobs::new(aws_sdk_dynamodb::Client::new(&aws), required("CATALOG_TABLE")?);
    let privacy = OpenPrivacy::new(aws_sdk_dynamodb::Client::new(&aws), required("CATALOG_TABLE")?);
    let deliveries = DueDeliveries::new(aws_sdk_dynamodb::Client::new(&aws), required("DELIVERIES_TABLE")?);
    let queues = Queues::from_env(aws_sdk_sqs::Client::new(&aws))?;
    queues.prime().await;
    let app = App::new(Clock::system(), agenda, jobs, privacy, deliveries, queues);
    lambda_runtime::run(service_fn(|event| reminders::handle(&app, event))).await
}
