//! What was looked up of phone numbers, kept because asking costs money.

use jiff::Timestamp;

use super::{OtpStore, is_fresh, number, text, unavailable, unreadable};
use crate::provider::twilio::lookup::LookedUp;
use crate::store::StoreError;

impl OtpStore {
    /// What was looked up of a number (by its fingerprint), while it is fresh.
    pub async fn looked_up(&self, fingerprint: &str, now: Timestamp) -> Result<Option<LookedUp>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).key("key", text(row(fingerprint)));
        let answer = get.send().await.map_err(unavailable("otp.looked_up"))?;
        let found = answer.item().filter(|item| is_fresh(item, now)).and_then(|item| item.get("found"));
        Ok(found.and_then(|found| serde_dynamo::from_attribute_value(found.clone()).ok()))
    }

    /// Keeps what was looked up of a number for so many seconds.
    pub async fn keep_lookup(
        &self,
        fingerprint: &str,
        found: &LookedUp,
        seconds: i64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("key", text(row(fingerprint)))
            .item("found", serde_dynamo::to_attribute_value(found).map_err(unreadable)?)
            .item("expires", number(now.as_second() + seconds));
        put.send().await.map_err(unavailable("otp.keep_lookup"))?;
        Ok(())
    }
}

pub(super) fn row(fingerprint: &str) -> String {
    format!("lookup#{fingerprint}")
}
