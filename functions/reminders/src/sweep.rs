//! One sweep: a page of every shard in turn, the longest overdue first, until nothing is left or the run is over. A message's next
//! look is moved on before it is queued: if this run ends in between, the message comes up again.

use std::time::Duration;

use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use strum::IntoEnumIterator;
use switchboard::message::{Lane, MessageId, Status};
use switchboard::road::timing::{delay, next_look};
use switchboard::store::messages::{Due, SHARDS, first_ask};

use crate::part::{PAGE, Part};
use crate::{App, Swept};

/// How many of one shard's messages are moved on at a time.
const MOVES_AT_A_TIME: usize = 8;
/// How often a provider is asked about a message it never reported on: after 5 minutes, then at doubling pauses, for
/// about a day and a half.
const MOST_QUESTIONS: u32 = 8;
const FIRST_PAUSE_SECONDS: i64 = 600;

pub(crate) async fn run(app: &App, part: Part) -> Swept {
    part.sweep(SHARDS, app.clock.now(), async |number| shard(app, number).await).await
}

/// A page of a shard; answers also whether there may be more.
async fn shard(app: &App, number: u32) -> (Swept, bool) {
    let (page, is_full) = match app.agenda.due(number, app.clock.now(), PAGE).await {
        Ok(page) => page,
        Err(error) => {
            tracing::error!(shard = number, error = %error, "a shard was not read; the next run reads it");
            return (Swept { failed: 1, ..Swept::default() }, false);
        }
    };
    let moved: Vec<Moved> =
        stream::iter(page.into_iter().map(|due| move_on(app, due))).buffer_unordered(MOVES_AT_A_TIME).collect().await;
    let count = |of: fn(&Moved) -> bool| moved.iter().filter(|moved| of(moved)).count();
    let mut swept = Swept {
        forgotten: count(|moved| matches!(moved, Moved::Forgotten)),
        failed: count(|moved| matches!(moved, Moved::Failed)),
        ..Swept::default()
    };
    // The index follows the table within moments: a page that brought nothing new may still hold what was moved.
    let goes_on = is_full && moved.iter().any(|moved| !matches!(moved, Moved::Elsewhere | Moved::Failed));
    let to_queue: Vec<_> = moved.into_iter().filter_map(Moved::asks_for).collect();
    let all = to_queue.len();
    swept.refused = queue(app, to_queue).await;
    swept.queued = all - swept.refused;
    (swept, goes_on)
}

/// What became of a message that was due.
enum Moved {
    /// This run has to queue it, with this delay.
    ToQueue(Lane, MessageId, Duration),
    Forgotten,
    /// It is too early to ask what became of it.
    Later,
    /// It moved on by itself, or another sweep has it.
    Elsewhere,
    /// The table did not take it. It is due again in the next run; the others of its page are not held up.
    Failed,
}

impl Moved {
    fn asks_for(self) -> Option<(Lane, MessageId, Duration)> {
        match self {
            Self::ToQueue(lane, id, delay) => Some((lane, id, delay)),
            Self::Forgotten | Self::Later | Self::Elsewhere | Self::Failed => None,
        }
    }
}

/// Moves a message's next look on.
async fn move_on(app: &App, due: Due) -> Moved {
    let now = app.clock.now();
    let moved = match next(&due, now) {
        Some(Next::Later(look)) => app.agenda.put_off(&due, look).await.map(|mine| (mine, Moved::Later)),
        Some(Next::Queue { delay, look }) => {
            app.agenda.postpone(&due, look).await.map(|mine| (mine, Moved::ToQueue(due.lane, due.id, delay)))
        }
        None => app.agenda.forget(&due).await.map(|mine| (mine, Moved::Forgotten)),
    };
    match moved {
        Ok((true, moved)) => moved,
        Ok((false, _)) => Moved::Elsewhere,
        Err(error) => {
            tracing::error!(message.id = %due.id, error = %error, "not moved on; the next run does it");
            Moved::Failed
        }
    }
}

/// What to do with a message that is due.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// Its record stays hidden in the lane for `delay`; `look`: when to look again.
    Queue { delay: Duration, look: Timestamp },
    /// It is looked at then.
    Later(Timestamp),
}

/// `None`: nothing more will come of asking.
fn next(due: &Due, now: Timestamp) -> Option<Next> {
    match due.status {
        Status::Accepted | Status::Scheduled | Status::Held | Status::Retrying => {
            let at = due.not_before.unwrap_or(now);
            Some(Next::Queue { delay: delay(at, now), look: next_look(at, due.looks, now) })
        }
        Status::Sending | Status::Uncertain => {
            Some(Next::Queue { delay: Duration::ZERO, look: next_look(now, due.looks, now) })
        }
        // It ended, and what follows from that was not done yet: another is sent instead, what was counted is given back, a call is
        // paid for, a recording of somebody who was erased is deleted. Or somebody wrote it, and it was not attended to.
        Status::Delivered
        | Status::Failed
        | Status::Undelivered
        | Status::Blocked
        | Status::Cancelled
        | Status::Expired
        | Status::Received => Some(Next::Queue { delay: Duration::ZERO, look: next_look(now, due.looks, now) }),
        // Its look is still that of its claim.
        Status::Sent if due.looks == 0 && due.sent.is_some_and(|sent| first_ask(sent) > now) => {
            due.sent.map(|sent| Next::Later(first_ask(sent)))
        }
        Status::Sent => (due.looks < MOST_QUESTIONS).then(|| {
            let pause = FIRST_PAUSE_SECONDS << due.looks;
            Next::Queue { delay: Duration::ZERO, look: switchboard::clock::plus_seconds(now, pause) }
        }),
    }
}

/// Puts messages in their lanes; answers how many were refused.
async fn queue(app: &App, moved: Vec<(Lane, MessageId, Duration)>) -> usize {
    let mut refused = 0;
    for lane in Lane::iter() {
        let messages: Vec<_> =
            moved.iter().filter(|(of, ..)| *of == lane).map(|(_, id, delay)| (*id, *delay)).collect();
        refused += app.queues.enqueue_all(lane, &messages, None).await.len();
    }
    refused
}

#[cfg(test)]
mod tests {
    use switchboard::clock::plus_seconds;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn due(status: Status, looks: u32, not_before: Option<Timestamp>) -> Due {
        Due { id: MessageId::new(), lane: Lane::Standard, status, at: NOW, looks, not_before, sent: None }
    }

    #[test]
    fn a_scheduled_message_is_queued_for_its_exact_second() {
        let at = plus_seconds(NOW, 75);
        let next = next(&due(Status::Scheduled, 0, Some(at)), NOW).unwrap();
        assert_eq!(next, Next::Queue { delay: Duration::from_secs(75), look: plus_seconds(at, 60) });
    }

    #[test]
    fn a_stored_message_that_was_never_queued_is_queued_at_once() {
        let next = next(&due(Status::Accepted, 0, None), NOW).unwrap();
        assert_eq!(next, Next::Queue { delay: Duration::ZERO, look: plus_seconds(NOW, 60) });
    }

    #[test]
    fn what_ended_with_something_to_follow_is_brought_again() {
        for status in Status::iter().filter(|status| status.is_final()) {
            let brought = next(&due(status, 0, None), NOW).unwrap();
            assert!(matches!(brought, Next::Queue { delay: Duration::ZERO, .. }), "{status}");
        }
    }

    #[test]
    fn a_provider_is_asked_a_few_times_and_then_left_alone() {
        let looks = (0..20).filter(|&looks| next(&due(Status::Sent, looks, None), NOW).is_some()).count();
        assert_eq!(looks, 8);
        let last = next(&due(Status::Sent, 7, None), NOW).unwrap();
        assert_eq!(last, Next::Queue { delay: Duration::ZERO, look: plus_seconds(NOW, 600 * 128) });
    }

    #[test]
    fn sent_message_found_before_its_first_question_is_put_off() {
        let sent = |ago: i64, looks| Due { sent: Some(plus_seconds(NOW, -ago)), ..due(Status::Sent, looks, None) };
        assert_eq!(next(&sent(40, 0), NOW), Some(Next::Later(plus_seconds(NOW, 260))));
        let asked = Next::Queue { delay: Duration::ZERO, look: plus_seconds(NOW, 600) };
        assert_eq!(next(&sent(300, 0), NOW), Some(asked));
        assert!(matches!(next(&sent(40, 1), NOW), Some(Next::Queue { .. })), "it was asked about before");
    }
}
