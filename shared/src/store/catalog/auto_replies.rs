//! What is answered by itself to what people write: one row.
//!
//! | pk | sk | holds |
//! |---|---|---|
//! | `settings` | `auto_replies` | all of them, and who set them last |

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Catalog;
use crate::message::auto_reply::AutoReplies;
use crate::store::{Item, StoreError, text, unavailable};

const PARTITION: &str = "settings";
const NAME: &str = "auto_replies";

#[derive(Serialize, Deserialize)]
struct Row {
    pk: String,
    sk: String,
    #[serde(flatten)]
    replies: AutoReplies,
    updated_by: String,
    #[serde(with = "crate::clock::millis")]
    updated_at: Timestamp,
}

fn unreadable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unreadable { table: "catalog", cause: error.to_string() }
}

impl Catalog {
    /// The automatic answers, if they were ever set.
    pub async fn auto_replies(&self) -> Result<Option<AutoReplies>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).key("pk", text(PARTITION)).key("sk", text(NAME));
        let answer = get.send().await.map_err(unavailable("catalog.auto_replies"))?;
        let row: Option<Row> = answer.item.map(serde_dynamo::from_item).transpose().map_err(unreadable)?;
        Ok(row.map(|row| row.replies))
    }

    /// Sets them, in place of those before.
    pub async fn set_auto_replies(&self, replies: &AutoReplies, by: &str, now: Timestamp) -> Result<(), StoreError> {
        let row = Row {
            pk: PARTITION.to_owned(),
            sk: NAME.to_owned(),
            replies: replies.clone(),
            updated_by: by.to_owned(),
            updated_at: now,
        };
        let item: Item = serde_dynamo::to_item(row).map_err(unreadable)?;
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map_err(unavailable("catalog.set_auto_replies"))?;
        Ok(())
    }
}
