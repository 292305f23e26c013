//! The Messages table's stream: what follows from a row, a moment after it was written. A text that somebody wrote to us is
//! attended to; of a report, what concerns more than its own message is done: an address is not used any more, an hour is
//! counted, another message goes instead. What was recorded in a call that has expired is deleted at the provider, and so is what
//! was recorded of somebody who was erased before it was told.
//!
//! None of that is done here. A batch of a stream holds up all behind it, so it only asks for it in the queue of callbacks, which has
//! workers of its own, tries and a dead-letter queue. If the queue takes nothing the batch comes again.

use std::fmt;

use serde::Deserialize;
use switchboard::message::{MessageId, Status};
use switchboard::provider::{Event, Report};
use switchboard::queue::{QueueError, Work};

use crate::{App, StepError, step};

/// Who a stream's records are from.
pub(crate) const SOURCE: &str = "aws:dynamodb";

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

/// Asks for what follows from each of the changes.
pub(crate) async fn take(app: &App, changes: Changes) -> Result<(), QueueError> {
    let work: Vec<Work> = changes.records.into_iter().filter_map(|record| record.dynamodb.follows()).collect();
    app.road.queues.park_all(&work).await
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
    /// What is to be done because of it.
    fn follows(self) -> Option<Work> {
        let id = self.keys.id.s.parse::<MessageId>().ok()?;
        let old = self.old_image;
        let Some(new) = self.new_image else {
            let recordings: Vec<_> = old?.recordings?.l.into_iter().map(|recording| recording.m.id.s).collect();
            return (!recordings.is_empty()).then_some(Work::Unrecord { recordings });
        };
        let Some(old) = old else {
            let is_received = new.status.is_some_and(|status| status.s == Status::Received.as_str());
            return is_received.then_some(Work::Message { id });
        };
        let is_delivered = new.status.as_ref().is_some_and(|status| status.s == Status::Delivered.as_str());
        if is_delivered && new.due_at.is_some() && new.due_at != old.due_at {
            return Some(Work::Message { id });
        }
        let unwanted = new.is_unwanted_since(&old);
        let Some(told) = new.last_report.filter(|told| old.last_report.as_ref() != Some(told)) else {
            return unwanted.then_some(Work::Message { id });
        };
        match serde_json::from_str(&told.s) {
            Ok(report) => Some(Work::FollowUp { id, report }),
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
            matches!(serde_json::from_value::<Change>(change).unwrap().follows(), Some(Work::Message { .. }))
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
        let Some(Work::Unrecord { recordings }) = follows(recorded) else { panic!("nothing follows") };
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
        let [Some(Work::Message { .. }), Some(Work::FollowUp { report, .. }), None, None] = &follows[..] else {
            panic!("{follows:?}");
        };
        assert!(matches!(report.event, Event::Undelivered(_)), "{report:?}");
    }
}
