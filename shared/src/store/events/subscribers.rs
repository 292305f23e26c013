//! Subscribers: a handful of rows in one partition, so that all of them are one query. Every change is one transaction
//! with the entry of the ledger that tells of it.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::ledger::Committed;
use super::super::update::Update;
use super::super::{Item, StoreError, number, text, unavailable};
use super::{Events, unreadable};
use crate::event::{Disabled, EventType, Failing, Secrets, Subscriber, SubscriberId, Target};
use crate::ledger::{Event, Record};

const PARTITION: &str = "webhooks";

/// Whether a change was made, or things were not what it says they must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    Done,
    Refused,
}

#[derive(Serialize, Deserialize)]
struct Row {
    pk: String,
    sk: SubscriberId,
    maker: String,
    url: String,
    wants: BTreeSet<EventType>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    disabled: Option<Disabled>,
    #[serde(default, with = "crate::clock::millis::option", skip_serializing_if = "Option::is_none")]
    disabled_at: Option<Timestamp>,
    /// The secrets.
    sealed: String,
    #[serde(default, with = "crate::clock::millis::option", skip_serializing_if = "Option::is_none")]
    failing_since: Option<Timestamp>,
    /// How many failures since are counted; absent is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failures: Option<u32>,
    /// The latest that is counted; absent is the first.
    #[serde(default, with = "crate::clock::millis::option", skip_serializing_if = "Option::is_none")]
    failed_at: Option<Timestamp>,
    #[serde(default, with = "crate::clock::millis::option", skip_serializing_if = "Option::is_none")]
    took_at: Option<Timestamp>,
    #[serde(default, with = "crate::clock::millis::option", skip_serializing_if = "Option::is_none")]
    held_until: Option<Timestamp>,
    #[serde(default, with = "crate::clock::millis::option", skip_serializing_if = "Option::is_none")]
    apart_until: Option<Timestamp>,
    #[serde(with = "crate::clock::millis")]
    created_at: Timestamp,
    #[serde(with = "crate::clock::millis")]
    updated_at: Timestamp,
}

pub(super) fn key(id: SubscriberId) -> Item {
    Item::from([("pk".to_owned(), text(PARTITION)), ("sk".to_owned(), text(id.to_string()))])
}

/// The subject of a subscriber's entries in the ledger.
fn subject(id: SubscriberId) -> String {
    format!("webhook#{id}")
}

/// What the secrets are sealed for.
fn seal_name(id: SubscriberId) -> String {
    format!("webhooks/{id}")
}

/// What an administrator says of a subscriber, as an entry tells it: the host, and not the path, which may hold a token.
fn told(name: &'static str, subscriber: &Subscriber) -> Event {
    let wants: Vec<&str> = subscriber.wants.iter().map(|kind| kind.as_str()).collect();
    let state = subscriber.disabled.map_or("enabled", |(why, _)| why.as_str());
    Event::new(name).with("host", subscriber.target.host()).with("events", wants).with("state", state)
}

impl Events {
    /// All subscribers, as of now, the oldest first.
    pub async fn subscribers(&self) -> Result<Vec<Subscriber>, StoreError> {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let query = self
                .client
                .query()
                .table_name(&self.catalog)
                .key_condition_expression("pk = :p")
                .expression_attribute_values(":p", text(PARTITION))
                .consistent_read(true)
                .set_exclusive_start_key(after);
            let answer = query.send().await.map_err(unavailable("events.subscribers"))?;
            for item in answer.items.unwrap_or_default() {
                found.push(self.read_subscriber(item)?);
            }
            after = answer.last_evaluated_key;
            if after.is_none() {
                return Ok(found);
            }
        }
    }

    /// One subscriber, as of now.
    pub async fn subscriber(&self, id: SubscriberId) -> Result<Option<Subscriber>, StoreError> {
        let get = self.client.get_item().table_name(&self.catalog).set_key(Some(key(id))).consistent_read(true);
        let answer = get.send().await.map_err(unavailable("events.subscriber"))?;
        answer.item.map(|item| self.read_subscriber(item)).transpose()
    }

    /// Registers a subscriber.
    pub async fn add_subscriber(&self, subscriber: &Subscriber, caller: &str) -> Result<Changed, StoreError> {
        let row = Row {
            pk: PARTITION.to_owned(),
            sk: subscriber.id,
            maker: subscriber.maker.clone(),
            url: subscriber.target.as_str().to_owned(),
            wants: subscriber.wants.clone(),
            description: subscriber.description.clone(),
            disabled: subscriber.disabled.map(|(why, _)| why),
            disabled_at: subscriber.disabled.map(|(_, at)| at),
            sealed: self.seal_secrets(subscriber.id, &subscriber.secrets)?,
            failing_since: subscriber.failing.map(|failing| failing.since),
            failures: subscriber.failing.map(|failing| failing.times),
            failed_at: subscriber.failing.map(|failing| failing.last),
            took_at: subscriber.took,
            held_until: subscriber.held_until,
            apart_until: subscriber.apart_until,
            created_at: subscriber.created,
            updated_at: subscriber.updated,
        };
        let put =
            Put::builder().table_name(&self.catalog).set_item(Some(serde_dynamo::to_item(row).map_err(unreadable)?));
        let put = put.condition_expression("attribute_not_exists(pk)").build().map_err(unreadable)?;
        let write = TransactWriteItem::builder().put(put).build();
        self.change(subscriber.id, write, told("registered", subscriber), caller, subscriber.updated).await
    }

    /// Replaces what an administrator says of it. One that is enabled begins anew: its failures are forgotten.
    pub async fn change_subscriber(&self, subscriber: &Subscriber, caller: &str) -> Result<Changed, StoreError> {
        let update = Update::default()
            .only_if_present("pk")
            .set("url", text(subscriber.target.as_str()))
            .set("wants", serde_dynamo::to_attribute_value(&subscriber.wants).map_err(unreadable)?)
            .remove("apart_until")
            .set("updated_at", number(subscriber.updated.as_millisecond()));
        let update = match &subscriber.description {
            Some(description) => update.set("description", text(description)),
            None => update.remove("description"),
        };
        let update = match subscriber.disabled {
            Some((why, at)) => {
                update.set("disabled", text(why.as_str())).set("disabled_at", number(at.as_millisecond()))
            }
            None => update.remove("disabled").remove("disabled_at").forget_failures(),
        };
        let write = update.in_transaction(&self.catalog, key(subscriber.id)).map_err(unreadable)?;
        self.change(subscriber.id, write, told("changed", subscriber), caller, subscriber.updated).await
    }

    /// Puts other secrets in place of those that were read. Refused: somebody else did meanwhile.
    pub async fn replace_secrets(
        &self,
        seen: &Subscriber,
        secrets: &Secrets,
        caller: &str,
        now: Timestamp,
    ) -> Result<Changed, StoreError> {
        let Some(row) = self.row(seen.id).await? else { return Ok(Changed::Refused) };
        if self.open_secrets(seen.id, &row.sealed)? != seen.secrets {
            return Ok(Changed::Refused);
        }
        let update = Update::default()
            .only_if_equal("sealed", text(row.sealed))
            .set("sealed", text(self.seal_secrets(seen.id, secrets)?))
            .set("updated_at", number(now.as_millisecond()));
        let write = update.in_transaction(&self.catalog, key(seen.id)).map_err(unreadable)?;
        self.change(seen.id, write, Event::new("secret_rotated"), caller, now).await
    }

    /// Takes a subscriber away. What is on its way to it ends with its next try.
    pub async fn remove_subscriber(
        &self,
        id: SubscriberId,
        caller: &str,
        now: Timestamp,
    ) -> Result<Changed, StoreError> {
        let delete = Delete::builder().table_name(&self.catalog).set_key(Some(key(id)));
        let delete = delete.condition_expression("attribute_exists(pk)").build().map_err(unreadable)?;
        let write = TransactWriteItem::builder().delete(delete).build();
        self.change(id, write, Event::new("removed"), caller, now).await
    }

    /// Disables one that failed for too long (still, and since the same time) or is gone. Of several that see it, one does it.
    pub async fn disable(&self, seen: &Subscriber, why: Disabled, now: Timestamp) -> Result<Changed, StoreError> {
        let update = Update::default()
            .only_if_present("pk")
            .only_if_absent(&["disabled"])
            .set("disabled", text(why.as_str()))
            .set("disabled_at", number(now.as_millisecond()));
        let update = match (why, seen.failing) {
            (Disabled::Failing, Some(failing)) => {
                update.only_if_equal("failing_since", number(failing.since.as_millisecond()))
            }
            (Disabled::Failing | Disabled::Gone | Disabled::Administrator, _) => {
                // Another URL than the one that answered is not gone.
                update.only_if_equal("url", text(seen.target.as_str()))
            }
        };
        let write = update.in_transaction(&self.catalog, key(seen.id)).map_err(unreadable)?;
        let event = Event::new("disabled").with("because", why.as_str());
        self.change(seen.id, write, event, "switchboard", now).await
    }

    async fn change(
        &self,
        id: SubscriberId,
        write: TransactWriteItem,
        event: Event,
        caller: &str,
        at: Timestamp,
    ) -> Result<Changed, StoreError> {
        let record = Record { caller, at, events: &[event] };
        Ok(match self.ledger.commit(&subject(id), &record, &[write]).await? {
            Committed::Done => Changed::Done,
            Committed::Refused => Changed::Refused,
        })
    }

    async fn row(&self, id: SubscriberId) -> Result<Option<Row>, StoreError> {
        let get = self.client.get_item().table_name(&self.catalog).set_key(Some(key(id))).consistent_read(true);
        let answer = get.send().await.map_err(unavailable("events.subscriber"))?;
        answer.item.map(serde_dynamo::from_item).transpose().map_err(unreadable)
    }

    fn read_subscriber(&self, item: Item) -> Result<Subscriber, StoreError> {
        let row: Row = serde_dynamo::from_item(item).map_err(unreadable)?;
        Ok(Subscriber {
            id: row.sk,
            maker: row.maker,
            target: Target::stored(&row.url).ok_or_else(|| unreadable("a URL that is none"))?,
            wants: row.wants,
            description: row.description,
            disabled: row.disabled.map(|why| (why, row.disabled_at.unwrap_or(row.updated_at))),
            secrets: self.open_secrets(row.sk, &row.sealed)?,
            failing: row.failing_since.map(|since| Failing {
                since,
                times: row.failures.unwrap_or(1),
                last: row.failed_at.unwrap_or(since),
            }),
            took: row.took_at,
            held_until: row.held_until,
            apart_until: row.apart_until,
            created: row.created_at,
            updated: row.updated_at,
        })
    }

    fn seal_secrets(&self, id: SubscriberId, secrets: &Secrets) -> Result<String, StoreError> {
        let plain = serde_json::to_vec(secrets).map_err(|_| unreadable("secrets that cannot be written"))?;
        Ok(self.seal.seal(&seal_name(id), &plain)?)
    }

    /// The parser's text is not kept: it may quote a secret.
    fn open_secrets(&self, id: SubscriberId, sealed: &str) -> Result<Secrets, StoreError> {
        let plain = self.seal.open(&seal_name(id), sealed)?;
        serde_json::from_slice(&plain).map_err(|_| unreadable("unknown secrets"))
    }
}
