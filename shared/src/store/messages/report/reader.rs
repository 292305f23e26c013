//! Whom a report's message went to.

use serde::Deserialize;

use super::super::Messages;
use super::is_about_another;
use crate::message::{Channel, MessageId};
use crate::person::PersonId;
use crate::provider::Report;
use crate::store::{Item, StoreError, text, unavailable};

/// Whom a message went to, and how.
#[derive(Clone, Debug, Deserialize)]
pub struct Reader {
    pub person: PersonId,
    pub channel: Channel,
}

impl Messages {
    /// Whom a message went to and how, if a report is about that person themselves.
    pub async fn reader(&self, id: MessageId, report: &Report) -> Result<Option<Reader>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).key("id", text(id.to_string()));
        let answer = get
            .projection_expression("person, channel, recipient")
            .send()
            .await
            .map_err(unavailable("messages.reader"))?;
        let own = |item: &Item| item.contains_key("person") && !is_about_another(item, self.forms(report).as_deref());
        let reader = answer.item.filter(own).map(serde_dynamo::from_item).transpose();
        reader.map_err(|error| StoreError::Unreadable { table: "messages", cause: error.to_string() })
    }
}
