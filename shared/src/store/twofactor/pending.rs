//! The enrolment that waits for its code: one a person, gone after an hour.

use jiff::Timestamp;

use super::super::update::Applied;
use super::super::write_token::put_once;
use super::super::{StoreError, number, text, unavailable};
use super::factor::phone_number;
use super::{TwoFactorStore, count, field, unreadable};
use crate::clock::from_millis;
use crate::person::PersonId;
use crate::twofactor::factor::Pending;

pub(super) fn row(person: &PersonId) -> String {
    format!("two-factor-pending#{person}")
}

impl TwoFactorStore {
    /// The one that waits at `now`.
    pub async fn pending(&self, person: &PersonId, now: Timestamp) -> Result<Option<Pending>, StoreError> {
        let key = row(person);
        let get = self.client.get_item().table_name(&self.ephemera).key("key", text(&key)).consistent_read(true);
        let answer = get.send().await.map_err(unavailable("two_factor.pending"))?;
        let Some(item) = answer.item() else { return Ok(None) };
        let absent = || unreadable("a part is missing");
        let expires = from_millis(count(item, "expires_at").ok_or_else(absent)?);
        if expires <= now {
            return Ok(None);
        }
        let sealed = field(item, "sealed").ok_or_else(absent)?;
        Ok(Some(Pending {
            enrolment: field(item, "enrolment").and_then(|id| id.parse().ok()).ok_or_else(absent)?,
            phone: phone_number(self.seal.open(&key, &sealed)?)?,
            expires,
        }))
    }

    /// Lets an enrolment wait in the place of the one that was seen there. `false`: it is another one by now.
    pub async fn wait(
        &self,
        person: &PersonId,
        pending: &Pending,
        seen: Option<&Pending>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let key = row(person);
        let mut put = self
            .client
            .put_item()
            .table_name(&self.ephemera)
            .item("key", text(&key))
            .item("enrolment", text(pending.enrolment.to_string()))
            .item("sealed", text(self.seal.seal(&key, pending.phone.as_str().as_bytes())?))
            .item("expires_at", number(pending.expires.as_millisecond()))
            .item("expires", number(pending.expires.as_second() + 60));
        put = match seen {
            Some(seen) => put
                .condition_expression("enrolment = :seen")
                .expression_attribute_values(":seen", text(seen.enrolment.to_string())),
            None => put
                .condition_expression("attribute_not_exists(#k) OR expires_at <= :now")
                .expression_attribute_names("#k", "key")
                .expression_attribute_values(":now", number(now.as_millisecond())),
        };
        Ok(matches!(put_once(put, "two_factor.wait").await?, Applied::Done(_)))
    }
}
