//! The `reminders` function: start, connect, sweep every minute.

use lambda_runtime::service_fn;
use switchboard::road::{self, Road};
use switchboard::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let _telemetry = telemetry::start();
    let aws = road::aws().await;
    let road = Road::from_env(&aws).await?;
    road.queues.prime().await;
    lambda_runtime::run(service_fn(|event| reminders::handle(&road, event))).await
}
