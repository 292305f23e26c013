//! The `otp` function: start, connect, serve.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use otp::lookups::Lookups;
use switchboard::clock::Clock;
use switchboard::config::{required, twilio_lookup, twilio_verify};
use switchboard::http::{Edge, Limits};
use switchboard::otp::{Backend, Otp, Settings};
use switchboard::provider::call;
use switchboard::provider::twilio::lookup::Lookup;
use switchboard::provider::twilio::verify::{self, Verify};
use switchboard::road::{self, Road};
use switchboard::secrets::Secret;
use switchboard::store::twofactor::Tables;
use switchboard::store::{OtpStore, TwoFactorStore};
use switchboard::telemetry;
use switchboard::twofactor::assertion::PUBLISHED_AFTER;
use switchboard::twofactor::{self, TwoFactor};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let _telemetry = telemetry::start();
    let aws = road::aws().await;
    let secrets = road::secrets_client(&aws);
    let auth = Secret::new(secrets.clone(), required("AUTH_SECRET")?);
    // Read when they are first needed: own codes are sent also where nobody has written these secrets yet.
    let signing = Secret::overlapping(secrets.clone(), required("TWOFACTOR_SECRET")?, PUBLISHED_AFTER);
    let twilio = Arc::new(Secret::new(secrets, required("TWILIO_SECRET")?));
    let (road, _) = futures::join!(Road::from_env(&aws), auth.get());
    let road = road?;
    road.queues.prime().await;
    let edge = Edge::new(Clock::system(), auth, road.ephemera.clone(), Limits::from_env());
    let store = OtpStore::new(Client::new(&aws), required("EPHEMERA_TABLE")?);
    let (http, clock) = (call::client_within(verify::CALL_TIMEOUT)?, road.clock.clone());
    let lookup = Lookup::new(http.clone(), &twilio_lookup(), clock.clone(), twilio.clone());
    let verify = || Ok::<_, lambda_http::Error>(Verify::new(http, &twilio_verify(), clock, twilio));
    let engine = Otp::new(road.clone(), road.keys.codes()?, store.clone(), Settings::from_env()?)
        .with(Backend::from_env(verify)?);
    let lookups = Lookups::new(lookup, store, road.clone());
    let tables = Tables {
        people: required("PEOPLE_TABLE")?,
        ephemera: required("EPHEMERA_TABLE")?,
        ledger: required("LEDGER_TABLE")?,
    };
    let store = TwoFactorStore::new(Client::new(&aws), tables, road.keys.ledger()?, road.seal.clone());
    let settings = twofactor::Settings::from_env()?;
    let twofactor = TwoFactor::new(road.clock.clone(), engine.clone(), store, road.keys.codes()?, signing, settings);
    switchboard::http::serve(otp::router(edge, road, engine, lookups, twofactor)).await
}
