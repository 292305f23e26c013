//! What else is on its way to the recipient of a message whose outcome is unknown: an entry in the provider's list may be one of
//! these.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::KeysAndAttributes;
use jiff::Timestamp;
use serde::Deserialize;

use super::Messages;
use super::row::unreadable;
use crate::message::{MessageId, Status};
use crate::store::{StoreError, text, unavailable};

/// How many of a recipient's newest messages are looked at. One that was made before them and is sent just now is not seen.
const MOST: i32 = 100;

/// Another message to the same recipient.
#[derive(Clone, Debug, Deserialize)]
pub struct Beside {
    pub id: MessageId,
    pub status: Status,
    #[serde(default)]
    pub provider_id: Option<String>,
    #[serde(default, with = "crate::clock::millis::option", rename = "claimed_at")]
    pub claimed: Option<Timestamp>,
}

impl Messages {
    /// The newest messages to an address (by its fingerprint) other than this one, as of now.
    pub async fn beside(&self, fingerprint: &str, of: MessageId) -> Result<Vec<Beside>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by_recipient")
            .key_condition_expression("recipient = :r")
            .expression_attribute_values(":r", text(fingerprint))
            .scan_index_forward(false)
            .limit(MOST);
        let listed = query.send().await.map_err(unavailable("messages.beside"))?;
        let id = |item: &crate::store::Item| item.get("id")?.as_s().ok()?.parse::<MessageId>().ok();
        let ids = listed.items().iter().filter_map(id).filter(|id| *id != of);
        let mut asked = KeysAndAttributes::builder()
            .projection_expression("id, #s, provider_id, claimed_at")
            .expression_attribute_names("#s", "status")
            .consistent_read(true);
        let mut any = false;
        for id in ids {
            asked = asked.keys(HashMap::from([("id".to_owned(), text(id.to_string()))]));
            any = true;
        }
        if !any {
            return Ok(Vec::new());
        }
        let asked = asked.build().map_err(unreadable)?;
        let answer = self.client.batch_get_item().request_items(&self.table, asked).send().await;
        let answer = answer.map_err(unavailable("messages.beside"))?;
        if answer.unprocessed_keys().is_some_and(|left| !left.is_empty()) {
            return Err(StoreError::Contended { operation: "messages.beside" });
        }
        let rows = answer.responses.unwrap_or_default().remove(&self.table).unwrap_or_default();
        rows.into_iter().map(|row| serde_dynamo::from_item(row).map_err(unreadable)).collect()
    }

    /// When a message was claimed last.
    pub async fn claimed(&self, id: MessageId) -> Result<Option<Timestamp>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).key("id", text(id.to_string()));
        let answer = get.projection_expression("claimed_at").send().await.map_err(unavailable("messages.claimed"))?;
        let at = answer.item().and_then(|item| item.get("claimed_at")).and_then(|at| at.as_n().ok());
        Ok(at.and_then(|at| at.parse().ok()).map(crate::clock::from_millis))
    }
}
