//! The Messages table: every communication. Its row is its own idempotency record, its own callback dedup record, and
//! its own story.
//!
//! [`row`]: a message's stored form · [`compact`]: its parts, in little room · [`large`]: content too large for a row · [`accept`]: making and reading messages · [`progress`]: the steps of the worker ·
//! [`reschedule`]: another time · [`report`]: what providers say · [`engagement`]: what people did · [`charge`]: what a call cost ·
//! [`sweep`]: what is due · [`lists`]: whose messages there are · [`threads`]: conversations · [`inbound`]: what people write to us ·
//! [`waiting`]: how many of a job are held · [`mentions`]: who else an e-mail goes to · [`erase`]: what is left of a message whose recipient wants to be forgotten ·
//! [`beside`]: what else goes to a recipient · [`change`]: what the table's stream says.

mod accept;
mod address;
mod beside;
pub mod change;
mod charge;
mod compact;
mod engagement;
mod erase;
mod inbound;
mod large;
mod lists;
mod mentions;
mod progress;
mod report;
mod reschedule;
mod row;
mod sweep;
mod threads;
mod waiting;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;

pub use accept::{Created, Stored};
pub use beside::Beside;
pub use engagement::{Acted, action_name};
pub use erase::Erased;
pub use lists::{Found, Listed, Place};
pub use mentions::{Forgotten, Mention};
pub use progress::{Costs, Look, Settled, Then, Untaken};
pub use report::{LAST_REPORT, Reported};
pub use reschedule::Rescheduled;
pub use sweep::{Agenda, Due, SHARDS};
pub use threads::{List, Mark};

use super::files::Shelf;
use super::update::Update;
use super::{number, text};
use crate::clock::plus_seconds;
use crate::message::{Message, MessageId, Retention, Status, TrailEntry};
use crate::seal::Seal;

/// The table.
#[derive(Clone, Debug)]
pub struct Messages {
    client: Client,
    table: String,
    seal: Arc<Seal>,
    retention: Retention,
    /// Where large content is, for the functions that make or open messages.
    shelf: Option<Arc<dyn Shelf>>,
}

/// When a provider is asked, unbidden, what became of a message it took and never reported on.
const FIRST_ASK_SECONDS: i64 = 300;

impl Messages {
    pub fn new(client: Client, table: String, seal: Arc<Seal>) -> Self {
        Self { client, table, seal, retention: Retention::default(), shelf: None }
    }

    /// The same, with messages kept for so many days.
    #[must_use]
    pub fn keeping(self, retention: Retention) -> Self {
        Self { retention, ..self }
    }

    /// The same, able to keep and open content that is too large for a row.
    #[must_use]
    pub fn with_shelf(self, shelf: Arc<dyn Shelf>) -> Self {
        Self { shelf: Some(shelf), ..self }
    }
}

/// A row's place in the index of what is due: one of a few partitions, so that no one takes every write.
fn shard(id: MessageId) -> String {
    id.spread(SHARDS).to_string()
}

impl Update {
    fn status(self, to: Status) -> Self {
        self.set("status", text(to.as_str())).remove("looks")
    }

    /// Only if its time is still the one that was read: a message that was put off meanwhile must not go.
    fn only_if_unmoved(self, seen: &Message) -> Self {
        self.only_if_time("not_before", seen.times.not_before)
    }

    /// Only if what was read is still when it is due: nothing else that waits for it came meanwhile.
    fn only_if_still_due(self, seen: &Message) -> Self {
        self.only_if_time("due_at", seen.times.due)
    }

    fn due(self, id: MessageId, at: Timestamp) -> Self {
        self.set("due_shard", text(shard(id))).set("due_at", number(at.as_millisecond()))
    }

    fn nothing_due(self) -> Self {
        self.remove("due_shard").remove("due_at").remove("lease_until")
    }

    fn time(self, name: &str, at: Timestamp) -> Self {
        self.set(name, number(at.as_millisecond()))
    }

    fn time_if_absent(self, name: &str, at: Timestamp) -> Self {
        self.set_if_absent(name, number(at.as_millisecond()))
    }

    fn trail(self, key: &str, entry: &TrailEntry) -> Self {
        self.set_in(&["trail", key], compact::entry_attribute(entry))
    }

    /// Only from a state that may become `to`.
    fn forward_to(self, to: Status) -> Self {
        self.only_if_one_of("status", to.allowed_from().into_iter().map(|status| text(status.as_str()))).status(to)
    }
}

/// When the provider of a message that was sent at `sent` is first asked what became of it.
pub fn first_ask(sent: Timestamp) -> Timestamp {
    plus_seconds(sent, FIRST_ASK_SECONDS)
}
