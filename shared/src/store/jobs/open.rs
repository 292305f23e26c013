//! The jobs somebody must look after, as the sweep sees them: ids and times, nothing sealed.

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;

use super::{OPEN, key};
use crate::clock::plus_seconds;
use crate::message::JobId;
use crate::store::update::{Applied, Update};
use crate::store::{StoreError, number, text, unavailable};

/// How often a job is looked after.
const PAUSE_SECONDS: i64 = 120;

/// The open jobs of the Catalog table.
#[derive(Clone, Debug)]
pub struct OpenJobs {
    client: Client,
    table: String,
}

impl OpenJobs {
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// The jobs that want a look now, each moved on to its next one: of two sweeps only one has it. The partition holds
    /// what has not ended, so a look costs what is open.
    pub async fn take_due(&self, now: Timestamp) -> Result<Vec<JobId>, StoreError> {
        let mut due = Vec::new();
        let mut after = None;
        loop {
            let query = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :p")
                .filter_expression("look_at <= :t")
                .expression_attribute_values(":p", text(OPEN))
                .expression_attribute_values(":t", number(now.as_millisecond()))
                .set_exclusive_start_key(after);
            let answer = query.send().await.map_err(unavailable("jobs.take_due"))?;
            for item in answer.items() {
                let id = item.get("sk").and_then(|id| id.as_s().ok()).and_then(|id| id.parse::<JobId>().ok());
                if let (Some(id), Some(at)) = (id, item.get("look_at"))
                    && self.move_on(id, at.clone(), now).await?
                {
                    due.push(id);
                }
            }
            after = answer.last_evaluated_key;
            if after.is_none() {
                return Ok(due);
            }
        }
    }

    async fn move_on(
        &self,
        id: JobId,
        seen: aws_sdk_dynamodb::types::AttributeValue,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let next = number(plus_seconds(now, PAUSE_SECONDS).as_millisecond());
        let update = Update::default().only_if_equal("look_at", seen).set("look_at", next);
        let applied = update.apply_at(&self.client, &self.table, key(OPEN, id.to_string()), "jobs.take_due").await?;
        Ok(matches!(applied, Applied::Done(_)))
    }
}
