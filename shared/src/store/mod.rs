//! DynamoDB: one file (or folder) per table, one function per access pattern. Nothing outside this folder knows an
//! attribute's name.
//!
//! [`messages`] · [`people`] · [`ephemera`] · [`otp`] · [`twofactor`] · [`ledger`] · [`catalog`] · [`controls`] · [`jobs`] · [`events`] · [`files`]: the bucket of what is too large for a row · [`Anchors`]: digests of the ledger outside its writers' reach ·
//! [`update`]: the one builder of conditional updates.

pub mod anchors;
mod batch_get;
pub mod budgets;
pub mod catalog;
pub mod controls;
mod due;
pub mod ephemera;
pub mod events;
pub mod files;
pub mod heard;
pub mod jobs;
pub mod ledger;
pub mod messages;
mod newest;
mod open;
pub mod otp;
pub mod people;
pub mod privacy;
pub mod twofactor;
mod update;
mod windows;
mod write_token;

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::AttributeValue;

pub use anchors::Anchors;
pub use budgets::Budgets;
pub use catalog::Catalog;
pub use controls::Controls;
pub use ephemera::Ephemera;
pub use events::Events;
pub use files::Files;
pub use jobs::Jobs;
pub use ledger::Ledger;
pub use messages::Messages;
pub use otp::OtpStore;
pub use people::People;
pub use privacy::PrivacyStore;
pub use twofactor::TwoFactorStore;

use crate::seal::SealError;

type Item = HashMap<String, AttributeValue>;

/// A table did not answer, or holds something that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{operation}: {cause}")]
    Unavailable { operation: &'static str, cause: String },
    #[error("{table}: a row cannot be read or written: {cause}")]
    Unreadable { table: &'static str, cause: String },
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("{operation}: given up after repeated concurrent changes")]
    Contended { operation: &'static str },
    /// The function that asks is not given the ledger's keys, so it changes nothing that the ledger tells of.
    #[error("this function does not hold the ledger's keys")]
    NoLedgerKeys,
    /// The person asked for their data to be erased, and that is being done: nothing new may be kept about them.
    #[error("the person is being erased")]
    BeingErased,
}

/// An SDK error as a store error: the service's code and message, never the request.
fn unavailable<E, R>(operation: &'static str) -> impl Fn(SdkError<E, R>) -> StoreError
where
    E: ProvideErrorMetadata,
{
    move |error| {
        let cause = match error.code().zip(error.message()) {
            Some((code, message)) => format!("{code}: {message}"),
            None => error.code().map_or_else(|| "no answer".to_owned(), str::to_owned),
        };
        StoreError::Unavailable { operation, cause }
    }
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Lets others finish before a write that came between is tried again: not at all the first time, then a few more
/// milliseconds each time, by chance, so that two do not meet again.
async fn again(attempt: u32) {
    if attempt > 0 {
        let [random, ..] = *uuid::Uuid::new_v4().as_bytes();
        let ceiling = 5_u64 << attempt.min(5);
        tokio::time::sleep(std::time::Duration::from_millis(u64::from(random) * ceiling / 256)).await;
    }
}

/// Opens the connection, so that the first request does not wait for it.
pub async fn prime(client: &Client) {
    let _ = client.describe_endpoints().send().await;
}
