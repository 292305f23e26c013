//! Another time for a message that no worker has claimed.

use jiff::Timestamp;

use super::{Messages, Update};
use crate::message::trail::MOST_ENTRIES;
use crate::message::{Message, MessageId, Status, TrailEntry};
use crate::store::update::Applied;
use crate::store::{StoreError, text};

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rescheduled {
    Done,
    /// It is being sent, was sent, or ended.
    TooLate(Status),
    /// It was moved so often that its trail has no room left.
    TooOften,
    NoSuchMessage,
}

impl Messages {
    /// Moves a message to `at`, earlier or later, on the condition that no worker has claimed it. Who read it before will
    /// find that its time has changed. Done twice it is as done once.
    pub async fn reschedule(
        &self,
        id: MessageId,
        at: Timestamp,
        due: Timestamp,
        by: &str,
        now: Timestamp,
    ) -> Result<Rescheduled, StoreError> {
        let movable = [Status::Accepted, Status::Scheduled, Status::Held];
        let entry = TrailEntry::ours(now, "rescheduled", Some(format!("to {at} by {by}")));
        let update = Update::default()
            .only_if_one_of("status", movable.map(|status| text(status.as_str())))
            // Half of the trail stays for what happens to it.
            .only_if_size_under("trail", MOST_ENTRIES / 2)
            .status(Status::Scheduled)
            .time("rescheduled_at", at)
            .time("not_before", at)
            .due(id, due)
            .trail(&format!("rescheduled:{}", at.as_millisecond()), &entry);
        match update.apply(&self.client, &self.table, ("id", &id.to_string()), "messages.reschedule").await? {
            Applied::Done(_) => Ok(Rescheduled::Done),
            Applied::Refused(None) => Ok(Rescheduled::NoSuchMessage),
            Applied::Refused(Some(item)) => {
                let Message { status, .. } = self.read(item)?;
                Ok(if movable.contains(&status) { Rescheduled::TooOften } else { Rescheduled::TooLate(status) })
            }
        }
    }
}
