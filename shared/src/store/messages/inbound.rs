//! That somebody's text was attended to.

use super::row::attribute;
use super::{Messages, Update};
use crate::message::{Message, Status, TrailEntry};
use crate::person::PersonId;
use crate::store::update::Applied;
use crate::store::{StoreError, text};

impl Messages {
    /// Puts a text down to its writer, where they are known, and notes what came of it: nothing more waits for it. `false`:
    /// another worker did, or it was erased meanwhile.
    pub async fn attended(
        &self,
        seen: &Message,
        writer: Option<&PersonId>,
        trail: &[TrailEntry],
    ) -> Result<bool, StoreError> {
        let update = Update::default()
            .only_if_equal("status", text(Status::Received.as_str()))
            .only_if_present("due_at")
            .only_if_absent(&["erased_at"])
            .nothing_due();
        let update = match writer {
            Some(writer) => update.set("person", attribute(writer)).set("person_key", text(writer.as_str())),
            None => update,
        };
        let update = trail.iter().fold(update, |update, entry| update.trail(&entry.event, entry));
        let applied =
            update.apply(&self.client, &self.table, ("id", &seen.id.to_string()), "messages.attended").await?;
        Ok(matches!(applied, Applied::Done(_)))
    }
}
