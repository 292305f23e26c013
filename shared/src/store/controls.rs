//! What administrators control of callers: switches that stop one or all of them, on some channels or all, and the daily
//! cap. The switches and caps of one's own stand in the Catalog table, what was counted in Ephemera.
//!
//! A cap is hard: a process takes a block of it before it accepts messages, so what is accepted never passes it. What a
//! process took and did not use is lost for the day; a block is a thousandth of the cap, at most 50.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::budgets::ALL;
use super::update::{Applied, Update};
use super::{Item, StoreError, text, unavailable};
use crate::config::{Invalid, optional};
use crate::message::Channel;
use crate::message::budget::{Budget, Period};

/// Why nothing of a caller is sent, and why nothing is sent on a channel.
pub const CALLER_STOPPED: &str = "caller_stopped";
pub const CHANNEL_STOPPED: &str = "channel_stopped";
/// Why nothing more is accepted from a caller today.
pub const CALLER_DAILY_CAP: &str = "caller_daily_cap";

/// How long what was read is believed, in milliseconds.
const FRESH_MS: i64 = 3_000;
/// How many callers are remembered; beyond that it begins anew.
const MOST: usize = 1_000;
/// The largest block of a cap that a process takes at once.
pub const LARGEST_BLOCK: u64 = 50;
/// How long counts are kept after their day, in seconds.
const KEPT_SECONDS: i64 = 2 * 86_400;

pub(super) const SWITCHES: &str = "switches";
const BUDGETS: &str = "budgets";

/// A kill switch: of one caller, or of all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switch {
    pub stopped: bool,
    /// The channels that are stopped; none is named: all of them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub channels: BTreeSet<Channel>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Switch {
    /// Returns why a message on this channel is stopped, if it is.
    fn stops(&self, channel: Channel) -> Option<&'static str> {
        match (self.stopped, self.channels.is_empty()) {
            (false, _) => None,
            (true, true) => Some(CALLER_STOPPED),
            (true, false) => self.channels.contains(&channel).then_some(CHANNEL_STOPPED),
        }
    }
}

/// What is known of a caller.
#[derive(Clone, Debug)]
struct Known {
    own: Switch,
    all: Switch,
    /// Messages a day; none: without limit.
    cap: Option<u64>,
    at: Timestamp,
}

/// What a process may still accept of a caller today.
#[derive(Clone, Debug, Default)]
struct Block {
    day: String,
    left: u64,
}

#[derive(Debug, Default)]
struct Memory {
    known: HashMap<String, Known>,
    blocks: HashMap<String, Block>,
}

/// The controls.
#[derive(Clone, Debug)]
pub struct Controls {
    client: Client,
    catalog: String,
    ephemera: String,
    /// The cap of callers that have none of their own; 0: none.
    default_cap: u64,
    memory: Arc<Mutex<Memory>>,
}

fn unreadable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unreadable { table: "controls", cause: error.to_string() }
}

fn accepted(item: &Item) -> Option<u64> {
    item.get("accepted")?.as_n().ok()?.parse().ok()
}

fn count_key(caller: &str, day: &str) -> String {
    format!("accepted#{caller}#{day}")
}

impl Controls {
    pub fn new(client: Client, catalog: String, ephemera: String, default_cap: u64) -> Self {
        Self { client, catalog, ephemera, default_cap, memory: Arc::default() }
    }

    /// Reads `CALLER_DAILY_CAP`: messages a day and caller; 0: no cap.
    pub fn cap_from_env() -> Result<u64, Invalid> {
        optional("CALLER_DAILY_CAP", "100000").parse().map_err(|_| Invalid("CALLER_DAILY_CAP"))
    }

    /// A switch, as it is now.
    pub async fn switch(&self, scope: &str) -> Result<Switch, StoreError> {
        let item = self.row(SWITCHES, scope).await?;
        Ok(item.map(serde_dynamo::from_item).transpose().map_err(unreadable)?.unwrap_or_default())
    }

    /// Returns why a caller's messages on a channel are stopped, if they are. A change is seen within seconds.
    pub async fn stopped(
        &self,
        caller: &str,
        channel: Channel,
        now: Timestamp,
    ) -> Result<Option<&'static str>, StoreError> {
        let known = self.known(caller, now).await?;
        // Of everybody's switch only the channel is meant, unless it stops all of them.
        Ok(known.own.stops(channel).or_else(|| known.all.stops(channel)))
    }

    /// Makes room for up to `wanted` messages of a caller today, and returns for how many there is.
    pub async fn room(&self, caller: &str, wanted: u64, now: Timestamp) -> Result<u64, StoreError> {
        let Some(cap) = self.known(caller, now).await?.cap else { return Ok(wanted) };
        let day = Period::Day.name(now);
        let left = self.left(caller, &day);
        if left >= wanted {
            return Ok(wanted);
        }
        let block = (cap / 1_000).clamp(1, LARGEST_BLOCK).max(wanted - left);
        let by = i64::try_from(block).unwrap_or(i64::MAX);
        let update =
            Update::default().add("accepted", by).set("expires", super::number(now.as_second() + KEPT_SECONDS));
        let key = count_key(caller, &day);
        let total = match update.apply(&self.client, &self.ephemera, ("key", &key), "controls.room").await? {
            Applied::Done(item) => accepted(&item),
            Applied::Refused(_) => return Err(StoreError::Contended { operation: "controls.room" }),
        };
        let before = total.unwrap_or(u64::MAX).saturating_sub(block);
        let granted = cap.saturating_sub(before).min(block);
        self.give(caller, &day, granted);
        Ok(self.left(caller, &day).min(wanted))
    }

    /// Whether a caller has had its messages for today.
    pub async fn is_used_up(&self, caller: &str, now: Timestamp) -> Result<bool, StoreError> {
        let Some(cap) = self.known(caller, now).await?.cap else { return Ok(false) };
        let key = count_key(caller, &Period::Day.name(now));
        let get = self.client.get_item().table_name(&self.ephemera).key("key", text(key));
        let item = get.send().await.map_err(unavailable("controls.used"))?.item;
        Ok(item.as_ref().and_then(accepted).unwrap_or(0) >= cap)
    }

    /// Counts messages of a caller. `false`: there is no room for all of them today, and none was counted.
    pub async fn take(&self, caller: &str, messages: u64, now: Timestamp) -> Result<bool, StoreError> {
        if self.known(caller, now).await?.cap.is_none() {
            return Ok(true);
        }
        self.room(caller, messages, now).await?;
        let day = Period::Day.name(now);
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let block = memory.blocks.get_mut(caller).filter(|block| block.day == day && block.left >= messages);
        Ok(block.map(|block| block.left -= messages).is_some())
    }

    /// Gives back what was counted for messages that were not accepted after all. Of a caller without a cap nothing was counted.
    pub fn give_back(&self, caller: &str, messages: u64, now: Timestamp) {
        let is_counted = {
            let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
            memory.known.get(caller).is_some_and(|known| known.cap.is_some())
        };
        if is_counted {
            self.give(caller, &Period::Day.name(now), messages);
        }
    }

    fn left(&self, caller: &str, day: &str) -> u64 {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.blocks.get(caller).filter(|block| block.day == day).map_or(0, |block| block.left)
    }

    fn give(&self, caller: &str, day: &str, messages: u64) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.blocks.len() >= MOST {
            memory.blocks.clear();
        }
        let block = memory.blocks.entry(caller.to_owned()).or_default();
        if block.day != day {
            *block = Block { day: day.to_owned(), left: 0 };
        }
        block.left += messages;
    }

    async fn known(&self, caller: &str, now: Timestamp) -> Result<Known, StoreError> {
        let fresh = |known: &Known| now.as_millisecond() - known.at.as_millisecond() < FRESH_MS;
        {
            let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = memory.known.get(caller).filter(|known| fresh(known)) {
                return Ok(known.clone());
            }
        }
        let (own, all, budget) = futures::try_join!(self.switch(caller), self.switch(ALL), self.row(BUDGETS, caller))?;
        let budget: Option<Budget> = budget.map(serde_dynamo::from_item).transpose().map_err(unreadable)?;
        let cap = budget.and_then(|budget| budget.messages_daily).unwrap_or(self.default_cap);
        let known = Known { own, all, cap: (cap > 0).then_some(cap), at: now };
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.known.len() >= MOST {
            memory.known.clear();
        }
        memory.known.insert(caller.to_owned(), known.clone());
        Ok(known)
    }

    async fn row(&self, partition: &str, scope: &str) -> Result<Option<Item>, StoreError> {
        let get = self.client.get_item().table_name(&self.catalog).key("pk", text(partition)).key("sk", text(scope));
        Ok(get.send().await.map_err(unavailable("controls.get"))?.item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The attack: repeat a request while there is no cap, and have its messages given back once there is one.
    #[tokio::test]
    async fn repeated_requests_without_a_cap_are_no_credit_against_a_later_one() {
        use crate::clock::{Clock, from_millis};
        use crate::provider::stub::{Stub, reply};
        use serde_json::json;

        let none = || reply(200, json!({}));
        let capped = || reply(200, json!({"Item": {"messages_daily": {"N": "1"}}}));
        let total = |count: u64| reply(200, json!({"Attributes": {"accepted": {"N": count.to_string()}}}));
        let without = vec![none(), none(), none()];
        let with = vec![none(), none(), capped(), total(1), total(2)];
        let table = Stub::new(without.into_iter().chain(with)).await;
        let road = crate::testing::road_on(&table.base_url, Clock::fixed(from_millis(0))).unwrap();
        let controls = road.controls;
        for _ in 0..5 {
            assert!(controls.take("a", 1, from_millis(0)).await.unwrap());
            controls.give_back("a", 1, from_millis(0));
        }
        let later = from_millis(FRESH_MS);
        assert!(controls.take("a", 1, later).await.unwrap());
        assert!(!controls.take("a", 1, later).await.unwrap(), "the cap is one message");
    }

    #[test]
    fn switch_stops_what_it_names() {
        let switch =
            |channels: &[Channel]| Switch { stopped: true, channels: channels.iter().copied().collect(), reason: None };
        assert_eq!(switch(&[]).stops(Channel::Email), Some(CALLER_STOPPED));
        assert_eq!(switch(&[Channel::Sms]).stops(Channel::Sms), Some(CHANNEL_STOPPED));
        assert_eq!(switch(&[Channel::Sms]).stops(Channel::Email), None);
        assert_eq!(Switch { stopped: false, ..switch(&[]) }.stops(Channel::Sms), None);
    }
}
