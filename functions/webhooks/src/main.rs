//! The `webhooks` function: start, connect, serve.

use switchboard::config::{Endpoints, required};
use switchboard::road::{self, Road};
use switchboard::secrets::{CALLBACK_OVERLAP, Secret};
use switchboard::telemetry;
use webhooks::App;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let _telemetry = telemetry::start();
    let aws = road::aws().await;
    let secrets = road::secrets_client(&aws);
    let keys = Secret::overlapping(secrets, required("WEBHOOK_KEYS_SECRET")?, CALLBACK_OVERLAP);
    let road = Road::from_env(&aws).await?;
    switchboard::http::serve(webhooks::router(App::new(road, keys, Endpoints::from_env()?.public))).await
}
