//! The `events` function: start, connect, work.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use events::App;
use lambda_runtime::service_fn;
use switchboard::clock::Clock;
use switchboard::config::required;
use switchboard::event::{Caller, Reach};
use switchboard::queue::Queues;
use switchboard::road;
use switchboard::seal::purpose;
use switchboard::store::messages::change::Owners;
use switchboard::store::{self, Events};
use switchboard::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let _telemetry = telemetry::start();
    let aws = road::aws().await;
    let dynamo = Client::new(&aws);
    let queues = Queues::from_env(aws_sdk_sqs::Client::new(&aws))?;
    let (keys, (), ()) = futures::join!(purpose::from_env(&aws), store::prime(&dynamo), queues.prime());
    let (seal, keys) = keys?;
    let seal = Arc::new(seal);
    let owners = Owners::new(dynamo.clone(), required("MESSAGES_TABLE")?);
    let events = Events::from_env(dynamo, keys.ledger()?, seal.clone())?;
    let app = App::new(Clock::system(), seal, events, owners, Caller::new(Reach::from_env()?)?, queues);
    lambda_runtime::run(service_fn(|event| events::handle(&app, event))).await
}
