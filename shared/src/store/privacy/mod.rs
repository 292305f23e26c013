//! Privacy's own rows in the Catalog table: `erasure#PERSON / run` (how far the erasure of a person is) and `/ counts`, `reseal / walk` and
//! `/ segment#N` (how far sealing anew is), `reindex / …` (the same of carrying fingerprints forward), and `privacy#open /
//! erasure#PERSON`, `/ reseal#N`, `/ reindex#N` (what somebody must look after).
//!
//! [`erasures`] · [`tally`]: what they took away · [`reseals`] · [`sealed`]: finding what is sealed with an old key ·
//! [`indexed`]: finding what is stored under an old fingerprint · [`open`]: what the sweep sees.

mod checkpoint;
pub mod erasures;
pub mod indexed;
mod open;
pub mod reseals;
pub mod sealed;
pub mod tally;

use aws_sdk_dynamodb::Client;

pub use erasures::Begun;
pub use indexed::Indexed;
pub use open::OpenPrivacy;
pub use reseals::{Saved, Started};
pub use sealed::Sealed;
pub use tally::Tally;

use super::open::Open;
use super::{Item, StoreError, text};

/// Privacy's part of the Catalog table.
#[derive(Clone, Debug)]
pub struct PrivacyStore {
    client: Client,
    table: String,
    open: Open,
}

/// The partition of what is open.
const OPEN: &str = "privacy#open";
/// How long what is done is kept on record, in days. The ledger keeps that it was done for good.
const KEPT_DAYS: i64 = 400;

impl PrivacyStore {
    pub fn new(client: Client, table: String) -> Self {
        let open = Open::new(client.clone(), table.clone(), OPEN);
        Self { client, table, open }
    }
}

fn unreadable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unreadable { table: "catalog", cause: error.to_string() }
}

fn key(pk: impl Into<String>, sk: impl Into<String>) -> Item {
    Item::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
}
