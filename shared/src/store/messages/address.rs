//! Another address for a message that waits, because its person has another one by now.

use jiff::Timestamp;

use super::{Messages, Update};
use crate::message::cost::{estimate, units};
use crate::message::{Address, Message, TrailEntry};
use crate::store::{StoreError, number, text};

/// What the trail calls it.
const READDRESSED: &str = "readdressed";

impl Messages {
    /// Gives a message that no provider may have the address that its person has now. Answers the message as it then is; `None`: it
    /// moved on since it was read.
    pub async fn readdress(&self, seen: &Message, to: Address, now: Timestamp) -> Result<Option<Message>, StoreError> {
        let cost = estimate(seen.channel, seen.provider, &to, units(&seen.content, seen.segments));
        let mut changed = Message { to, cost, ..seen.clone() };
        changed.times.not_before = Some(now);
        let entry = TrailEntry::ours(now, READDRESSED, None);
        let update = Update::default()
            .only_if_unmoved(seen)
            // Another worker that decided about the old address finds that the message was moved.
            .time("not_before", now)
            .only_if_absent(&["unsure_since"])
            .copy_if_absent("estimate", "cost")
            .set("cost", number(cost.get()))
            .set("recipient", text(self.seal.fingerprint_to_store(&changed.to)))
            .trail(READDRESSED, &entry);
        let done = self.replace_content(seen, &changed, update).await?;
        Ok(done.then_some(changed))
    }
}
