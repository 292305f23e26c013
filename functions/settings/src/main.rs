//! The `settings` function: start, connect, serve.

use aws_sdk_dynamodb::Client;
use switchboard::clock::Clock;
use switchboard::config::required;
use switchboard::event::Reach;
use switchboard::http::{Edge, Limits};
use switchboard::road::{self, Road};
use switchboard::secrets::Secret;
use switchboard::store::Events;
use switchboard::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let _telemetry = telemetry::start();
    let aws = road::aws().await;
    let auth = Secret::new(road::secrets_client(&aws), required("AUTH_SECRET")?);
    let (road, _) = futures::join!(Road::from_env(&aws), auth.get());
    let road = road?;
    let edge = Edge::new(Clock::system(), auth, road.ephemera.clone(), Limits::from_env());
    let events = Events::from_env(Client::new(&aws), road.keys.ledger()?, road.seal.clone())?;
    switchboard::http::serve(settings::router(edge, road, events, Reach::from_env()?)).await
}
