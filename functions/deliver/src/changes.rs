//! The Messages table's stream: what follows from a row, a moment after it was written. A text that somebody wrote to us is
//! attended to; of a report, what concerns more than its own message is done: an address is not used any more, an hour is
//! counted, another message goes instead. What was recorded in a call that has expired is deleted at the provider, and so is what
//! was recorded of somebody who was erased before it was told.
//!
//! One row must not hold up all behind it, so what fails here goes to where it has tries and a dead-letter queue: what has a
//! time in its row is put in a lane by the sweep, the rest waits in the queue of callbacks. Only if that does not take it
//! either must the batch come again.

use std::fmt;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use serde::Deserialize;
use switchboard::batch::unpanicked;
use switchboard::message::{MessageId, Status};
use switchboard::provider::{Event, Report};
use switchboard::queue::QueueError;

use crate::{App, StepError, recordings, step};

/// Who a stream's records are from.
pub(crate) const SOURCE: &str = "aws:dynamodb";

/// How many rows are worked on at a time.
const AT_A_TIME: usize = 10;

/// How long waits what could not be done at once.
const WAIT: Duration = Duration::from_secs(10);

/// A batch of changes, as far as it is read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Changes {
    records: Vec<Record>,
}

#[derive(Debug, Deserialize)]
struct Record {
    dynamodb: Change,
}

/// A row as it was and as it is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change {
    keys: Keys,
    old_image: Option<Row>,
    new_image: Option<Row>,
}

#[derive(Debug, Deserialize)]
struct Keys {
    id: Text,
}

#[derive(Debug, Default, Deserialize)]
struct Row {
    status: Option<Text>,
    last_report: Option<Text>,
    due_at: Option<Number>,
    erased_at: Option<Number>,
    recordings: Option<Recordings>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Recordings {
    l: Vec<Recording>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Recording {
    m: Keys,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Number {
    n: String,
}

#[derive(PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Text {
    s: String,
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// What follows from a change.
#[derive(Debug)]
enum Follows {
    /// Somebody wrote to us or called; a call is over and has to be charged; or something was recorded of somebody who was erased.
    Step(MessageId),
    /// A provider said something.
    Report(MessageId, Box<Report>),
    /// A call has expired in which this was recorded.
    Expired(MessageId, Vec<String>),
}

/// Does what follows from each of the changes.
pub(crate) async fn take(app: &App, changes: Changes) -> Result<(), QueueError> {
    let follows = changes.records.into_iter().filter_map(|record| record.dynamodb.follows());
    let done: Vec<_> = stream::iter(follows.map(|one| follow(app, one))).buffer_unordered(AT_A_TIME).collect().await;
    done.into_iter().collect()
}

async fn follow(app: &App, follows: Follows) -> Result<(), QueueError> {
    match follows {
        Follows::Step(id) => {
            if let Err(cause) = unpanicked(step::take(app, id)).await {
                tracing::error!(message.id = %id, error = %cause, "not attended to; the sweep will bring it again");
            }
            Ok(())
        }
        Follows::Report(id, report) => {
            if let Err(cause) = unpanicked(follow_up(app, id, &report)).await {
                tracing::error!(message.id = %id, error = %cause, "a report was not followed up, parked");
                app.road.queues.park_follow_up(id, &report, WAIT).await?;
            }
            Ok(())
        }
        Follows::Expired(id, recorded) => {
            if let Err(cause) = unpanicked(recordings::remove(app, &recorded)).await {
                tracing::error!(message.id = %id, error = %cause, "recordings were not deleted, parked");
                app.road.queues.park_unrecord(recorded, WAIT).await?;
            }
            Ok(())
        }
    }
}

/// What follows from a report. A message that ended in vain may have another to go instead.
pub(crate) async fn follow_up(app: &App, id: MessageId, report: &Report) -> Result<(), StepError> {
    app.road.follow_up(id, report).await?;
    if let Event::Undelivered(_) = report.event {
        step::take(app, id).await?;
    }
    Ok(())
}

impl Row {
    fn recorded(&self) -> usize {
        self.recordings.as_ref().map_or(0, |recordings| recordings.l.len())
    }

    /// Something recorded of somebody who was erased is to be deleted: it was told just now, or the call has come to its end since.
    /// What could not be deleted then the sweep brings again.
    fn is_unwanted_since(&self, old: &Self) -> bool {
        let is_news = self.recorded() != old.recorded() || self.status != old.status;
        self.erased_at.is_some() && self.recorded() > 0 && is_news
    }
}

impl Change {
    fn follows(self) -> Option<Follows> {
        let id = self.keys.id.s.parse::<MessageId>().ok()?;
        let old = self.old_image;
        let Some(new) = self.new_image else {
            let recordings: Vec<_> = old?.recordings?.l.into_iter().map(|recording| recording.m.id.s).collect();
            return (!recordings.is_empty()).then_some(Follows::Expired(id, recordings));
        };
        let Some(old) = old else {
            let is_received = new.status.is_some_and(|status| status.s == Status::Received.as_str());
            return is_received.then_some(Follows::Step(id));
        };
        let is_delivered = new.status.as_ref().is_some_and(|status| status.s == Status::Delivered.as_str());
        if is_delivered && new.due_at.is_some() && new.due_at != old.due_at {
            return Some(Follows::Step(id));
        }
        let unwanted = new.is_unwanted_since(&old);
        let Some(told) = new.last_report.filter(|told| old.last_report.as_ref() != Some(told)) else {
            return unwanted.then_some(Follows::Step(id));
        };
        match serde_json::from_str(&told.s) {
            Ok(report) => Some(Follows::Report(id, Box::new(report))),
            Err(error) => {
                tracing::error!(message.id = %id, error = %error, "a kept report cannot be read");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_is_over_is_charged_once_it_is_due() {
        let row = |status: &str, due: Option<&str>| {
            let due = due.map(|due| serde_json::json!({"N": due}));
            serde_json::json!({"status": {"S": status}, "due_at": due})
        };
        let follows = |old, new| {
            let id = MessageId::new().to_string();
            let change = serde_json::json!({"Keys": {"id": {"S": id}}, "OldImage": old, "NewImage": new});
            serde_json::from_value::<Change>(change).unwrap().follows().is_some()
        };
        assert!(follows(row("sent", Some("300")), row("delivered", Some("60"))));
        assert!(!follows(row("delivered", Some("60")), row("delivered", Some("60"))), "it was told before");
        assert!(
            !follows(row("sent", Some("300")), row("delivered", None)),
            "a short one costs what it was accepted at"
        );
        assert!(!follows(row("accepted", Some("60")), row("sent", Some("300"))));
    }

    #[test]
    fn what_was_recorded_of_somebody_who_was_erased_is_deleted_when_it_is_told_and_when_the_call_ends() {
        let row = |status: &str, erased: Option<&str>, recorded: &[&str]| {
            let recorded: Vec<_> = recorded.iter().map(|id| serde_json::json!({"M": {"id": {"S": id}}})).collect();
            let erased = erased.map(|at| serde_json::json!({"N": at}));
            serde_json::json!({"status": {"S": status}, "erased_at": erased, "recordings": {"L": recorded}})
        };
        let follows = |old: &serde_json::Value, new: &serde_json::Value| {
            let id = MessageId::new().to_string();
            let change = serde_json::json!({"Keys": {"id": {"S": id}}, "OldImage": old, "NewImage": new});
            matches!(serde_json::from_value::<Change>(change).unwrap().follows(), Some(Follows::Step(_)))
        };
        let (before, told) = (row("sent", Some("5"), &[]), row("sent", Some("5"), &["RE1"]));
        let (ended, gone) = (row("delivered", Some("5"), &["RE1"]), row("delivered", Some("5"), &[]));
        assert_eq!([follows(&before, &told), follows(&told, &ended)], [true, true]);
        assert_eq!([follows(&told, &told), follows(&ended, &gone)], [false, false], "what fails waits for the sweep");
        assert!(!follows(&row("sent", None, &[]), &row("sent", None, &["RE1"])), "nobody asked for it");
    }

    #[test]
    fn of_what_expires_the_recordings_are_left_to_delete() {
        let follows = |old: serde_json::Value| {
            let id = MessageId::new().to_string();
            let change = serde_json::json!({"Keys": {"id": {"S": id}}, "OldImage": old});
            serde_json::from_value::<Change>(change).unwrap().follows()
        };
        let recording = |id: &str| serde_json::json!({"M": {"id": {"S": id}, "seconds": {"N": "7"}}});
        let recorded = serde_json::json!({"status": {"S": "delivered"}, "recordings": {"L": [recording("RE1"), recording("RE2")]}});
        let Some(Follows::Expired(_, recordings)) = follows(recorded) else { panic!("nothing follows") };
        assert_eq!(recordings, ["RE1", "RE2"]);
        assert!(follows(serde_json::json!({"status": {"S": "delivered"}, "recordings": {"L": []}})).is_none());
        assert!(follows(serde_json::json!({"status": {"S": "delivered"}})).is_none());
    }

    #[test]
    fn the_sample_stream_is_told_from_a_queue_and_says_what_follows() {
        let event: crate::Event = serde_json::from_str(include_str!("../../../events/deliver-stream.json")).unwrap();
        let crate::Event::Stream(changes) = event else { panic!("{event:?}") };
        let follows: Vec<_> = changes.records.into_iter().map(|record| record.dynamodb.follows()).collect();
        // A text came; a mail bounced; the same row changed once more; one expired.
        let [Some(Follows::Step(_)), Some(Follows::Report(_, report)), None, None] = &follows[..] else {
            panic!("{follows:?}");
        };
        assert!(matches!(report.event, Event::Undelivered(_)), "{report:?}");
    }
}
