//! Counting what an erasure takes away: in one transaction with taking it away, so that everything is counted once, however
//! often a step is taken.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::TransactWriteItem;

use super::erasures::{COUNTS, partition};
use super::{PrivacyStore, key, unreadable};
use crate::privacy::erasure::{Erasure, ErasureCounts};
use crate::store::update::Update;
use crate::store::{Item, StoreError, again, text, unavailable};

/// How often a transaction is tried against others at the same moment.
const TRIES: u32 = 10;

/// The counts of an erasure.
#[derive(Clone, Debug)]
pub struct Tally {
    client: Client,
    table: String,
    key: Item,
    erasure: String,
}

/// Whether something was taken away, and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Taken {
    Yes,
    /// It is not what it was; nothing was written.
    Changed,
}

impl PrivacyStore {
    /// The counts of an erasure.
    pub fn tally(&self, erasure: &Erasure) -> Tally {
        let key = key(partition(&erasure.person), COUNTS);
        Tally { client: self.client.clone(), table: self.table.clone(), key, erasure: erasure.id.clone() }
    }

    /// What an erasure took away so far.
    pub async fn counts(&self, erasure: &Erasure) -> Result<ErasureCounts, StoreError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key(partition(&erasure.person), COUNTS)));
        let answer = get.consistent_read(true).send().await.map_err(unavailable("erasure.counts"))?;
        let counts = answer.item.map(serde_dynamo::from_item).transpose().map_err(unreadable)?;
        Ok(counts.unwrap_or_default())
    }
}

impl Tally {
    /// Takes something away and counts it.
    pub(in crate::store) async fn take(
        &self,
        write: TransactWriteItem,
        counts: ErasureCounts,
    ) -> Result<Taken, StoreError> {
        self.take_all(vec![write], counts).await
    }

    /// The same where it takes several writes, of which the first alone has a condition.
    pub(in crate::store) async fn take_all(
        &self,
        writes: Vec<TransactWriteItem>,
        counts: ErasureCounts,
    ) -> Result<Taken, StoreError> {
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let counted = Update::default()
            .only_if_equal("id", text(&self.erasure))
            .add("messages", count(counts.messages))
            .add("cancelled", count(counts.cancelled))
            .add("mentions", count(counts.mentions))
            .add("ledger_entries", count(counts.ledger_entries));
        let counted = counted.in_transaction(&self.table, self.key.clone()).map_err(unreadable)?;
        for attempt in 0..TRIES {
            again(attempt).await;
            let writes = writes.iter().chain([&counted]).cloned().collect();
            let error = match self.client.transact_write_items().set_transact_items(Some(writes)).send().await {
                Ok(_) => return Ok(Taken::Yes),
                Err(error) => error,
            };
            let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
            else {
                return Err(unavailable("erasure.take")(error));
            };
            let codes: Vec<&str> =
                cancelled.cancellation_reasons().iter().map(|reason| reason.code().unwrap_or_default()).collect();
            match codes.as_slice() {
                ["ConditionalCheckFailed", ..] => return Ok(Taken::Changed),
                // Another erasure of the same person began, which does all of it.
                [.., "ConditionalCheckFailed"] => break,
                codes if codes.contains(&"TransactionConflict") => {}
                _ => return Err(unavailable("erasure.take")(error)),
            }
        }
        Err(StoreError::Contended { operation: "erasure.take" })
    }
}
