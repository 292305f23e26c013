//! What is left of a message whose recipient wants to be forgotten: that there was one, what it cost, and how it ended. Gone are
//! its addresses and words (the row's and the bucket's), the code it carried, whom it was for, and every fingerprint and hash
//! that leads there. The row itself stays: it is the record that the request was answered, so nothing is sent again.

use jiff::Timestamp;

use super::large::content_key;
use super::row::{attribute, unreadable};
use super::{LAST_REPORT, Messages, Update};
use crate::message::record::{ERASED, Recording};
use crate::message::{Message, MessageId, Status, TrailEntry};
use crate::otp::Purpose;
use crate::privacy::erasure::{Erasable, ErasureCounts};
use crate::store::privacy::Tally;
use crate::store::privacy::tally::Taken;
use crate::store::update::Applied;
use crate::store::{Item, StoreError, number, text};

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Erased {
    Done,
    /// These recordings of it are still with its provider: they are to be deleted there first.
    Recorded(Vec<String>),
    /// It was erased before, or has expired.
    Before,
    /// It is somebody else's; or another caller is about to send it, and nobody who may stop it asked for that.
    Others,
    /// A worker is calling the provider with it; look again then.
    Later(Timestamp),
}

/// How often a message is read anew because it moved on meanwhile.
const TRIES: usize = 8;

impl Messages {
    /// Erases a message, if it may be touched. With it comes what its one-time code was for, if it
    /// carried one: the address's fingerprint and the purpose. `deleted`: the recordings that are with the provider no more;
    /// `before` takes away what else leads there, while the row still tells what.
    pub async fn erase(
        &self,
        id: MessageId,
        erasable: &Erasable<'_>,
        deleted: &[String],
        tally: &Tally,
        now: Timestamp,
        before: impl AsyncFn(&Message) -> Result<(), StoreError>,
    ) -> Result<(Erased, Option<(String, Purpose)>), StoreError> {
        for _ in 0..TRIES {
            let Some(item) = self.item(id).await? else { return Ok((Erased::Before, None)) };
            if item.contains_key("erased_at") {
                return Ok((Erased::Before, None));
            }
            let message = self.read(item.clone())?;
            let names = message.person.as_ref();
            let is_waiting = ended(&message, now).1 > 0 || message.status == Status::Uncertain;
            if !erasable.covers(names, message.times.created) || erasable.spares(names, &message.caller, is_waiting) {
                return Ok((Erased::Others, None));
            }
            let lease = message.times.lease.filter(|lease| message.status == Status::Sending && *lease > now);
            if let Some(lease) = lease {
                return Ok((Erased::Later(lease), None));
            }
            let recorded = message.recordings.iter().map(|recording| recording.id.clone());
            let left: Vec<String> = recorded.filter(|id| !deleted.contains(id)).collect();
            if !left.is_empty() {
                return Ok((Erased::Recorded(left), None));
            }
            // The object first: a row that still names it is found again, an object that no row names is not.
            self.remove_content(&item).await?;
            before(&message).await?;
            let address = item.get("recipient").and_then(|recipient| recipient.as_s().ok()).cloned();
            let code = address.zip(message.code.as_ref().map(|code| code.purpose.clone()));
            let (update, cancelled) = ended(&message, now);
            let update = update
                .only_if_equal("status", text(message.status.as_str()))
                .only_if_equal("attempts", number(message.attempts))
                .only_with_recordings(&message.recordings)
                .only_with_content(content_key(&item));
            let (update, counted) = Self::uncounted(&message, &item, scrubbed(update).time("erased_at", now));
            let key = Item::from([("id".to_owned(), text(id.to_string()))]);
            let mut writes = vec![update.in_transaction(&self.table, key).map_err(unreadable)?];
            if let Some((key, count)) = counted {
                writes.push(count.in_transaction(&self.table, key).map_err(unreadable)?);
            }
            let counts = ErasureCounts { messages: 1, cancelled, ..ErasureCounts::default() };
            match tally.take_all(writes, counts).await? {
                Taken::Yes => return Ok((Erased::Done, code)),
                Taken::Changed => {}
            }
        }
        Ok((Erased::Later(now), None))
    }

    /// What was recorded of an erased message is deleted at its provider: nothing of it is left, and nothing of an ended
    /// message is due, but for what it cost. `false`: something else was recorded in it meanwhile, or another worker was faster.
    pub async fn unrecorded(&self, seen: &Message) -> Result<bool, StoreError> {
        let update =
            Update::default().only_if_present("erased_at").only_with_recordings(&seen.recordings).remove("recordings");
        let update = if seen.status.is_final() && !seen.status.may_cost_else() { update.nothing_due() } else { update };
        let id = seen.id.to_string();
        let applied = update.apply(&self.client, &self.table, ("id", &id), "messages.unrecorded").await?;
        Ok(matches!(applied, Applied::Done(_)))
    }

    async fn remove_content(&self, item: &Item) -> Result<(), StoreError> {
        match (item.get("content_key").and_then(|key| key.as_s().ok()), &self.shelf) {
            (Some(key), Some(shelf)) => shelf.remove(key).await,
            (Some(_), None) => Err(unreadable("its content is stored apart")),
            (None, _) => Ok(()),
        }
    }
}

impl Update {
    /// Only if nothing else was recorded in it meanwhile.
    fn only_with_recordings(self, seen: &[Recording]) -> Self {
        if seen.is_empty() {
            self.only_if_absent(&["recordings"])
        } else {
            self.only_if_equal("recordings", attribute(&seen))
        }
    }
}

/// How a message ends by being erased, and whether (1 or 0) it was cancelled by that. What a provider may have got cannot be
/// asked about without an address; what none has costs nothing, and what was counted for it is given back by `deliver`.
fn ended(message: &Message, now: Timestamp) -> (Update, u64) {
    let end = |to: Status| {
        let entry = TrailEntry::ours(now, to.as_str(), Some(ERASED.to_owned()));
        Update::default().status(to).set("reason", text(ERASED)).time("ended_at", now).trail(ERASED, &entry)
    };
    match message.status {
        Status::Held | Status::Retrying if message.times.unsure.is_some() => (end(Status::Failed).nothing_due(), 0),
        Status::Accepted | Status::Scheduled | Status::Held | Status::Retrying => {
            let update = end(Status::Cancelled).costs_nothing();
            let update = if message.attempts > 0 {
                update.refunded_later().remove("lease_until").due(message.id, now)
            } else {
                update.nothing_due()
            };
            (update, 1)
        }
        Status::Sending | Status::Uncertain => (end(Status::Failed).nothing_due(), 0),
        // The provider is still asked what became of it, by the id it gave.
        Status::Sent => (noted(now), 0),
        // What is due of it is what it cost; that stays, and so must be right.
        Status::Delivered | Status::Undelivered => (noted(now), 0),
        Status::Failed | Status::Blocked | Status::Cancelled | Status::Expired | Status::Received => {
            (noted(now).nothing_due(), 0)
        }
    }
}

fn noted(now: Timestamp) -> Update {
    Update::default().trail(ERASED, &TrailEntry::ours(now, ERASED, None))
}

/// Takes out all that was private.
fn scrubbed(update: Update) -> Update {
    const PRIVATE: [&str; 14] = [
        "sealed",
        "content_key",
        "recipient",
        "person",
        "person_key",
        "request_hash",
        "links",
        "code",
        "secrets",
        "fallback_to",
        "recordings",
        "actions",
        "action_taken",
        LAST_REPORT,
    ];
    PRIVATE.into_iter().fold(update, Update::remove)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use strum::IntoEnumIterator;

    use super::*;
    use crate::clock::Clock;
    use crate::provider::stub::{Stub, reply};
    use crate::testing::{road_on, sample_message};

    /// The update expressions the table gets.
    async fn written(of: impl AsyncFn(&Messages)) -> Vec<String> {
        let table = Stub::new([reply(200, json!({"Attributes": {}}))]).await;
        let road = road_on(&table.base_url, Clock::fixed(Timestamp::UNIX_EPOCH)).unwrap();
        of(&road.messages).await;
        table.requests().iter().map(|seen| seen.body.clone()).collect()
    }

    #[tokio::test]
    async fn the_charge_of_a_call_stays_due_whatever_is_deleted_of_it() {
        for (status, stays) in [(Status::Delivered, true), (Status::Undelivered, true), (Status::Received, false)] {
            let message = Message { status, ..sample_message(Timestamp::UNIX_EPOCH) };
            let unrecorded = written(async |messages: &Messages| {
                messages.unrecorded(&message).await.unwrap();
            });
            let unrecorded = unrecorded.await;
            assert_eq!(unrecorded.len(), 1);
            assert_eq!(!unrecorded[0].contains("due_at"), stays, "{status}: {}", unrecorded[0]);
            let (update, _) = ended(&message, Timestamp::UNIX_EPOCH);
            let kept = !format!("{update:?}").contains("due_at");
            assert_eq!(kept, stays, "{status} erased");
        }
    }

    #[test]
    fn what_was_to_be_sent_is_cancelled_and_what_has_ended_keeps_its_end() {
        for status in Status::iter() {
            let mut message = Message { status, attempts: 1, ..sample_message(Timestamp::UNIX_EPOCH) };
            let (update, cancelled) = ended(&message, Timestamp::UNIX_EPOCH);
            assert_eq!(cancelled == 1, status.may_become(Status::Cancelled), "{status}");
            assert_eq!(format!("{update:?}").contains("refund"), cancelled == 1, "{status}");
            // What its provider may have is neither denied nor given back.
            message.times.unsure = Some(Timestamp::UNIX_EPOCH);
            let (update, cancelled) = ended(&message, Timestamp::UNIX_EPOCH);
            if matches!(status, Status::Held | Status::Retrying) {
                assert_eq!((cancelled, format!("{update:?}").contains("refund")), (0, false), "{status}");
            }
        }
    }
}
