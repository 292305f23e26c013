//! How far the erasure of a person is: one row each, the present one or the last.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use jiff::Timestamp;

use super::{KEPT_DAYS, PrivacyStore, Saved, key, open, unreadable};
use crate::clock::plus_seconds;
use crate::person::PersonId;
use crate::privacy::erasure::{Erasure, State};
use crate::queue::PrivacyWork;
use crate::store::{Item, StoreError, number, text, unavailable};

const RUN: &str = "run";
pub(super) const COUNTS: &str = "counts";
/// When the sweep first looks after an erasure.
const FIRST_LOOK_SECONDS: i64 = 60;

/// Whether an erasure was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    New,
    /// One is on its way.
    Running(Box<Erasure>),
}

pub(super) fn partition(person: &PersonId) -> String {
    format!("erasure#{person}")
}

fn open_name(person: &PersonId) -> String {
    open::name(&PrivacyWork::Erase { person: person.clone() })
}

impl PrivacyStore {
    /// Writes down that a person is to be erased, unless that is being done.
    pub async fn begin_erasure(&self, erasure: &Erasure) -> Result<Begun, StoreError> {
        let run = Put::builder()
            .table_name(&self.table)
            .set_item(Some(self.erasure_item(erasure)?))
            .condition_expression("attribute_not_exists(pk) OR #s = :erased")
            .expression_attribute_names("#s", "state")
            .expression_attribute_values(":erased", text(<&str>::from(State::Erased)));
        let look = plus_seconds(erasure.asked, FIRST_LOOK_SECONDS);
        let opened = self.open.row(&open_name(&erasure.person), look);
        let opened = Put::builder().table_name(&self.table).set_item(Some(opened)).build().map_err(unreadable)?;
        let mut counts = key(partition(&erasure.person), COUNTS);
        counts.insert("id".to_owned(), text(&erasure.id));
        counts.insert("expires".to_owned(), number(erasure.asked.as_second() + KEPT_DAYS * 86_400));
        let counts = Put::builder().table_name(&self.table).set_item(Some(counts)).build().map_err(unreadable)?;
        let writes = [run.build().map_err(unreadable)?, opened, counts]
            .into_iter()
            .map(|put| TransactWriteItem::builder().put(put).build())
            .collect();
        match self.client.transact_write_items().set_transact_items(Some(writes)).send().await {
            Ok(_) => Ok(Begun::New),
            Err(error) => match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(_)) => {
                    let running = self.erasure(&erasure.person).await?;
                    let running = running.ok_or(StoreError::Contended { operation: "erasure.begin" })?;
                    Ok(Begun::Running(Box::new(running)))
                }
                Some(_) | None => Err(unavailable("erasure.begin")(error)),
            },
        }
    }

    /// The erasure of a person, the present one or the last.
    pub async fn erasure(&self, person: &PersonId) -> Result<Option<Erasure>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key(partition(person), RUN)));
        let answer = get.consistent_read(true).send().await.map_err(unavailable("erasure.get"))?;
        answer.item.map(serde_dynamo::from_item).transpose().map_err(unreadable)
    }

    /// Saves its next state, if it is still where it was.
    pub async fn save_erasure(&self, erasure: &Erasure) -> Result<Saved, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(self.erasure_item(erasure)?))
            .condition_expression("version = :seen AND id = :id")
            .expression_attribute_values(":seen", number(erasure.version - 1))
            .expression_attribute_values(":id", text(&erasure.id));
        match put.send().await {
            Ok(_) => Ok(Saved::Yes),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(Saved::Overtaken)
            }
            Err(error) => Err(unavailable("erasure.save")(error)),
        }
    }

    /// Nobody need look after it any more.
    pub async fn close_erasure(&self, person: &PersonId) -> Result<(), StoreError> {
        self.open.close(&open_name(person)).await
    }

    fn erasure_item(&self, erasure: &Erasure) -> Result<Item, StoreError> {
        let mut item: Item = serde_dynamo::to_item(erasure).map_err(unreadable)?;
        item.extend(key(partition(&erasure.person), RUN));
        let kept = |at: Timestamp| number(at.as_second() + KEPT_DAYS * 86_400);
        // One that has not ended does not expire.
        item.extend(erasure.ended.map(|ended| ("expires".to_owned(), kept(ended))));
        Ok(item)
    }
}
