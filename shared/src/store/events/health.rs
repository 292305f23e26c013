//! How a subscriber fares, in its row. Nobody but workers writes this, and no entry of the ledger tells of it: what comes of
//! it, that one is disabled, does.

use jiff::Timestamp;

use super::super::update::{Applied, Update};
use super::super::{Item, StoreError, number};
use super::Events;
use super::subscribers::key;
use crate::clock::{from_millis, plus_seconds};
use crate::event::health::APART_SECONDS;
use crate::event::{Subscriber, SubscriberId};

/// Who may try something with a subscriber that takes too little.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Whoever asked, once.
    Mine,
    /// Nobody before this: somebody else asked first.
    Until(Timestamp),
    /// Everybody: it took something meanwhile.
    ByNobody,
}

impl Update {
    /// Without what is kept of failures.
    pub(super) fn forget_failures(self) -> Self {
        self.remove("failing_since").remove("failures").remove("failed_at").remove("held_until")
    }
}

impl Events {
    /// It failed at `now`. Of several workers that see it in one hour, one counts it.
    pub async fn failed(&self, seen: &Subscriber, now: Timestamp) -> Result<(), StoreError> {
        let Some(failing) = seen.failed(now) else { return Ok(()) };
        let update = Update::default()
            .only_if_present("pk")
            .only_if_absent_or_before("failed_at", number(plus_seconds(now, 1 - APART_SECONDS).as_millisecond()))
            .set("failures", number(failing.times))
            .set("failed_at", number(failing.last.as_millisecond()));
        let since = number(failing.since.as_millisecond());
        let update = match seen.failing {
            // It took something meanwhile: that nothing but failures came back is no longer true.
            Some(_) => update.only_if_equal("failing_since", since),
            None => update.only_if_absent(&["failing_since"]).set("failing_since", since),
        };
        self.note(seen.id, update, "events.failed").await
    }

    /// It took something: the failures before it are forgotten, and nothing waits for it any more.
    pub async fn took(&self, id: SubscriberId, now: Timestamp) -> Result<(), StoreError> {
        let update =
            Update::default().only_if_present("pk").set("took_at", number(now.as_millisecond())).forget_failures();
        self.note(id, update, "events.took").await
    }

    /// Has everybody wait until `until` before something is tried again, but whoever this is answered [`Held::Mine`].
    pub async fn hold(&self, id: SubscriberId, now: Timestamp, until: Timestamp) -> Result<Held, StoreError> {
        let update = Update::default()
            .only_if_present("failing_since")
            .only_if_absent_or_before("held_until", number(now.as_millisecond()))
            .set("held_until", number(until.as_millisecond()));
        match update.apply_at(&self.client, &self.catalog, key(id), "events.hold").await? {
            Applied::Done(_) => Ok(Held::Mine),
            Applied::Refused(row) => Ok(row.as_ref().and_then(until_when).map_or(Held::ByNobody, Held::Until)),
        }
    }

    /// Has it told its events apart from the others until `until`. Of many slow answers one in half that time is written down; `true`: this one.
    pub async fn put_apart(&self, id: SubscriberId, now: Timestamp, until: Timestamp) -> Result<bool, StoreError> {
        let soon = from_millis((now.as_millisecond() + until.as_millisecond()) / 2);
        let update = Update::default()
            .only_if_present("pk")
            .only_if_absent_or_before("apart_until", number(soon.as_millisecond()))
            .set("apart_until", number(until.as_millisecond()));
        match update.apply_at(&self.client, &self.catalog, key(id), "events.put_apart").await? {
            Applied::Done(_) => Ok(true),
            Applied::Refused(_) => Ok(false),
        }
    }

    async fn note(&self, id: SubscriberId, update: Update, operation: &'static str) -> Result<(), StoreError> {
        match update.apply_at(&self.client, &self.catalog, key(id), operation).await? {
            Applied::Done(_) | Applied::Refused(_) => Ok(()),
        }
    }
}

fn until_when(row: &Item) -> Option<Timestamp> {
    row.get("held_until")?.as_n().ok()?.parse().ok().map(from_millis)
}
