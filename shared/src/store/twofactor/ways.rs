//! Which channels the codes of a challenge went by: one row of Ephemera that lasts as long as the challenge. An assertion
//! says `sms` only of a code that went by SMS and no other way.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::super::update::{Applied, Update};
use super::super::write_token::named;
use super::super::{StoreError, number, text, unavailable};
use super::{TwoFactorStore, count};
use crate::message::Channel;
use crate::otp::Purpose;

fn row(purpose: &Purpose) -> String {
    format!("two-factor-ways#{purpose}")
}

impl TwoFactorStore {
    /// Notes that the code of the challenge that ends at `expires` goes by this channel too.
    pub async fn note_way(&self, purpose: &Purpose, channel: Channel, expires: Timestamp) -> Result<(), StoreError> {
        let (key, ends) = (row(purpose), number(expires.as_millisecond()));
        for _ in 0..4 {
            let more =
                Update::default().put_into_set("channels", channel.as_str()).only_if_equal("expires_at", ends.clone());
            let done = more.apply(&self.client, &self.ephemera, ("key", &key), "two_factor.note_way").await?;
            if matches!(done, Applied::Done(_)) {
                return Ok(());
            }
            // Of the challenge before, if anything.
            let put = self
                .client
                .put_item()
                .table_name(&self.ephemera)
                .item("key", text(&key))
                .item("channels", aws_sdk_dynamodb::types::AttributeValue::Ss(vec![channel.as_str().to_owned()]))
                .item("expires_at", ends.clone())
                .item("expires", number(expires.as_second() + 60))
                .condition_expression("attribute_not_exists(#k) OR expires_at < :ends")
                .expression_attribute_names("#k", "key")
                .expression_attribute_values(":ends", ends.clone());
            match put.customize().mutate_request(named("two_factor.note_way")).send().await {
                Ok(_) => return Ok(()),
                Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {}
                Err(error) => return Err(unavailable("two_factor.note_way")(error)),
            }
        }
        // A later challenge has begun; what went by here is of no use to anybody.
        Ok(())
    }

    /// The channels of the challenge that is running at `now`; empty if nobody knows.
    pub async fn ways(&self, purpose: &Purpose, now: Timestamp) -> Result<BTreeSet<Channel>, StoreError> {
        let get =
            self.client.get_item().table_name(&self.ephemera).key("key", text(row(purpose))).consistent_read(true);
        let answer = get.send().await.map_err(unavailable("two_factor.ways"))?;
        let Some(item) = answer.item() else { return Ok(BTreeSet::new()) };
        if count::<i64>(item, "expires_at").is_none_or(|ends| ends <= now.as_millisecond()) {
            return Ok(BTreeSet::new());
        }
        let channels = item.get("channels").and_then(|set| set.as_ss().ok()).cloned().unwrap_or_default();
        Ok(channels.iter().filter_map(|channel| channel.parse().ok()).collect())
    }
}
