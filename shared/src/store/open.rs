//! Work that somebody must look after until it has ended, in the Catalog table: a partition of what is open, each with the
//! time of its next look. The sweep sees names and times, nothing sealed.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::update::{Applied, Update};
use super::write_token::named;
use super::{Item, StoreError, number, text, unavailable};
use crate::clock::plus_seconds;

/// How often open work is looked after.
const PAUSE_SECONDS: i64 = 120;

/// A partition of open work.
#[derive(Clone, Debug)]
pub(super) struct Open {
    client: Client,
    table: String,
    partition: &'static str,
}

impl Open {
    pub(super) fn new(client: Client, table: String, partition: &'static str) -> Self {
        Self { client, table, partition }
    }

    fn key(&self, name: &str) -> Item {
        Item::from([("pk".to_owned(), text(self.partition)), ("sk".to_owned(), text(name))])
    }

    /// The row of something that is open from now on, first looked at then.
    pub(super) fn row(&self, name: &str, look_at: Timestamp) -> Item {
        let mut row = self.key(name);
        row.insert("look_at".to_owned(), number(look_at.as_millisecond()));
        row
    }

    /// What wants a look now, each moved on to its next one: of two sweeps only one has it. The partition holds what has not
    /// ended, so a look costs what is open.
    pub(super) async fn take_due(&self, now: Timestamp) -> Result<Vec<String>, StoreError> {
        let mut due = Vec::new();
        let mut after = None;
        loop {
            let query = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :p")
                .filter_expression("look_at <= :t")
                .expression_attribute_values(":p", text(self.partition))
                .expression_attribute_values(":t", number(now.as_millisecond()))
                .set_exclusive_start_key(after);
            let answer = query.send().await.map_err(unavailable("open.take_due"))?;
            for item in answer.items() {
                let name = item.get("sk").and_then(|name| name.as_s().ok());
                if let (Some(name), Some(at)) = (name, item.get("look_at"))
                    && self.move_on(name, at.clone(), now).await?
                {
                    due.push(name.clone());
                }
            }
            after = answer.last_evaluated_key;
            if after.is_none() {
                return Ok(due);
            }
        }
    }

    async fn move_on(&self, name: &str, seen: AttributeValue, now: Timestamp) -> Result<bool, StoreError> {
        let next = number(plus_seconds(now, PAUSE_SECONDS).as_millisecond());
        let update = Update::default().only_if_equal("look_at", seen).set("look_at", next);
        let applied = update.apply_at(&self.client, &self.table, self.key(name), "open.take_due").await?;
        Ok(matches!(applied, Applied::Done(_)))
    }

    /// Closes something that is open still for this id: what was opened under the same name since stays.
    pub(super) async fn close_of(&self, name: &str, id: &str) -> Result<(), StoreError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(self.key(name)))
            .condition_expression("id = :id")
            .expression_attribute_values(":id", text(id));
        match delete.customize().mutate_request(named("open.close")).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => Ok(()),
            Err(error) => Err(unavailable("open.close")(error)),
        }
    }

    /// Nobody need look after it any more.
    pub(super) async fn close(&self, name: &str) -> Result<(), StoreError> {
        let delete = self.client.delete_item().table_name(&self.table).set_key(Some(self.key(name)));
        delete.send().await.map_err(unavailable("open.close"))?;
        Ok(())
    }
}
