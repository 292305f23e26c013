//! What is told of calls alone: how far one is, that it took its time, and what was recorded in it.

use jiff::Timestamp;

use super::super::row::attribute;
use super::super::{Messages, Update};
use super::{Reported, Standing};
use crate::message::record::MOST_RECORDINGS;
use crate::message::{MessageId, Status};
use crate::provider::{Event, Report};
use crate::store::update::Applied;
use crate::store::{StoreError, number, text};

impl Messages {
    /// What "the provider has it" is to a message that was sent or has ended; `None`: it was not sent yet.
    ///
    /// How far a call is that goes on is written at once: what was told later counts, whatever comes first
    /// (`SequenceNumber`, Twilio's "Monitor outbound call events").
    pub(super) async fn known(&self, id: MessageId, report: &Report) -> Result<Option<Reported>, StoreError> {
        let Some((call, sequence)) = report.call.as_ref().and_then(|call| Some((call, call.sequence?))) else {
            return Ok(self.says_nothing(id, report).await?.then_some(Reported::Repeated));
        };
        let update = Update::default()
            .only_if_equal("status", text(Status::Sent.as_str()))
            .only_if_absent_or_less(&["call", "sequence"], number(sequence))
            .set("call", attribute(call));
        Ok(match update.apply(&self.client, &self.table, ("id", &id.to_string()), "messages.progress").await? {
            Applied::Done(_) => Some(Reported::Noted),
            Applied::Refused(None) => Some(Reported::NoSuchMessage),
            Applied::Refused(Some(item)) => {
                let says_nothing =
                    |standing: Standing| standing.is_past_sending() && !standing.may_be_shown(Status::Sent);
                Standing::of(&item).is_some_and(says_nothing).then_some(Reported::Repeated)
            }
        })
    }

    /// What was recorded of somebody who has been erased meanwhile stays only until it is deleted where it is, which is due at
    /// once.
    pub(super) async fn unwanted(&self, id: MessageId, report: &Report) -> Result<Reported, StoreError> {
        let Some(recording) = &report.recording else { return Ok(Reported::Repeated) };
        let update = Update::default()
            .only_if_present("erased_at")
            .append("recordings", attribute(recording), MOST_RECORDINGS)
            .due(id, report.at);
        match self.apply_report(id, report, update).await? {
            Applied::Done(_) => Ok(Reported::Noted),
            Applied::Refused(None) => Ok(Reported::NoSuchMessage),
            Applied::Refused(Some(_)) => Ok(Reported::Repeated),
        }
    }

    /// What was recorded of somebody who was erased is still to be deleted, though its message has ended.
    pub(super) async fn still_unwanted(&self, id: MessageId, at: Timestamp) -> Result<(), StoreError> {
        let update = Update::default().only_if_present("erased_at").only_if_present("recordings").due(id, at);
        update.apply(&self.client, &self.table, ("id", &id.to_string()), "messages.unwanted").await?;
        Ok(())
    }
}

impl Update {
    /// What only calls tell: that something was recorded in one, or that one to us is over.
    pub(super) fn about_call(self, report: &Report) -> Self {
        match (&report.recording, &report.call) {
            (Some(recording), _) => {
                self.only_if_absent(&["erased_at"]).append("recordings", attribute(recording), MOST_RECORDINGS)
            }
            (None, Some(call)) if report.event == Event::Ended => {
                self.set("call", attribute(call)).time("ended_at", report.at)
            }
            (None, Some(_) | None) => self,
        }
    }
}
