//! The `webhooks` function: start, connect, serve.

use switchboard::config::{Endpoints, required};
use switchboard::road::{self, Road};
use switchboard::secrets::Secret;
use switchboard::telemetry;
use webhooks::{App, Keys};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let _telemetry = telemetry::start();
    let aws = road::aws().await;
    let secrets = road::secrets_client(&aws);
    let keys = Keys {
        twilio: Secret::new(secrets.clone(), required("TWILIO_SECRET")?),
        sendgrid: Secret::new(secrets.clone(), required("SENDGRID_SECRET")?),
        resend: Secret::new(secrets, required("RESEND_SECRET")?),
    };
    let road = Road::from_env(&aws).await?;
    lambda_http::run(webhooks::router(App::new(road, keys, Endpoints::from_env()?.public))).await
}
