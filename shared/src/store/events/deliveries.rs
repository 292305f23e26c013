//! Deliveries: made once for subscriber and event, claimed for each try, listed newest first.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::newest::{Piece, newest};
use super::super::update::{Applied, Update};
use super::super::write_token::put_once;
use super::super::{Item, StoreError, number, text, unavailable};
use super::{Events, delivery_key, due, partition, unreadable};
use crate::clock::plus_seconds;
use crate::event::delivery::{Dropped, Outcome, SPREAD};
use crate::event::{Delivery, DeliveryId, DeliveryState, EventType, SubscriberId};
use crate::message::MessageId;

/// How long a delivery is kept, in days.
const KEPT_DAYS: i64 = 30;
/// How long a record of a delivery may take to be worked through before the sweep queues another.
const GRACE_SECONDS: i64 = 60;
/// How long a worker has a delivery: twice what a call takes at most.
const LEASE_SECONDS: i64 = 30;

#[derive(Serialize, Deserialize)]
struct Row {
    pk: String,
    id: DeliveryId,
    subscriber: SubscriberId,
    #[serde(rename = "type")]
    kind: EventType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<MessageId>,
    body: String,
    state: DeliveryState,
    attempts: u32,
    tries: u32,
    looks: u32,
    #[serde(default, with = "crate::clock::millis::option", skip_serializing_if = "Option::is_none")]
    not_before: Option<Timestamp>,
    #[serde(default, with = "crate::clock::millis::option", skip_serializing_if = "Option::is_none")]
    lease_until: Option<Timestamp>,
    #[serde(default)]
    tried: Vec<Outcome>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dropped: Option<Dropped>,
    #[serde(with = "crate::clock::millis")]
    created_at: Timestamp,
    #[serde(default, with = "crate::clock::millis::option", skip_serializing_if = "Option::is_none")]
    replayed_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_shard: Option<String>,
    #[serde(default, with = "crate::clock::millis::option", skip_serializing_if = "Option::is_none")]
    due_at: Option<Timestamp>,
    /// Epoch seconds, for the table's time to live.
    expires: i64,
}

impl Update {
    fn delivery_due(self, id: DeliveryId, at: Timestamp) -> Self {
        self.set("due_shard", text(due::shard(id))).set("due_at", number(at.as_millisecond())).set("looks", number(0))
    }

    fn delivery_done(self) -> Self {
        self.remove("due_shard").remove("due_at").remove("not_before").remove("lease_until")
    }
}

impl Events {
    /// Puts a delivery to be tried now. `false`: it was made before.
    pub async fn add_delivery(&self, delivery: &Delivery) -> Result<bool, StoreError> {
        let Delivery { id, subscriber, created, .. } = *delivery;
        let row = Row {
            pk: partition(subscriber, id.partition()),
            id,
            subscriber,
            kind: delivery.kind,
            message: delivery.message,
            body: delivery.body.clone(),
            state: delivery.state,
            attempts: delivery.attempts,
            tries: delivery.tries,
            looks: 0,
            not_before: delivery.not_before,
            lease_until: delivery.lease,
            tried: delivery.tried.clone(),
            dropped: delivery.dropped,
            created_at: created,
            replayed_at: delivery.replayed,
            due_shard: Some(due::shard(id)),
            due_at: Some(plus_seconds(created, GRACE_SECONDS)),
            expires: expires(created),
        };
        let put = self.client.put_item().table_name(&self.deliveries);
        let put = put.set_item(Some(serde_dynamo::to_item(row).map_err(unreadable)?));
        let put = put.condition_expression("attribute_not_exists(pk)");
        Ok(matches!(put_once(put, "events.add_delivery").await?, Applied::Done(_)))
    }

    /// A delivery, as of now.
    pub async fn delivery(&self, subscriber: SubscriberId, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
        let get = self.client.get_item().table_name(&self.deliveries).set_key(Some(delivery_key(subscriber, id)));
        let answer = get.consistent_read(true).send().await.map_err(unavailable("events.delivery"))?;
        answer.item.map(read).transpose()
    }

    /// A subscriber's deliveries, the newest event first: at most `most`, of those before `before`. More than asked for
    /// tells that there are more.
    pub async fn deliveries(
        &self,
        subscriber: SubscriberId,
        before: Option<DeliveryId>,
        most: u8,
    ) -> Result<Vec<Delivery>, StoreError> {
        let page = newest(usize::from(SPREAD), usize::from(most), |part, read: Option<DeliveryId>, limit| {
            let partition = partition(subscriber, u8::try_from(part).unwrap_or_default());
            self.deliveries_of(partition, read.or(before), limit)
        });
        Ok(page.await?.into_iter().map(|(_, delivery)| delivery).collect())
    }

    async fn deliveries_of(
        &self,
        partition: String,
        before: Option<DeliveryId>,
        limit: usize,
    ) -> Result<Piece<DeliveryId, Delivery>, StoreError> {
        let query = self.client.query().table_name(&self.deliveries).scan_index_forward(false);
        let query = query.limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let query = query.expression_attribute_values(":p", text(partition));
        let query = match before {
            Some(before) => query
                .key_condition_expression("pk = :p AND id < :i")
                .expression_attribute_values(":i", text(before.to_string())),
            None => query.key_condition_expression("pk = :p"),
        };
        let answer = query.send().await.map_err(unavailable("events.deliveries"))?;
        let goes_on = answer.last_evaluated_key.is_some();
        let rows = answer.items.unwrap_or_default().into_iter();
        let rows = rows.map(|item| read(item).map(|delivery| (delivery.id, delivery)));
        Ok(Piece { rows: rows.collect::<Result<_, StoreError>>()?, goes_on })
    }

    /// Takes a delivery for one try. `None`: somebody else has it, or it moved on, or it begins anew.
    pub async fn claim(&self, seen: &Delivery, now: Timestamp) -> Result<Option<Delivery>, StoreError> {
        let update = of_this_try(seen)
            .only_if_absent_or_before("lease_until", number(now.as_millisecond()))
            .set("attempts", number(seen.attempts + 1))
            .set("tries", number(seen.tries + 1))
            .set("tried", outcomes(&seen.tried_so_far())?)
            .set("lease_until", number(plus_seconds(now, LEASE_SECONDS).as_millisecond()))
            .whole();
        // The sweep looks after the lease is over. Where it would anyway, the index need not be written.
        let looks_in_time = seen.due.is_some_and(|due| due >= plus_seconds(now, LEASE_SECONDS));
        let update = if looks_in_time {
            update.set("looks", number(0))
        } else {
            update.delivery_due(seen.id, plus_seconds(now, GRACE_SECONDS))
        };
        match self.step(seen, update, "events.claim").await? {
            Applied::Done(item) => read(item).map(Some),
            Applied::Refused(_) => Ok(None),
        }
    }

    /// It arrived.
    pub async fn arrived(&self, claimed: &Delivery, outcome: &Outcome) -> Result<bool, StoreError> {
        self.ended(claimed, DeliveryState::Delivered, outcome).await
    }

    /// It is not tried any more.
    pub async fn given_up(&self, claimed: &Delivery, outcome: &Outcome) -> Result<bool, StoreError> {
        self.ended(claimed, DeliveryState::Failed, outcome).await
    }

    /// It is not tried any more, because of something else than how its tries ended. Nobody has it.
    pub async fn dropped(&self, seen: &Delivery, why: Dropped) -> Result<bool, StoreError> {
        let update = of_this_try(seen)
            .set("state", text(DeliveryState::Failed.as_str()))
            .set("tried", outcomes(&seen.tried_so_far())?)
            .set("dropped", text(why.as_str()))
            .delivery_done();
        Ok(matches!(self.step(seen, update, "events.dropped").await?, Applied::Done(_)))
    }

    async fn ended(&self, claimed: &Delivery, state: DeliveryState, outcome: &Outcome) -> Result<bool, StoreError> {
        let update = of_this_try(claimed)
            .set("state", text(state.as_str()))
            .set("tried", outcomes(&claimed.tried_with(outcome))?)
            .delivery_done();
        Ok(matches!(self.step(claimed, update, "events.ended").await?, Applied::Done(_)))
    }

    /// It is tried again at `at`; the sweep looks at it at `look`.
    pub async fn put_off(
        &self,
        claimed: &Delivery,
        outcome: &Outcome,
        at: Timestamp,
        look: Timestamp,
    ) -> Result<bool, StoreError> {
        let update = of_this_try(claimed)
            .set("tried", outcomes(&claimed.tried_with(outcome))?)
            .set("not_before", number(at.as_millisecond()))
            .remove("lease_until")
            .delivery_due(claimed.id, look);
        Ok(matches!(self.step(claimed, update, "events.put_off").await?, Applied::Done(_)))
    }

    /// It is not tried before `at`, and was not tried now: nobody has it, and the count of tries stays. The sweep looks at it
    /// at `look`. `false`: it moved on. Of two records of one delivery, one puts it off.
    pub async fn waits(
        &self,
        seen: &Delivery,
        now: Timestamp,
        at: Timestamp,
        look: Timestamp,
    ) -> Result<bool, StoreError> {
        let update = of_this_try(seen)
            .only_if_absent_or_before("lease_until", number(now.as_millisecond() + 1))
            .only_if_time("not_before", seen.not_before)
            .set("not_before", number(at.as_millisecond()))
            .delivery_due(seen.id, look);
        Ok(matches!(self.step(seen, update, "events.waits").await?, Applied::Done(_)))
    }

    /// Has a delivery that ended, or waits, tried from the start, and keeps it as long as a new one. `None`: it is not there, or a worker has it.
    pub async fn replay(
        &self,
        subscriber: SubscriberId,
        id: DeliveryId,
        now: Timestamp,
    ) -> Result<Option<Delivery>, StoreError> {
        let update = Update::default()
            .only_if_present("pk")
            .only_if_absent_or_before("lease_until", number(now.as_millisecond()))
            .set("state", text(DeliveryState::Pending.as_str()))
            .set("tries", number(0))
            .set("replayed_at", number(now.as_millisecond()))
            .set("expires", number(expires(now)))
            .remove("not_before")
            .remove("dropped")
            .delivery_due(id, plus_seconds(now, GRACE_SECONDS))
            .whole();
        let key = delivery_key(subscriber, id);
        match update.apply_at(&self.client, &self.deliveries, key, "events.replay").await? {
            Applied::Done(item) => read(item).map(Some),
            Applied::Refused(_) => Ok(None),
        }
    }

    async fn step(&self, delivery: &Delivery, update: Update, operation: &'static str) -> Result<Applied, StoreError> {
        let key = delivery_key(delivery.subscriber, delivery.id);
        update.apply_at(&self.client, &self.deliveries, key, operation).await
    }
}

fn outcomes(tried: &[Outcome]) -> Result<AttributeValue, StoreError> {
    serde_dynamo::to_attribute_value(tried).map_err(unreadable)
}

/// When one that begins at `at` is forgotten, in epoch seconds.
fn expires(at: Timestamp) -> i64 {
    at.as_second() + KEPT_DAYS * 86_400
}

/// Only while the latest try is the one that was seen, and nobody has asked for another beginning since: a replay leaves the
/// count of tries in all as it is, and the count in its schedule may have been 0 before too.
fn of_this_try(seen: &Delivery) -> Update {
    Update::default()
        .only_if_equal("attempts", number(seen.attempts))
        .only_if_equal("state", text(DeliveryState::Pending.as_str()))
        .only_if_time("replayed_at", seen.replayed)
}

fn read(item: Item) -> Result<Delivery, StoreError> {
    let row: Row = serde_dynamo::from_item(item).map_err(unreadable)?;
    Ok(Delivery {
        id: row.id,
        subscriber: row.subscriber,
        kind: row.kind,
        message: row.message,
        body: row.body,
        state: row.state,
        attempts: row.attempts,
        tries: row.tries,
        not_before: row.not_before,
        lease: row.lease_until,
        due: row.due_at,
        tried: row.tried,
        dropped: row.dropped,
        created: row.created_at,
        replayed: row.replayed_at,
    })
}

#[cfg(test)]
mod tests;
