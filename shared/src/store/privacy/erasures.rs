//! How far the erasure of a person is: one row each, the present one or the last.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use jiff::Timestamp;

use super::{KEPT_DAYS, PrivacyStore, Saved, key, open, unreadable};
use crate::clock::plus_seconds;
use crate::ledger::Record;
use crate::person::PersonId;
use crate::privacy::erasure::{Erasure, State};
use crate::queue::PrivacyWork;
use crate::store::ledger::{Committed, Ledger};
use crate::store::write_token::{named, put_once};
use crate::store::{Item, StoreError, number, people, text, unavailable};

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

fn in_transaction(put: Put) -> TransactWriteItem {
    TransactWriteItem::builder().put(put).build()
}

impl PrivacyStore {
    /// Writes down that a person is to be erased, with an entry of the ledger where there is one, unless that is being done.
    pub async fn begin_erasure(
        &self,
        erasure: &Erasure,
        ledger: &Ledger,
        record: &Record<'_>,
    ) -> Result<Begun, StoreError> {
        let run = Put::builder()
            .table_name(&self.table)
            .set_item(Some(self.erasure_item(erasure)?))
            .condition_expression("attribute_not_exists(pk) OR #s IN (:erased, :cancelled)")
            .expression_attribute_names("#s", "state")
            .expression_attribute_values(":erased", text(<&str>::from(State::Erased)))
            .expression_attribute_values(":cancelled", text(<&str>::from(State::Cancelled)));
        let opened = self.opened(erasure, plus_seconds(erasure.asked, FIRST_LOOK_SECONDS))?;
        let mut counts = key(partition(&erasure.person), COUNTS);
        counts.insert("id".to_owned(), text(&erasure.id));
        counts.insert("expires".to_owned(), number(erasure.asked.as_second() + KEPT_DAYS * 86_400));
        let counts = Put::builder().table_name(&self.table).set_item(Some(counts)).build().map_err(unreadable)?;
        let writes = [run.build().map_err(unreadable)?, opened, counts].map(in_transaction);
        match ledger.commit(&people::subject(&erasure.person), record, &writes).await? {
            Committed::Done => Ok(Begun::New),
            Committed::Refused => {
                let running = self.erasure(&erasure.person).await?;
                let running = running.ok_or(StoreError::Contended { operation: "erasure.begin" })?;
                Ok(Begun::Running(Box::new(running)))
            }
        }
    }

    /// Saves the next state of an erasure that waits, if it is still where it was, with an entry of the ledger; the sweep looks
    /// after it at this time.
    pub async fn save_waiting(
        &self,
        erasure: &Erasure,
        look_at: Timestamp,
        ledger: &Ledger,
        record: &Record<'_>,
    ) -> Result<Saved, StoreError> {
        let run = Put::builder()
            .table_name(&self.table)
            .set_item(Some(self.erasure_item(erasure)?))
            .condition_expression("version = :seen AND id = :id")
            .expression_attribute_values(":seen", number(erasure.version - 1))
            .expression_attribute_values(":id", text(&erasure.id));
        let writes = [run.build().map_err(unreadable)?, self.opened(erasure, look_at)?].map(in_transaction);
        match ledger.commit(&people::subject(&erasure.person), record, &writes).await? {
            Committed::Done => Ok(Saved::Yes),
            Committed::Refused => Ok(Saved::Overtaken),
        }
    }

    /// Lets the sweep look after an erasure again at this time.
    pub async fn look_again(&self, erasure: &Erasure, at: Timestamp) -> Result<(), StoreError> {
        let row = self.open_row(erasure, at);
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(row))
            .condition_expression("id = :id")
            .expression_attribute_values(":id", text(&erasure.id));
        // Refused: another erasure was begun since, and is looked after at its own time.
        put_once(put, "erasure.look_again").await?;
        Ok(())
    }

    fn open_row(&self, erasure: &Erasure, look_at: Timestamp) -> Item {
        let mut row = self.open.row(&open_name(&erasure.person), look_at);
        row.insert("id".to_owned(), text(&erasure.id));
        row
    }

    fn opened(&self, erasure: &Erasure, look_at: Timestamp) -> Result<Put, StoreError> {
        let row = self.open_row(erasure, look_at);
        Put::builder().table_name(&self.table).set_item(Some(row)).build().map_err(unreadable)
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
        match put.customize().mutate_request(named("erasure.save")).send().await {
            Ok(_) => Ok(Saved::Yes),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(Saved::Overtaken)
            }
            Err(error) => Err(unavailable("erasure.save")(error)),
        }
    }

    /// Nobody need look after it any more. Another erasure of the same person that was begun since is looked after.
    pub async fn close_erasure(&self, erasure: &Erasure) -> Result<(), StoreError> {
        self.open.close_of(&open_name(&erasure.person), &erasure.id).await
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
