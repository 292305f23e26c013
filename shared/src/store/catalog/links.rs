//! Where short links lead: a row a link, the target sealed.

use jiff::Timestamp;

use super::Catalog;
use crate::clock::from_millis;
use crate::message::MessageId;
use crate::message::short_link::LinkCode;
use crate::store::update::Update;
use crate::store::write_token::named;
use crate::store::{Item, StoreError, number, text, unavailable};

/// The sort key: a link has one row.
const SORT: &str = "link";
/// How long a link's row stays after its end, in seconds: a month in which it is known to have ended.
const REMEMBERED_SECONDS: i64 = 30 * 86_400;

/// A link, as it is stored.
#[derive(Clone, Debug)]
pub struct StoredLink {
    pub message: MessageId,
    /// Where it leads.
    pub sealed: String,
    pub ends: Timestamp,
}

impl Catalog {
    /// Stores a link. One that is there stays as it is: its code says that it leads to the same.
    pub async fn put_link(
        &self,
        code: &LinkCode,
        message: MessageId,
        sealed: &str,
        ends: Timestamp,
    ) -> Result<(), StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", text(partition(code)))
            .item("sk", text(SORT))
            .item("message", text(message.to_string()))
            .item("sealed", text(sealed))
            .item("ends_at", number(ends.as_millisecond()))
            .item("expires", number(ends.as_second() + REMEMBERED_SECONDS))
            .condition_expression("attribute_not_exists(pk)");
        match put.customize().mutate_request(named("catalog.put_link")).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => Ok(()),
            Err(error) => Err(unavailable("catalog.put_link")(error)),
        }
    }

    /// A link, if there is one.
    pub async fn link(&self, code: &LinkCode) -> Result<Option<StoredLink>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).key("pk", text(partition(code))).key("sk", text(SORT));
        let answer = get.send().await.map_err(unavailable("catalog.link"))?;
        let Some(item) = answer.item() else { return Ok(None) };
        let field = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
        let ends = item.get("ends_at").and_then(|at| at.as_n().ok()).and_then(|at| at.parse().ok());
        let message = field("message").and_then(|id| id.parse().ok());
        match (message, field("sealed"), ends) {
            (Some(message), Some(sealed), Some(ends)) => {
                Ok(Some(StoredLink { message, sealed: sealed.clone(), ends: from_millis(ends) }))
            }
            _ => Err(StoreError::Unreadable { table: "catalog", cause: "a link without its fields".to_owned() }),
        }
    }
}

impl Catalog {
    /// Lets a link of this message end at `ends`, if it would end before; never earlier than it would.
    pub async fn prolong_link(&self, code: &LinkCode, message: MessageId, ends: Timestamp) -> Result<(), StoreError> {
        let update = Update::default()
            .set("ends_at", number(ends.as_millisecond()))
            .set("expires", number(ends.as_second() + REMEMBERED_SECONDS))
            .only_if_equal("message", text(message.to_string()))
            .only_if_under("ends_at", number(ends.as_millisecond()));
        let key = Item::from([("pk".to_owned(), text(partition(code))), ("sk".to_owned(), text(SORT))]);
        update.apply_at(&self.client, &self.table, key, "catalog.prolong_link").await?;
        Ok(())
    }

    /// Removes a link: it leads nowhere any more.
    pub async fn remove_link(&self, code: &LinkCode) -> Result<(), StoreError> {
        let delete = self.client.delete_item().table_name(&self.table);
        let delete = delete.key("pk", text(partition(code))).key("sk", text(SORT));
        delete.send().await.map(|_| ()).map_err(unavailable("catalog.remove_link"))
    }
}

/// A link's row, as it is sealed for.
pub fn row(code: &LinkCode) -> String {
    format!("{}/{SORT}", partition(code))
}

fn partition(code: &LinkCode) -> String {
    format!("link#{}", code.as_str())
}
