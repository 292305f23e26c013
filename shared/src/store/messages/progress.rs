//! The worker's steps. Each is one conditional update that names the state and the attempt it was taken from, so that of
//! two workers with the same message only one goes on.

use jiff::Timestamp;

use super::{Messages, Update, first_ask};
use crate::message::{Message, MessageId, Status, TrailEntry};
use crate::person::Decision;
use crate::provider::PermanentKind;
use crate::store::update::Applied;
use crate::store::{StoreError, number, text};

/// How a claimed attempt ended.
#[derive(Clone, Debug)]
pub enum Settled {
    Sent {
        provider_id: String,
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
}

/// What comes after an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    Nothing,
    /// Another message is to be sent instead; the sweep looks at `due` whether it was made.
    Fallback {
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
            .set("decision", super::row::attribute(decision))
            .set("provider", text(seen.provider.as_str()))
            .set("cost", super::row::attribute(&seen.cost))
            .remove("provider_code")
            .time("claimed_at", now)
            .time_if_absent("started_at", now)
            .time("lease_until", lease)
            .due(seen.id, lease)
            .trail(&format!("attempt:{attempt}"), &entry);
        self.step(seen.id, update, "messages.claim").await
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
            Settled::Sent { provider_id } => {
                let update = update.set("provider_id", text(provider_id)).time_if_absent("sent_at", now);
                (update.remove("lease_until").remove("provider_code").due(id, first_ask(now)), None)
            }
            Settled::Retry { at, due, provider_code, detail, because } => {
                let update = update.set("provider_code", text(provider_code)).time("not_before", *at);
                let update = match because {
                    Untaken::Busy => update.increment("throttled"),
                    Untaken::Failed => update,
                    Untaken::Unsure => update.remove("choice"),
                };
                let update = update.remove("lease_until").due(id, *due);
                (update, Some(format!("{provider_code}: {detail}")))
            }
            Settled::Uncertain { due, provider_code, detail } => {
                let update = match provider_code {
                    Some(code) => update.set("provider_code", text(code)),
                    None => update,
                };
                (update.remove("lease_until").due(id, *due), Some(detail.clone()))
            }
            Settled::Failed { reason, provider_code, detail, costs, then } => {
                let update = update.set("reason", text(reason)).time("ended_at", now);
                let update = match costs {
                    Costs::Nothing => update.costs_nothing(),
                    Costs::AsCounted => update,
                };
                let update = match then {
                    Then::Nothing => update.nothing_due(),
                    Then::Fallback { due } => update.remove("lease_until").due(id, *due),
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
        self.step(id, update, "messages.settle").await
    }

    /// Ends a message that was not claimed: the decision refused it, or its attempts are used up.
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
            .set("reason", text(reason))
            .time("ended_at", now)
            .trail(to.as_str(), &entry);
        let update = match then {
            Then::Nothing => update.nothing_due(),
            Then::Fallback { due } => update.due(seen.id, *due),
        };
        let update = match decision {
            Some(decision) => update.set("decision", super::row::attribute(decision)),
            None => update,
        };
        self.step(seen.id, update, "messages.end").await
    }

    /// Nothing more is to come of a message that ended. `false`: something else waits for it by now.
    pub async fn done_with(&self, seen: &Message) -> Result<bool, StoreError> {
        let update = Update::default().only_if_equal("status", text(seen.status.as_str())).only_if_still_due(seen);
        let update = update.nothing_due();
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
        let entry = TrailEntry::ours(now, Status::Held.as_str(), Some(decision.reason.clone()));
        let again = seen.status == Status::Held && seen.decision.reason == decision.reason;
        let looks = if again { seen.looks + 1 } else { 0 };
        let update = Update::default()
            .only_if_equal("status", text(seen.status.as_str()))
            .only_if_equal("attempts", number(seen.attempts))
            .only_if_unmoved(seen)
            .set("status", text(Status::Held.as_str()))
            .set("looks", number(looks))
            .set("decision", super::row::attribute(decision))
            .set("provider", text(seen.provider.as_str()))
            .time("not_before", until)
            .set("expires", number(self.retention.until(seen.class, until).as_second()))
            .due(seen.id, due)
            .trail(&format!("held:{}", decision.reason), &entry);
        self.step(seen.id, update, "messages.hold").await
    }

    async fn step(&self, id: MessageId, update: Update, operation: &'static str) -> Result<bool, StoreError> {
        let applied = update.apply(&self.client, &self.table, ("id", &id.to_string()), operation).await?;
        Ok(matches!(applied, Applied::Done(_)))
    }
}
