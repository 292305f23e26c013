//! Assertions that are good once: a row of Ephemera for each that was used, until it would have expired.

use jiff::Timestamp;
use uuid::Uuid;

use super::super::{StoreError, number, text, unavailable};
use super::TwoFactorStore;

impl TwoFactorStore {
    /// Uses up an assertion that is good until then. `false`: it was used before.
    pub async fn use_up(&self, id: Uuid, until: Timestamp) -> Result<bool, StoreError> {
        // Each use has a token of its own, so that the SDK's repetition of a request whose answer was lost is no second use.
        let used = Uuid::new_v4().to_string();
        let put = self
            .client
            .put_item()
            .table_name(&self.ephemera)
            .item("key", text(format!("two-factor-used#{id}")))
            .item("used", text(&used))
            .item("expires", number(until.as_second() + 60))
            .condition_expression("attribute_not_exists(#k) OR used = :u")
            .expression_attribute_names("#k", "key")
            .expression_attribute_values(":u", text(&used));
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(false)
            }
            Err(error) => Err(unavailable("two_factor.use_up")(error)),
        }
    }
}
