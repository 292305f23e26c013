//! The Messages table's stream: what people write to us, told a moment after its row was made.
//!
//! Nothing is answered to a stream as "must come again": one row would hold up all behind it. What fails here has a time in
//! its row, and the sweep puts it in a lane, which has tries and a dead-letter queue.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use futures::stream::{self, StreamExt};
use serde::Deserialize;
use switchboard::message::MessageId;

use crate::{App, step};

/// Who a stream's records are from.
pub(crate) const SOURCE: &str = "aws:dynamodb";

/// How many rows are worked on at a time.
const AT_A_TIME: usize = 10;

/// A batch of changes, as far as it is read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Changes {
    records: Vec<Change>,
}

#[derive(Debug, Deserialize)]
struct Change {
    dynamodb: Row,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    keys: Keys,
}

#[derive(Debug, Deserialize)]
struct Keys {
    id: Id,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Id {
    s: String,
}

/// Takes each of the rows a step further.
pub(crate) async fn take(app: &App, changes: Changes) {
    let ids = changes.records.into_iter().filter_map(|change| change.dynamodb.keys.id.s.parse::<MessageId>().ok());
    stream::iter(ids.map(|id| guarded(app, id))).buffer_unordered(AT_A_TIME).collect::<()>().await;
}

async fn guarded(app: &App, id: MessageId) {
    let cause = match AssertUnwindSafe(step::take(app, id)).catch_unwind().await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "panicked".to_owned(),
    };
    tracing::error!(message.id = %id, error = cause, "not attended to; the sweep will bring it again");
}

#[cfg(test)]
mod tests {
    use switchboard::message::MessageId;

    use crate::Event;

    #[test]
    fn the_sample_stream_is_told_from_a_queue_and_names_its_rows() {
        let event: Event = serde_json::from_str(include_str!("../../../events/deliver-stream.json")).unwrap();
        let Event::Stream(changes) = event else { panic!("{event:?}") };
        let ids: Vec<_> = changes.records.iter().map(|change| change.dynamodb.keys.id.s.parse::<MessageId>()).collect();
        assert!(ids.len() == 1 && ids[0].is_ok(), "{ids:?}");
    }
}
