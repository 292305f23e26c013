//! The worker's steps. Each is one conditional update that names the state and the attempt it was taken from, so that of
//! two workers with the same message only one goes on.

use jiff::Timestamp;

use super::compact::decision_attribute;
use super::{Messages, Update, first_ask};
use crate::clock::plus_seconds;
use crate::message::{Message, MessageId, Status, TrailEntry};
use crate::person::Decision;
use crate::provider::PermanentKind;
use crate::provider::pacing::THROTTLED;
use crate::store::update::Applied;
use crate::store::{StoreError, number, text};

/// Of how many attempts the trail tells: the first and the newest. A message that is turned away for a day is tried hundreds of times,
/// and its row is written at each.
const FIRST_ATTEMPTS: u32 = 3;
const NEWEST_ATTEMPTS: u32 = 7;

/// How long after a claim's lease the sweep may look at it.
const LOOK_SECONDS: i64 = 60;

/// How a claimed attempt ended.
#[derive(Clone, Debug)]
pub enum Settled {
    Sent {
        provider_id: String,
        look: Look,
    },
    /// The provider did not take it; try again, but not before `at`.
    Retry {
        at: Timestamp,
        due: Timestamp,
        provider_code: String,
        detail: String,
        because: Untaken,
    },
    /// The provider may have it; ask it at `due`.
    Uncertain {
        due: Timestamp,
        /// What it answered, where it answered with a failure of its own.
        provider_code: Option<String>,
        detail: String,
    },
    Failed {
        reason: String,
        provider_code: Option<String>,
        detail: String,
        costs: Costs,
        then: Then,
    },
}

/// When the sweep looks at a message that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// As its claim says, soon after its lease: most are delivered by then, and for the others the sweep finds out when to ask.
    AsClaimed,
    /// When its provider is to be asked: what was unsure may be looked at much later.
    WhenAsked,
}

/// Whether a message that failed is charged for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Costs {
    /// Its provider did not take it. What was counted for it is given back by whoever records that.
    Nothing,
    /// Its provider may have taken it.
    AsCounted,
}

/// Why a provider did not take a message this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untaken {
    /// It was too busy; the attempt does not count.
    Busy,
    Failed,
    /// It may have taken it after all, and knows the same request again: no other provider may get it from now on.
    Unsure,
    /// It was asked, and does not have it: what was unsure is known.
    NotTaken,
}

/// What comes after an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    Nothing,
    /// Something follows from the end: another message is to be sent instead, something is learned of the address, what was counted
    /// is given back. The sweep looks at `due` whether that was done.
    FollowUp {
        due: Timestamp,
    },
}

impl Settled {
    /// The permanent refusal of a provider.
    pub fn refused(kind: PermanentKind, provider_code: String, detail: String) -> Self {
        Self::Failed {
            reason: kind.as_str().to_owned(),
            provider_code: Some(provider_code),
            detail,
            costs: Costs::Nothing,
            then: Then::Nothing,
        }
    }

    /// The status it leads to.
    pub fn status(&self) -> Status {
        match self {
            Self::Sent { .. } => Status::Sent,
            Self::Retry { .. } => Status::Retrying,
            Self::Uncertain { .. } => Status::Uncertain,
            Self::Failed { .. } => Status::Failed,
        }
    }
}

impl Messages {
    /// Claims a message for sending until `lease`, through the provider that stands in it. `false`: somebody else did, or it changed since it was read.
    pub async fn claim(
        &self,
        seen: &Message,
        decision: &Decision,
        lease: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let attempt = seen.attempts + 1;
        let entry = TrailEntry::ours(now, Status::Sending.as_str(), Some(format!("attempt {attempt}")));
        let update = Update::default()
            .only_if_equal("status", text(seen.status.as_str()))
            .only_if_equal("attempts", number(seen.attempts))
            .only_if_unmoved(seen)
            .status(Status::Sending)
            .set("attempts", number(attempt))
            .set("decision", decision_attribute(decision))
            .set("provider", text(seen.provider.as_str()))
            .set("cost", super::row::attribute(&seen.cost))
            .remove("provider_code")
            .time("claimed_at", now)
            .time("lease_until", lease)
            .trail(&format!("attempt:{attempt}"), &entry);
        // The first claim is when it was started; only later ones have to remember it.
        let update = match seen.times.started {
            Some(started) => update.time_if_absent("started_at", started),
            None => update,
        };
        // A look that comes soon after the lease serves as well, and costs no write of the index.
        let is_looked_at = seen.times.due.is_some_and(|due| due >= lease && due <= plus_seconds(lease, LOOK_SECONDS));
        let update = if is_looked_at { update } else { update.due(seen.id, lease) };
        let update = match seen.times.held {
            Some(_) => update.set("held_ms", number(seen.held_ms_by(now))).remove("held_since"),
            None => update,
        };
        let update = match attempt.checked_sub(NEWEST_ATTEMPTS).filter(|forgotten| *forgotten > FIRST_ATTEMPTS) {
            Some(forgotten) => update.without_attempt(forgotten),
            None => update,
        };
        self.moved(seen, update, "messages.claim", now).await
    }

    /// Records how attempt number `attempt` ended. `false`: a callback told a later state already.
    pub async fn settle(
        &self,
        id: MessageId,
        attempt: u32,
        settled: &Settled,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let to = settled.status();
        let update = Update::default().forward_to(to).only_if_equal("attempts", number(attempt));
        let (update, detail) = match settled {
            Settled::Sent { provider_id, look } => {
                let update = update.set("provider_id", text(provider_id)).time_if_absent("sent_at", now);
                let update = update.remove("lease_until").remove("provider_code").remove("unsure_since");
                let update = match look {
                    Look::AsClaimed => update,
                    Look::WhenAsked => update.due(id, first_ask(now)),
                };
                (update, None)
            }
            Settled::Retry { at, due, provider_code, detail, because } => {
                let update = update.set("provider_code", text(provider_code)).time("not_before", *at);
                let update = match because {
                    Untaken::Busy => update.increment("throttled"),
                    Untaken::Failed => update,
                    Untaken::Unsure => update.remove("choice").unsure(),
                    Untaken::NotTaken => update.remove("unsure_since"),
                };
                let update = update.remove("lease_until").due(id, *due);
                (update, Some(format!("{provider_code}: {detail}")))
            }
            Settled::Uncertain { due, provider_code, detail } => {
                let update = match provider_code {
                    Some(code) => update.set("provider_code", text(code)),
                    None => update,
                };
                (update.unsure().remove("lease_until").due(id, *due), Some(detail.clone()))
            }
            Settled::Failed { reason, provider_code, detail, costs, then } => {
                let update = update.set("reason", text(reason)).time("ended_at", now);
                let update = match costs {
                    Costs::Nothing => update.costs_nothing().refunded_later(),
                    // It may have been taken, and what was counted for it stays counted.
                    Costs::AsCounted => update,
                };
                let update = match then {
                    Then::Nothing => update.nothing_due(),
                    Then::FollowUp { due } => update.remove("lease_until").due(id, *due),
                };
                let update = match provider_code {
                    Some(code) => update.set("provider_code", text(code)),
                    None => update,
                };
                (update, Some(detail.clone()))
            }
        };
        let entry = TrailEntry::ours(now, to.as_str(), detail);
        let update = update.trail(&format!("attempt:{attempt}:{to}"), &entry);
        Ok(matches!(self.let_go(id, update, "messages.settle", now).await?, Applied::Done(_)))
    }

    /// Ends a message that is not claimed and that no provider may have: the decision refused it, or its time is over. It costs
    /// nothing; what was counted when it was tried before is given back by whoever does what follows.
    pub async fn end(
        &self,
        seen: &Message,
        to: Status,
        reason: &str,
        decision: Option<&Decision>,
        then: &Then,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let entry = TrailEntry::ours(now, to.as_str(), Some(reason.to_owned()));
        let update = Update::default()
            .forward_to(to)
            .only_if_equal("attempts", number(seen.attempts))
            .only_if_absent(&["unsure_since"])
            .set("reason", text(reason))
            .time("ended_at", now)
            .costs_nothing()
            .trail(to.as_str(), &entry);
        let update = if seen.attempts > 0 { update.refunded_later() } else { update };
        let update = match then {
            Then::Nothing => update.nothing_due(),
            Then::FollowUp { due } => update.due(seen.id, *due),
        };
        let update = match decision {
            Some(decision) => update.set("decision", decision_attribute(decision)),
            None => update,
        };
        self.moved(seen, update, "messages.end", now).await
    }

    /// Nothing more is to come of a message that ended; what is to be given back of it ([`Message::refund`]) is given back by whoever
    /// gets `true`. `false`: another worker did it, or something else waits for it by now.
    pub async fn done_with(&self, seen: &Message) -> Result<bool, StoreError> {
        let update = Update::default().only_if_equal("status", text(seen.status.as_str())).only_if_still_due(seen);
        let update = update.nothing_due().remove("refund");
        self.step(seen.id, update, "messages.done_with").await
    }

    /// Lets a message wait until `until`, because a rule asks for it. `false`: it moved on since it was read.
    pub async fn hold(
        &self,
        seen: &Message,
        decision: &Decision,
        until: Timestamp,
        due: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let content = self.keep_until(seen, until).await?;
        let entry = TrailEntry::ours(now, Status::Held.as_str(), Some(decision.reason.clone()));
        let again = seen.status == Status::Held && seen.decision.reason == decision.reason;
        let looks = if again { seen.looks + 1 } else { 0 };
        let update = Update::default()
            .only_if_equal("status", text(seen.status.as_str()))
            .only_if_equal("attempts", number(seen.attempts))
            .only_if_unmoved(seen)
            .set("status", text(Status::Held.as_str()))
            .set("decision", decision_attribute(decision))
            .set("provider", text(seen.provider.as_str()))
            .time("not_before", until)
            .set("expires", number(self.retention.until(seen.class, until).as_second()))
            .due(seen.id, due)
            .trail(&format!("held:{}", decision.reason), &entry);
        let update = if looks > 0 { update.set("looks", number(looks)) } else { update.remove("looks") };
        let is_ours = seen.attempts > 0 && decision.reason != THROTTLED;
        let update = match (is_ours, seen.times.held) {
            (true, Some(_)) => update,
            (true, None) => update.time("held_since", now),
            (false, Some(_)) => update.set("held_ms", number(seen.held_ms_by(now))).remove("held_since"),
            (false, None) => update,
        };
        let update = match &content {
            Some(moved) => update.only_if_equal("content_key", text(&moved.from)).set("content_key", text(&moved.to)),
            None => update,
        };
        let applied = self.move_on(seen, Some(&decision.reason), update, "messages.hold", now).await?;
        self.remove_left(content, &applied).await?;
        Ok(matches!(applied, Applied::Done(_)))
    }

    async fn moved(
        &self,
        seen: &Message,
        update: Update,
        operation: &'static str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let applied = self.move_on(seen, None, update, operation, now).await?;
        Ok(matches!(applied, Applied::Done(_)))
    }

    async fn step(&self, id: MessageId, update: Update, operation: &'static str) -> Result<bool, StoreError> {
        let applied = update.apply(&self.client, &self.table, ("id", &id.to_string()), operation).await?;
        Ok(matches!(applied, Applied::Done(_)))
    }
}

impl Message {
    /// How long rules of ours have held it, by `now`.
    fn held_ms_by(&self, now: Timestamp) -> i64 {
        let running = self.times.held.map_or(0, |since| now.as_millisecond().saturating_sub(since.as_millisecond()));
        self.held_ms.saturating_add(running.max(0))
    }
}

impl Update {
    /// Its provider may have it, since its latest claim or from before.
    fn unsure(self) -> Self {
        self.copy_if_absent("unsure_since", "claimed_at")
    }

    /// Nothing is told of this attempt any more.
    fn without_attempt(self, attempt: u32) -> Self {
        let outcomes = [Status::Retrying, Status::Uncertain].map(|status| format!("attempt:{attempt}:{status}"));
        let keys = std::iter::once(format!("attempt:{attempt}")).chain(outcomes);
        keys.fold(self, |update, key| update.remove_in(&["trail", &key]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, from_millis};
    use crate::person::Decision;
    use crate::provider::stub::{Stub, reply};
    use crate::testing::{road_on, sample_message};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    /// The write that a step makes, as its row would get it.
    async fn written(step: impl AsyncFnOnce(&Messages) -> Result<bool, StoreError>) -> serde_json::Value {
        let table = Stub::new([reply(200, serde_json::json!({"Attributes": {}}))]).await;
        let road = road_on(&table.base_url, Clock::fixed(NOW)).unwrap();
        step(&road.messages).await.unwrap();
        table.only_request().json()
    }

    /// What the expression says, with names for aliases.
    fn expression(body: &serde_json::Value, of: &str) -> String {
        let names = body["ExpressionAttributeNames"].as_object().unwrap();
        let mut text = body[of].as_str().unwrap().to_owned();
        let mut names: Vec<_> = names.iter().collect();
        names.sort_by_key(|(alias, _)| std::cmp::Reverse(alias.len()));
        for (alias, name) in names {
            text = text.replace(alias.as_str(), name.as_str().unwrap());
        }
        text
    }

    #[tokio::test]
    async fn trail_of_hundreds_of_attempts_keeps_the_first_and_the_newest() {
        for (attempts, forgotten) in [(9, None), (10, Some(4)), (290, Some(284))] {
            let message = Message { status: Status::Retrying, attempts, ..sample_message(NOW) };
            let body = written(async |messages: &Messages| messages.claim(&message, &message.decision, NOW, NOW).await);
            let update = expression(&body.await, "UpdateExpression");
            let removed = forgotten.map(|attempt| format!("trail.attempt:{attempt}, trail.attempt:{attempt}:retrying"));
            match removed {
                Some(removed) => assert!(update.contains(&removed), "{update}"),
                None => assert!(!update.contains("trail.attempt:3"), "{update}"),
            }
            assert!(update.contains(&format!("trail.attempt:{} =", attempts + 1)), "{update}");
        }
    }

    #[tokio::test]
    async fn claim_moves_the_look_only_where_it_does_not_cover_the_lease() {
        let (lease, at) = (from_millis(30_000), |seconds: i64| plus_seconds(NOW, seconds));
        for (due, moved) in [(None, true), (Some(29), true), (Some(30), false), (Some(90), false), (Some(91), true)] {
            let mut message = sample_message(NOW);
            message.times.due = due.map(at);
            let body =
                written(async |messages: &Messages| messages.claim(&message, &message.decision, lease, NOW).await);
            let update = expression(&body.await, "UpdateExpression");
            assert_eq!(update.contains("due_at ="), moved, "{due:?}: {update}");
            assert!(update.contains("lease_until ="), "{update}");
        }
    }

    #[tokio::test]
    async fn sent_message_keeps_the_look_of_its_claim_unless_it_was_unsure() {
        for (look, moved) in [(Look::AsClaimed, false), (Look::WhenAsked, true)] {
            let settled = Settled::Sent { provider_id: "SM1".to_owned(), look };
            let body = written(async |messages: &Messages| {
                messages.settle(crate::testing::sample_id("m"), 1, &settled, NOW).await
            });
            let update = expression(&body.await, "UpdateExpression");
            assert_eq!(update.contains("due_at ="), moved, "{update}");
        }
    }

    #[tokio::test]
    async fn later_claim_remembers_the_first() {
        let mut message = Message { status: Status::Retrying, attempts: 1, ..sample_message(NOW) };
        let claim = async |message: &Message| {
            let body = written(async |messages: &Messages| messages.claim(message, &message.decision, NOW, NOW).await);
            expression(&body.await, "UpdateExpression")
        };
        assert!(!claim(&message).await.contains("started_at"), "the claim itself says so");
        message.times.started = Some(from_millis(5_000));
        assert!(claim(&message).await.contains("started_at = if_not_exists(started_at"));
    }

    #[tokio::test]
    async fn time_held_by_rules_of_ours_is_kept_apart() {
        let mut message = Message { status: Status::Retrying, attempts: 1, ..sample_message(NOW) };
        let held = |reason: &str| Decision { reason: reason.to_owned(), ..message.decision.clone() };
        let (night, busy) = (held("quiet_hours"), held(THROTTLED));
        let hold = async |message: &Message, decision: &Decision, now| {
            let body = written(async |messages: &Messages| messages.hold(message, decision, now, now, now).await);
            expression(&body.await, "UpdateExpression")
        };
        assert!(hold(&message, &night, NOW).await.contains("held_since ="));
        assert!(!hold(&message, &busy, NOW).await.contains("held_since"), "the provider's doing");
        message.times.held = Some(NOW);
        message.held_ms = 5;
        assert_eq!(message.held_ms_by(from_millis(7_000)), 7_005);
        assert!(!hold(&message, &night, from_millis(7_000)).await.contains("held_since"), "it goes on");
        for update in [
            hold(&message, &busy, from_millis(7_000)).await,
            expression(
                &written(async |messages: &Messages| messages.claim(&message, &night, NOW, NOW).await).await,
                "UpdateExpression",
            ),
        ] {
            assert!(update.contains("held_ms =") && update.contains("held_since"), "{update}");
        }
    }

    #[tokio::test]
    async fn end_of_ours_is_refused_where_a_provider_may_have_it() {
        let message = Message { status: Status::Retrying, attempts: 1, ..sample_message(NOW) };
        let body = written(async |messages: &Messages| {
            messages.end(&message, Status::Expired, "expired", None, &Then::FollowUp { due: NOW }, NOW).await
        })
        .await;
        assert!(expression(&body, "ConditionExpression").contains("attribute_not_exists(unsure_since)"));
        let update = expression(&body, "UpdateExpression");
        assert!(update.contains("refund = cost") && update.contains("cost = :"), "{update}");
    }
}
