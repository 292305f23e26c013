//! The `anchor` function: start, connect, work.

use anchor::App;
use aws_sdk_dynamodb::Client;
use lambda_runtime::service_fn;
use switchboard::clock::Clock;
use switchboard::config::required;
use switchboard::store::{Anchors, Files};
use switchboard::{road, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let _telemetry = telemetry::start();
    let aws = road::aws().await;
    let bucket = Files::new(&aws, required("ANCHORS_BUCKET")?);
    let anchors = Anchors::new(Client::new(&aws), required("LEDGER_TABLE")?, bucket);
    let app = App::new(Clock::system(), anchors);
    lambda_runtime::run(service_fn(|event| anchor::handle(&app, event))).await
}
