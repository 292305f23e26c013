//! The `bulk` function: start, connect, work.

use bulk::App;
use lambda_runtime::service_fn;
use switchboard::config::{default_region, optional, required};
use switchboard::road::{self, Road};
use switchboard::store::Jobs;
use switchboard::store::jobs::JobFiles;
use switchboard::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let _telemetry = telemetry::start();
    let aws = road::aws().await;
    let road = Road::from_env(&aws).await?.with_files(&aws)?;
    let dynamo = aws_sdk_dynamodb::Client::new(&aws);
    let jobs = Jobs::new(dynamo, required("CATALOG_TABLE")?, road.seal.clone());
    let files = JobFiles::new(&aws, required("FILES_BUCKET")?);
    road.queues.prime().await;
    let deepest = optional("BULK_LANE_DEPTH", "1000").parse()?;
    let app = App::new(road, jobs, files, default_region(), deepest);
    lambda_runtime::run(service_fn(|event| bulk::handle(&app, event))).await
}
