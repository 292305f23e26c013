//! The `privacy` function: start, connect, work.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use lambda_runtime::service_fn;
use privacy::App;
use switchboard::config::{Endpoints, required};
use switchboard::privacy::erasure::{CoolingOff, Eraser};
use switchboard::privacy::reseal::Resealer;
use switchboard::provider::call;
use switchboard::provider::twilio::recordings::Recordings;
use switchboard::road::{self, Road};
use switchboard::secrets::Secret;
use switchboard::store::privacy::{Indexed, Sealed, indexed, sealed};
use switchboard::store::twofactor::Tables;
use switchboard::store::{Files, PrivacyStore, TwoFactorStore};
use switchboard::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let _telemetry = telemetry::start();
    let aws = road::aws().await;
    let road = Road::from_env(&aws).await?.with_files(&aws)?;
    road.queues.prime().await;
    let dynamo = Client::new(&aws);
    let store = PrivacyStore::new(dynamo.clone(), required("CATALOG_TABLE")?);
    let tables = Tables {
        people: required("PEOPLE_TABLE")?,
        ephemera: required("EPHEMERA_TABLE")?,
        ledger: required("LEDGER_TABLE")?,
    };
    let places = sealed::Tables {
        messages: required("MESSAGES_TABLE")?,
        people: tables.people.clone(),
        ledger: tables.ledger.clone(),
        ephemera: tables.ephemera.clone(),
        catalog: required("CATALOG_TABLE")?,
    };
    let (clock, seal) = (road.clock.clone(), road.seal.clone());
    let files = Files::new(&aws, required("FILES_BUCKET")?);
    let sealed = Sealed::new(dynamo.clone(), places, files, seal.clone());
    let with_fingerprints = indexed::Tables {
        messages: required("MESSAGES_TABLE")?,
        people: tables.people.clone(),
        ephemera: tables.ephemera.clone(),
    };
    let indexed = Indexed::new(dynamo.clone(), with_fingerprints, seal.clone());
    let resealer = Resealer { clock: clock.clone(), seal: seal.clone(), store: store.clone(), sealed, indexed };
    let twofactor = TwoFactorStore::new(dynamo, tables, road.keys.ledger()?, seal);
    let cooling = CoolingOff::from_env(road.keys.links()?)?;
    let eraser = Eraser { road, twofactor, store, cooling };
    let twilio = Arc::new(Secret::new(road::secrets_client(&aws), required("TWILIO_SECRET")?));
    let recordings = Recordings::new(call::client()?, &Endpoints::from_env()?.twilio, clock, twilio);
    let app = App::new(eraser, recordings, resealer);
    lambda_runtime::run(service_fn(|event| privacy::handle(&app, event))).await
}
