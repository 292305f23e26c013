//! The `send` function: start, connect, serve.

use aws_sdk_dynamodb::Client;
use switchboard::clock::Clock;
use switchboard::config::required;
use switchboard::http::{Edge, Limits};
use switchboard::road::{self, Road};
use switchboard::secrets::Secret;
use switchboard::store::jobs::JobFiles;
use switchboard::store::{Budgets, Jobs};
use switchboard::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let _telemetry = telemetry::start();
    let aws = road::aws().await;
    let auth = Secret::new(road::secrets_client(&aws), required("AUTH_SECRET")?);
    let (road, _) = futures::join!(Road::from_env(&aws), auth.get());
    let road = road?.with_files(&aws)?;
    road.queues.prime().await;
    let edge = Edge::new(Clock::system(), auth, road.ephemera.clone(), Limits::from_env());
    let catalog = required("CATALOG_TABLE")?;
    let budgets = Budgets::new(Client::new(&aws), catalog.clone(), required("EPHEMERA_TABLE")?);
    let jobs = Jobs::new(Client::new(&aws), catalog, road.seal.clone());
    let job_files = JobFiles::new(&aws, required("FILES_BUCKET")?);
    switchboard::http::serve(send::router(edge, road, budgets, jobs, job_files)).await
}
