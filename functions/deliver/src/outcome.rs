//! What a provider's answer means for a message, and recording it. The answer is recorded first; what follows from it (something is
//! learned of the address, another message goes instead, what was counted is given back) can be done again from the row.

use std::time::Duration;

use jiff::Timestamp;
use switchboard::clock::plus_seconds;
use switchboard::message::fallback::{OUTCOME_UNKNOWN, is_mendable};
use switchboard::message::{Message, Micros, Status};
use switchboard::provider::{Accepted, PermanentKind, SendError};
use switchboard::road::timing::{Patience, delay, plan, retry_at};
use switchboard::store::messages::{Costs, Look, Settled, Then, Untaken};

use crate::attempt::random;
use crate::{App, StepError, follow};

/// How long after a call of unknown outcome the provider is asked: it may still be working on it.
const FIRST_QUESTION_SECONDS: i64 = 15;

/// What an answer means for the message.
pub(crate) fn outcome(answer: Result<Accepted, SendError>, message: &Message, attempt: u32, now: Timestamp) -> Settled {
    let again = |provider_code, detail, because, retry_after: Option<Duration>| {
        let again = Again { attempt, provider_code, detail, because };
        again.settled(message, retry_at(attempt, retry_after, random(), now), now)
    };
    match answer {
        Ok(accepted) => Settled::Sent { provider_id: accepted.provider_id, look: Look::AsClaimed },
        Err(SendError::Transient { provider_code, reason, retry_after }) => {
            again(provider_code, reason, Untaken::Failed, retry_after)
        }
        Err(SendError::Throttled { provider_code, reason, retry_after }) => {
            again(provider_code, reason, Untaken::Busy, retry_after)
        }
        Err(SendError::Repeatable { provider_code, reason, retry_after }) => {
            again(provider_code, reason, Untaken::Unsure, retry_after)
        }
        // What is refused now says nothing of what may have been taken before.
        Err(SendError::Permanent { provider_code, reason, .. }) if message.times.unsure.is_some() => {
            waiting(format!("refused ({provider_code}: {reason}), but it may have been taken before"), now)
        }
        Err(SendError::Permanent { kind, provider_code, reason }) => Settled::refused(kind, provider_code, reason),
        Err(SendError::Uncertain { provider_code, reason }) => Settled::Uncertain {
            due: plan(plus_seconds(now, FIRST_QUESTION_SECONDS), now).due,
            provider_code,
            detail: reason,
        },
    }
}

/// It may have been taken, and is not to be sent again for now: its callbacks are waited for.
pub(crate) fn waiting(detail: String, now: Timestamp) -> Settled {
    Settled::Uncertain { due: plan(plus_seconds(now, FIRST_QUESTION_SECONDS), now).due, provider_code: None, detail }
}

/// Nobody ever said whether it was taken.
pub(crate) fn given_up() -> Settled {
    Settled::Failed {
        reason: OUTCOME_UNKNOWN.to_owned(),
        provider_code: None,
        detail: "the provider never said whether it has it; it was not sent again, so that it cannot arrive twice"
            .to_owned(),
        costs: Costs::AsCounted,
        then: Then::Nothing,
    }
}

/// The provider does not have the message, as far as is known: another attempt, or the end of them.
pub(crate) struct Again {
    pub(crate) attempt: u32,
    pub(crate) provider_code: String,
    pub(crate) detail: String,
    pub(crate) because: Untaken,
}

impl Again {
    pub(crate) fn settled(self, message: &Message, at: Timestamp, now: Timestamp) -> Settled {
        if !self.is_last(message, now) {
            return Settled::Retry {
                at,
                due: plan(at, now).due,
                provider_code: self.provider_code,
                detail: self.detail,
                because: self.because,
            };
        }
        let detail = format!("{} attempts, the last one: {}", self.attempt, self.detail);
        let is_unsure = match self.because {
            Untaken::Unsure => true,
            Untaken::NotTaken => false,
            Untaken::Busy | Untaken::Failed => message.times.unsure.is_some(),
        };
        if is_unsure {
            return waiting(detail, now);
        }
        Settled::Failed {
            reason: "attempts_exhausted".to_owned(),
            provider_code: Some(self.provider_code),
            detail,
            costs: Costs::Nothing,
            then: Then::Nothing,
        }
    }

    fn is_last(&self, message: &Message, now: Timestamp) -> bool {
        let patience = Patience::of(message.class);
        match self.because {
            Untaken::Busy => {
                let begun = message.times.started.unwrap_or(now);
                let waited = now.as_millisecond() - begun.as_millisecond() - message.held_ms;
                waited >= patience.busy_seconds.saturating_mul(1000)
            }
            Untaken::Failed | Untaken::Unsure | Untaken::NotTaken => {
                self.attempt.saturating_sub(message.throttled) >= patience.attempts
            }
        }
    }
}

/// The same end, with when to look whether what follows from it was done, where something does.
fn followed(settled: &Settled, message: &Message, now: Timestamp) -> Settled {
    let mut settled = settled.clone();
    if let Settled::Failed { reason, costs, then, .. } = &mut settled {
        let mends = message.has_fallback() && is_mendable(Status::Failed, Some(reason));
        let refunds = *costs == Costs::Nothing && message.cost > Micros::default();
        if mends || refunds || reason.parse::<PermanentKind>().is_ok() {
            *then = Then::FollowUp { due: plan(now, now).due };
        }
    }
    settled
}

/// Records an outcome, does what follows from it, and queues the next step, where there is one.
pub(crate) async fn record(
    app: &App,
    message: &Message,
    attempt: u32,
    settled: &Settled,
    now: Timestamp,
) -> Result<&'static str, StepError> {
    let settled = &followed(settled, message, now);
    if !app.road.messages.settle(message.id, attempt, settled, now).await? {
        // A callback was faster. If it was sent, that is what the callback said too.
        return Ok(if matches!(settled, Settled::Sent { .. }) { "sent" } else { "overtaken" });
    }
    let next = match settled {
        Settled::Retry { at, .. } => plan(*at, now).delay,
        Settled::Uncertain { .. } => Some(delay(plus_seconds(now, FIRST_QUESTION_SECONDS), now)),
        Settled::Failed { reason, costs, then: Then::FollowUp { due }, .. } => {
            let mut ended = Message { status: Status::Failed, reason: Some(reason.clone()), ..message.clone() };
            ended.times.due = Some(*due);
            if *costs == Costs::Nothing {
                ended.refund = message.cost;
            }
            follow::at_once(app, &ended).await;
            None
        }
        Settled::Sent { .. } | Settled::Failed { then: Then::Nothing, .. } => None,
    };
    if let Some(pause) = next
        && let Err(error) = app.road.queues.enqueue_message(message, pause).await
    {
        tracing::error!(message.id = %message.id, error = %error, "next step not queued; the sweep will queue it");
    }
    Ok(settled.status().as_str())
}

#[cfg(test)]
mod tests {
    use switchboard::message::Channel;
    use switchboard::message::trigger::Class;
    use switchboard::testing::sample_message;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn busy() -> SendError {
        SendError::Throttled { provider_code: "http_429".into(), reason: "too many requests".into(), retry_after: None }
    }

    fn broken() -> SendError {
        SendError::Transient { provider_code: "503".into(), reason: "the provider failed".into(), retry_after: None }
    }

    /// A message that was first tried `age` seconds ago.
    fn message(class: Class, throttled: u32, age: i64) -> Message {
        let mut message = sample_message(NOW);
        message.class = class;
        message.throttled = throttled;
        message.times.started = Some(plus_seconds(NOW, -age));
        message
    }

    #[test]
    fn a_failing_provider_is_tried_again_until_the_attempts_are_used_up() {
        for (class, attempts) in [(Class::Security, 5), (Class::Transactional, 8), (Class::Marketing, 6)] {
            let message = message(class, 0, 60);
            assert!(
                matches!(outcome(Err(broken()), &message, 1, NOW), Settled::Retry { at, due, .. } if at > NOW && due > at)
            );
            assert!(matches!(outcome(Err(broken()), &message, attempts - 1, NOW), Settled::Retry { .. }));
            let end = outcome(Err(broken()), &message, attempts, NOW);
            let Settled::Failed { reason, .. } = end else { panic!("no end") };
            assert_eq!(reason, "attempts_exhausted");
        }
    }

    #[test]
    fn a_busy_provider_uses_up_no_attempts_but_patience() {
        let waiting = message(Class::Security, 20, 599);
        assert!(matches!(outcome(Err(busy()), &waiting, 21, NOW), Settled::Retry { because: Untaken::Busy, .. }));
        assert!(matches!(outcome(Err(broken()), &waiting, 21, NOW), Settled::Retry { because: Untaken::Failed, .. }));
        assert!(matches!(outcome(Err(busy()), &message(Class::Security, 20, 600), 21, NOW), Settled::Failed { .. }));
    }

    #[test]
    fn patience_does_not_run_while_rules_of_ours_hold_it() {
        let six_hours = 6 * 3_600;
        let mut waited = message(Class::Transactional, 1, six_hours + 1);
        assert!(matches!(outcome(Err(busy()), &waited, 2, NOW), Settled::Failed { .. }));
        // It was night for five of them.
        waited.held_ms = 5 * 3_600 * 1_000;
        assert!(matches!(outcome(Err(busy()), &waited, 2, NOW), Settled::Retry { because: Untaken::Busy, .. }));
    }

    #[test]
    fn what_may_have_been_taken_is_not_denied_by_a_later_answer() {
        let mut unsure = message(Class::Security, 0, 601);
        unsure.times.unsure = Some(plus_seconds(NOW, -60));
        let refused = |kind| SendError::Permanent { kind, provider_code: "x".into(), reason: "no".into() };
        let repeatable =
            SendError::Repeatable { provider_code: "500".into(), reason: "it failed".into(), retry_after: None };
        for error in [
            refused(PermanentKind::Credentials),
            refused(PermanentKind::Quota),
            refused(PermanentKind::InvalidEmail),
            busy(),
            broken(),
            repeatable.clone(),
        ] {
            let settled = outcome(Err(error.clone()), &unsure, 5, NOW);
            assert!(matches!(settled, Settled::Uncertain { .. }), "{error:?} gave {settled:?}");
        }
        // The first answer that leaves it open, at the last attempt.
        let settled = outcome(Err(repeatable), &message(Class::Security, 0, 60), 5, NOW);
        assert!(matches!(settled, Settled::Uncertain { .. }), "{settled:?}");
        // Whoever was asked and does not have it settles that.
        let again = Again { attempt: 5, provider_code: "x".into(), detail: "no".into(), because: Untaken::NotTaken };
        assert!(matches!(again.settled(&unsure, NOW, NOW), Settled::Failed { costs: Costs::Nothing, .. }));
    }

    #[test]
    fn an_unknown_outcome_is_never_a_retry() {
        let error = SendError::Uncertain { provider_code: None, reason: "no answer".into() };
        for attempt in 1..20 {
            let message = message(Class::Marketing, 0, 60);
            assert!(matches!(outcome(Err(error.clone()), &message, attempt, NOW), Settled::Uncertain { .. }));
        }
    }

    #[test]
    fn an_end_that_another_channel_may_mend_is_followed_by_it() {
        let mut message = message(Class::Transactional, 0, 0);
        let refused = |kind: PermanentKind| Settled::refused(kind, "21211".into(), "no".into());
        let then = |message: &Message, kind| {
            let settled = followed(&refused(kind), message, NOW);
            if let Settled::Failed { then, .. } = settled { then } else { panic!("{settled:?}") }
        };
        message.cost = Micros::default();
        assert_eq!(
            then(&message, PermanentKind::Content),
            Then::FollowUp { due: plan(NOW, NOW).due },
            "a refusal may say something of the address"
        );
        message.fallback_to = vec![Channel::Email];
        assert!(matches!(then(&message, PermanentKind::InvalidNumber), Then::FollowUp { .. }));
    }

    /// A table that takes one write and then answers nothing more; what it took.
    fn takes_one_write() -> (String, std::thread::JoinHandle<String>) {
        use std::io::{Read, Write};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let taken = std::thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let (mut request, mut part) = (String::new(), [0; 4096]);
            // A write of a row ends with the last brace of its body.
            while !request.contains("TableName") || !request.ends_with('}') {
                let read = client.read(&mut part).unwrap();
                request.push_str(&String::from_utf8_lossy(&part[..read]));
            }
            let body = r#"{"Attributes":{}}"#;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            client.write_all(format!("{head}{body}").as_bytes()).unwrap();
            request
        });
        (url, taken)
    }

    #[tokio::test]
    async fn refusal_is_recorded_though_people_does_not_answer() {
        use switchboard::clock::Clock;
        use switchboard::provider::pacing::Paces;
        use switchboard::testing::{dead_aws, dead_budgets, dead_jobs, road_on};

        let (url, taken) = takes_one_write();
        let road = road_on(&url, Clock::fixed(NOW)).unwrap();
        let providers = crate::Providers::dead(&dead_aws(), &road).unwrap();
        let jobs = crate::JobStates::new(dead_jobs(&road).0);
        let app = App::new(road, providers, crate::Routing::new(50, 50), Paces::default(), dead_budgets(), jobs);
        let message = message(Class::Transactional, 0, 0);
        let refused = Settled::refused(PermanentKind::OptedOut, "21610".into(), "the recipient opted out".into());
        let outcome = record(&app, &message, 1, &refused, NOW).await.unwrap();
        assert_eq!(outcome, "failed");
        let written = taken.join().unwrap();
        assert!(written.contains("opted_out") && written.contains("due_at"), "it comes again: {written}");
    }
}
