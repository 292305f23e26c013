//! The `consent` function: start, connect, serve.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use switchboard::clock::Clock;
use switchboard::config::{required, twilio_verify};
use switchboard::http::{Edge, Limits};
use switchboard::otp::{Backend, Otp, Settings};
use switchboard::privacy::Privacy;
use switchboard::privacy::erasure::CoolingOff;
use switchboard::provider::call;
use switchboard::provider::twilio::verify::{self, Verify};
use switchboard::road::{self, Road};
use switchboard::secrets::Secret;
use switchboard::store::twofactor::Tables;
use switchboard::store::{OtpStore, PrivacyStore, TwoFactorStore};
use switchboard::telemetry;
use switchboard::twofactor::{self, ActionAssertions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let _telemetry = telemetry::start();
    let aws = road::aws().await;
    let secrets = road::secrets_client(&aws);
    let auth = Secret::new(secrets.clone(), required("AUTH_SECRET")?);
    let twilio = Arc::new(Secret::new(secrets, required("TWILIO_SECRET")?));
    let (road, _) = futures::join!(Road::from_env(&aws), auth.get());
    let road = road?.with_files(&aws)?;
    let edge = Edge::new(Clock::system(), auth, road.ephemera.clone(), Limits::from_env());
    let clock = road.clock.clone();
    let verify = || {
        let http = call::client_within(verify::CALL_TIMEOUT)?;
        Ok::<_, lambda_http::Error>(Verify::new(http, &twilio_verify(), clock, twilio))
    };
    let store = OtpStore::new(Client::new(&aws), required("EPHEMERA_TABLE")?);
    let otp = Otp::new(road.clone(), road.keys.codes()?, store, Settings::from_env()?).with(Backend::from_env(verify)?);
    let tables = Tables {
        people: required("PEOPLE_TABLE")?,
        ephemera: required("EPHEMERA_TABLE")?,
        ledger: required("LEDGER_TABLE")?,
    };
    let dynamo = Client::new(&aws);
    let store = TwoFactorStore::new(dynamo.clone(), tables, road.keys.ledger()?, road.seal.clone());
    let links = road.keys.links()?;
    let issuer = twofactor::Settings::from_env()?.issuer;
    let actions = ActionAssertions::new(road.clock.clone(), road.keys.codes()?, store.clone(), &issuer);
    let cooling = CoolingOff::from_env(links.clone())?;
    let privacy = Privacy::new(&road, store, PrivacyStore::new(dynamo, required("CATALOG_TABLE")?), cooling);
    switchboard::http::serve(consent::router(edge, road, links, otp, privacy, actions)).await
}
