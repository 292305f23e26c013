//! Assertions that are good once: a row of Ephemera for each that was used, until it would have expired.

use jiff::Timestamp;
use uuid::Uuid;

use super::super::update::Applied;
use super::super::write_token::put_once;
use super::super::{StoreError, number, text};
use super::TwoFactorStore;

impl TwoFactorStore {
    /// Uses up an assertion that is good until then. `false`: it was used before.
    pub async fn use_up(&self, id: Uuid, until: Timestamp) -> Result<bool, StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.ephemera)
            .item("key", text(format!("two-factor-used#{id}")))
            .item("expires", number(until.as_second() + 60))
            .condition_expression("attribute_not_exists(#k)")
            .expression_attribute_names("#k", "key");
        Ok(matches!(put_once(put, "two_factor.use_up").await?, Applied::Done(_)))
    }
}
