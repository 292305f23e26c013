//! Another time for a message that no worker has claimed.

use jiff::Timestamp;

use super::large::KEPT_FOR_LATER;
use super::{Messages, Update};
use crate::message::trail::MOST_ENTRIES;
use crate::message::{Message, Status, TrailEntry};
use crate::store::update::Applied;
use crate::store::{StoreError, number, text};

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rescheduled {
    Done,
    /// It is being sent, was sent, or ended.
    TooLate(Status),
    /// It was moved so often that its trail has no room left.
    TooOften,
    /// Its content is stored apart, and would not be kept until then.
    TooFar,
    NoSuchMessage,
}

impl Messages {
    /// Moves a message to `at`, earlier or later, on the condition that no worker has claimed it. Who read it before will
    /// find that its time has changed. Done twice it is as done once.
    pub async fn reschedule(
        &self,
        message: &Message,
        at: Timestamp,
        due: Timestamp,
        by: &str,
        now: Timestamp,
    ) -> Result<Rescheduled, StoreError> {
        let id = message.id;
        let movable = [Status::Accepted, Status::Scheduled, Status::Held];
        let entry = TrailEntry::ours(now, "rescheduled", Some(format!("to {at} by {by}")));
        let update = Update::default()
            .only_if_one_of("status", movable.map(|status| text(status.as_str())))
            .only_if_absent(&["unsure_since"])
            // Half of the trail stays for what happens to it.
            .only_if_size_under("trail", MOST_ENTRIES / 2)
            .status(Status::Scheduled)
            .time("rescheduled_at", at)
            .time("not_before", at)
            .due(id, due)
            .set("expires", number(self.retention.until(message.class, at).as_second()))
            .trail(&format!("rescheduled:{}", at.as_millisecond()), &entry);
        // An object is deleted so many days after it was put there, whatever becomes of its message.
        let outlasts = at < self.retention.until(message.class, message.times.created);
        let update = if outlasts { update } else { update.only_if_absent_or_begins("content_key", KEPT_FOR_LATER) };
        match self.move_on(message, None, update, "messages.reschedule", now).await? {
            Applied::Done(_) => Ok(Rescheduled::Done),
            Applied::Refused(None) => Ok(Rescheduled::NoSuchMessage),
            Applied::Refused(Some(item)) => {
                let Message { status, trail, times, .. } = self.read(item)?;
                Ok(match movable.contains(&status) && times.unsure.is_none() {
                    false => Rescheduled::TooLate(status),
                    true if trail.len() < MOST_ENTRIES / 2 => Rescheduled::TooFar,
                    true => Rescheduled::TooOften,
                })
            }
        }
    }
}
