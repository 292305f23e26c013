//! Outgoing events: subscribers in the Catalog table (`webhooks / ID`), deliveries in a table of their own.
//!
//! A delivery's partition is `SUBSCRIBER#N`, its sort key its id, which begins with the event's time: a page of a subscriber's
//! deliveries is a short query of each partition, and an event seen twice is put on the condition that it is not there. `by_due` is sparse, as the messages' is.
//!
//! [`subscribers`], [`health`]: how each fares · [`deliveries`]: making, trying, listing · [`due`]: what the sweep sees.

mod deliveries;
mod due;
mod health;
mod subscribers;
mod switches;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;

pub use due::{DueDeliveries, DueDelivery, SHARDS};
pub use health::Held;
pub use subscribers::Changed;

use super::ledger::Ledger;
use super::{Item, StoreError, text};
use crate::config::{Missing, required};
use crate::event::{DeliveryId, SubscriberId};
use crate::seal::Seal;
use crate::seal::purpose::LedgerKeys;

/// Subscribers and their deliveries.
#[derive(Clone, Debug)]
pub struct Events {
    client: Client,
    catalog: String,
    deliveries: String,
    ledger: Ledger,
    seal: Arc<Seal>,
}

/// The names of the tables; where the ledger's entries end stands in People.
#[derive(Clone, Debug)]
pub struct Tables {
    pub catalog: String,
    pub deliveries: String,
    pub ledger: String,
    pub people: String,
}

impl Events {
    /// The tables the deployment names.
    pub fn from_env(client: Client, keys: LedgerKeys, seal: Arc<Seal>) -> Result<Self, Missing> {
        let tables = Tables {
            catalog: required("CATALOG_TABLE")?,
            deliveries: required("DELIVERIES_TABLE")?,
            ledger: required("LEDGER_TABLE")?,
            people: required("PEOPLE_TABLE")?,
        };
        Ok(Self::new(client, tables, keys, seal))
    }

    pub fn new(client: Client, tables: Tables, keys: LedgerKeys, seal: Arc<Seal>) -> Self {
        let ledger = Ledger::new(client.clone(), tables.ledger, tables.people, keys, seal.clone());
        Self { client, catalog: tables.catalog, deliveries: tables.deliveries, ledger, seal }
    }
}

fn partition(subscriber: SubscriberId, number: u8) -> String {
    format!("{subscriber}#{number}")
}

fn delivery_key(subscriber: SubscriberId, id: DeliveryId) -> Item {
    Item::from([
        ("pk".to_owned(), text(partition(subscriber, id.partition()))),
        ("id".to_owned(), text(id.to_string())),
    ])
}

fn unreadable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unreadable { table: "events", cause: error.to_string() }
}
