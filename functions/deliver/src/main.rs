//! The `deliver` function: start, connect, work.

use aws_sdk_dynamodb::Client;
use deliver::{App, JobStates, Providers, Routing};
use lambda_runtime::service_fn;
use switchboard::config::required;
use switchboard::provider::pacing::Paces;
use switchboard::road::{self, Road};
use switchboard::store::{Budgets, Jobs};
use switchboard::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let _telemetry = telemetry::start();
    let aws = road::aws().await;
    let road = Road::from_env(&aws).await?.with_files(&aws)?;
    let providers = Providers::from_env(&aws, &road)?;
    futures::join!(road.queues.prime(), providers.prime());
    let catalog = required("CATALOG_TABLE")?;
    let budgets = Budgets::new(Client::new(&aws), catalog.clone(), required("EPHEMERA_TABLE")?);
    let jobs = JobStates::new(Jobs::new(Client::new(&aws), catalog, road.seal.clone()));
    let app = App::new(road, providers, Routing::from_env(), Paces::from_env(), budgets, jobs);
    lambda_runtime::run(service_fn(|event| deliver::handle(&app, event))).await
}
