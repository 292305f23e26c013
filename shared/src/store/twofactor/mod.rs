//! Second factors. In People, `person#ID / two_factor`: the confirmed phone (sealed), the hashes of its recovery codes and
//! trusted devices, all in one row. In Ephemera, what expires: the enrolment that waits for its code, how often somebody
//! failed, and which ways a code went. In Ledger, who did what.
//!
//! [`factor`] (what changes, with its entries, in one transaction) · [`pending`] · [`lock`] · [`ways`] · [`used`] (assertions that are good once).

pub mod factor;
mod lock;
mod pending;
mod used;
mod ways;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;

pub use factor::{Applied, Change};

use super::ledger::{Ledger, Page};
use super::{Item, StoreError};
use crate::person::PersonId;
use crate::seal::Seal;
use crate::seal::purpose::LedgerKeys;

/// The three tables, as far as two-factor goes.
#[derive(Clone, Debug)]
pub struct TwoFactorStore {
    client: Client,
    people: String,
    ephemera: String,
    ledger: Ledger,
    seal: Arc<Seal>,
}

/// Their names.
#[derive(Clone, Debug)]
pub struct Tables {
    pub people: String,
    pub ephemera: String,
    pub ledger: String,
}

fn unreadable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unreadable { table: "two_factor", cause: error.to_string() }
}

fn field(item: &Item, name: &str) -> Option<String> {
    item.get(name).and_then(|value| value.as_s().ok()).cloned()
}

fn count<T: std::str::FromStr>(item: &Item, name: &str) -> Option<T> {
    item.get(name).and_then(|value| value.as_n().ok()).and_then(|n| n.parse().ok())
}

impl TwoFactorStore {
    pub fn new(client: Client, tables: Tables, keys: LedgerKeys, seal: Arc<Seal>) -> Self {
        let ledger = Ledger::new(client.clone(), tables.ledger, tables.people.clone(), keys, seal.clone());
        Self { client, people: tables.people, ephemera: tables.ephemera, ledger, seal }
    }

    /// The rows of Ephemera that are about a person's second factor.
    pub fn keys(person: &PersonId) -> Vec<String> {
        vec![pending::row(person), lock::row(person)]
    }

    /// What happened with a person's second factor, the newest first.
    pub async fn history(&self, person: &PersonId, before: Option<u64>, limit: u8) -> Result<Page, StoreError> {
        self.ledger.page(&subject(person), before, limit).await
    }
}

/// A person's second factor in the ledger.
pub fn subject(person: &PersonId) -> String {
    format!("two_factor#{person}")
}
