//! What a message cost, once that is known: a call is charged for the time it took, and what was not taken costs nothing.
//!
//! `cost` is what it cost, and what it was accepted at stays as `estimate`. What was counted against budgets and is to be given
//! back is `refund`, until a worker takes it from there ([`Messages::done_with`]): of several only one does.

use super::{Messages, Update};
use crate::message::{Message, Micros, Status};
use crate::store::update::Applied;
use crate::store::{StoreError, number, text};

impl Messages {
    /// Writes down what a call cost that is over: nothing more waits for it. `false`: another worker did, or something else waits
    /// for it by now.
    pub async fn charged(&self, seen: &Message, cost: Micros) -> Result<bool, StoreError> {
        let update = Update::default()
            .only_if_equal("status", text(Status::Delivered.as_str()))
            .only_if_equal("cost", number(seen.cost.get()))
            .only_if_still_due(seen)
            .set("cost", number(cost.get()))
            .set_if_absent("estimate", number(seen.cost.get()))
            .nothing_due();
        // What is recorded of somebody who was erased meanwhile waits to be deleted.
        let update = update.only_if_absent(&[if seen.erased.is_some() { "recordings" } else { "erased_at" }]);
        let id = seen.id.to_string();
        let applied = update.apply(&self.client, &self.table, ("id", &id), "messages.charged").await?;
        Ok(matches!(applied, Applied::Done(_)))
    }
}

impl Update {
    /// It was not charged for: what it was accepted at stays.
    pub(super) fn costs_nothing(self) -> Self {
        self.copy_if_absent("estimate", "cost").set("cost", number(0))
    }

    /// What it had cost is to be given back.
    pub(super) fn refunded_later(self) -> Self {
        self.copy("refund", "cost")
    }
}
