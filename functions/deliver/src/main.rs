//! The `deliver` function: start, connect, work.

use deliver::{App, Providers};
use lambda_runtime::service_fn;
use switchboard::road::{self, Road};
use switchboard::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let _telemetry = telemetry::start();
    let aws = road::aws().await;
    let road = Road::from_env(&aws).await?.with_files(&aws)?;
    let providers = Providers::from_env(&aws, road.clock.clone())?;
    futures::join!(road.queues.prime(), providers.prime());
    let app = App::new(road, providers);
    lambda_runtime::run(service_fn(|event| deliver::handle(&app, event))).await
}
