//! The `otp` function: start, connect, serve.

use aws_sdk_dynamodb::Client;
use switchboard::clock::Clock;
use switchboard::config::required;
use switchboard::http::{Edge, Limits};
use switchboard::otp::{Otp, Settings};
use switchboard::road::{self, Road};
use switchboard::secrets::Secret;
use switchboard::store::OtpStore;
use switchboard::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let _telemetry = telemetry::start();
    let aws = road::aws().await;
    let auth = Secret::new(road::secrets_client(&aws), required("AUTH_SECRET")?);
    let (road, _) = futures::join!(Road::from_env(&aws), auth.get());
    let road = road?;
    road.queues.prime().await;
    let edge = Edge::new(Clock::system(), auth, road.ephemera.clone(), Limits::from_env());
    let store = OtpStore::new(Client::new(&aws), required("EPHEMERA_TABLE")?);
    let otp = Otp::new(road.clone(), store, Settings::from_env()?);
    lambda_http::run(otp::router(edge, road, otp)).await
}
