//! The cost guard: what is handed to providers is counted against the budgets it belongs to, and what is not urgent waits
//! when one is used up.

use std::collections::HashMap;

use jiff::Timestamp;
use switchboard::message::budget::{Budget, Mark, Period, Spent, is_exempt};
use switchboard::message::{Message, Micros};
use switchboard::person::Decision;
use switchboard::store::StoreError;
use switchboard::store::budgets::{ALL, Budgets};
use switchboard::telemetry;
use tokio::sync::Mutex;

use crate::App;

/// How long a budget and its sums are believed, in milliseconds.
const BELIEVED_MS: i64 = 5_000;

/// How many budgets are remembered. More callers than that are asked about more often.
const MOST_KNOWN: usize = 1_000;

/// The budgets, as far as this process knows them.
#[derive(Debug)]
pub(crate) struct Guard {
    budgets: Budgets,
    known: Mutex<HashMap<String, Known>>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    /// `None`: there is no budget of this name.
    budget: Option<Budget>,
    spent: Spent,
    at: Timestamp,
}

/// The budgets a message is counted against.
fn scopes(message: &Message) -> [&str; 2] {
    [ALL, &message.caller]
}

impl Guard {
    pub(crate) fn new(budgets: Budgets) -> Self {
        Self { budgets, known: Mutex::new(HashMap::new()) }
    }

    /// `Some`: a budget is used up and the message can wait; the decision says until when.
    pub(crate) async fn hold(&self, message: &Message, decision: &Decision, now: Timestamp) -> Option<Decision> {
        if is_exempt(message.lane, message.class) {
            return None;
        }
        for scope in scopes(message) {
            let known = self.known(scope, now).await?;
            let until = known.budget.and_then(|budget| budget.hold(known.spent, now));
            if let Some(until) = until {
                return Some(decision.clone().held("budget", "budget_exhausted", until));
            }
        }
        None
    }

    /// Counts a claimed message, once; one that goes to a dearer or cheaper provider than before is counted anew.
    pub(crate) async fn settle(&self, before: &Message, claimed: &Message, now: Timestamp) {
        if before.attempts > 0 && before.cost == claimed.cost {
            return;
        }
        if before.attempts > 0 {
            self.give_back(before, before.cost, now).await;
        }
        self.charge(claimed, now).await;
    }

    /// Counts a message that is about to be handed to its provider for the first time.
    async fn charge(&self, message: &Message, now: Timestamp) {
        self.add(message, message.cost, now).await;
    }

    /// Counts so much for a message.
    pub(crate) async fn add(&self, message: &Message, amount: Micros, now: Timestamp) {
        for scope in scopes(message) {
            let Some(Known { budget: Some(budget), .. }) = self.known(scope, now).await else { continue };
            for period in Period::ALL {
                let counted = self.budgets.spend(scope, period, amount, now).await;
                let Some(total) = heard(counted) else { continue };
                self.learn(scope, period, total).await;
                if let Some(mark) = budget.passed(period, amount, total) {
                    tell(scope, period, mark, total);
                }
            }
        }
    }

    /// Takes back so much of what was counted for a message: from the day and the month it was counted in, which is when it was
    /// first handed over.
    pub(crate) async fn give_back(&self, message: &Message, amount: Micros, now: Timestamp) {
        let counted = message.times.started.unwrap_or(now);
        for scope in scopes(message) {
            let Some(Known { budget: Some(_), .. }) = self.known(scope, now).await else { continue };
            for period in Period::ALL {
                let total = heard(self.budgets.give_back(scope, period, amount, counted).await);
                if let Some(total) = total.filter(|_| period.name(counted) == period.name(now)) {
                    self.learn(scope, period, total).await;
                }
            }
        }
    }

    /// A budget and what was spent of it. `None`: the store did not answer, and nothing is held for that.
    async fn known(&self, scope: &str, now: Timestamp) -> Option<Known> {
        let fresh = |known: &Known| now.as_millisecond() - known.at.as_millisecond() < BELIEVED_MS;
        // Held while the store is asked: of the messages of a batch one asks, and the others wait for its answer.
        let mut all = self.known.lock().await;
        let at_hand = all.get(scope).copied().filter(fresh);
        if at_hand.is_some() {
            return at_hand;
        }
        let budget = heard(self.budgets.get(scope).await)?;
        let spent = match budget {
            Some(_) => heard(self.budgets.spent(scope, now).await)?,
            None => Spent::default(),
        };
        let known = Known { budget, spent, at: now };
        if all.len() >= MOST_KNOWN {
            all.clear();
        }
        all.insert(scope.to_owned(), known);
        Some(known)
    }

    async fn learn(&self, scope: &str, period: Period, total: Micros) {
        if let Some(known) = self.known.lock().await.get_mut(scope) {
            match period {
                Period::Day => known.spent.day = total,
                Period::Month => known.spent.month = total,
            }
        }
    }
}

/// How much is no reason to send nothing: a store that does not answer is counted, and the message goes.
fn heard<T>(answer: Result<T, StoreError>) -> Option<T> {
    answer
        .inspect_err(|error| {
            tracing::warn!(error = %error, "budget not asked");
            telemetry::count("budget_unavailable", 1);
        })
        .ok()
}

fn tell(scope: &str, period: Period, mark: Mark, total: Micros) {
    let event = match mark {
        Mark::Warning => "budget_warning",
        Mark::Exhausted => "budget_exhausted",
    };
    tracing::warn!(budget.scope = scope, budget.period = ?period, budget.spent = total.get(), "{event}");
    telemetry::count(event, 1);
}

/// The rules of how fast and how much, asked last of all before the claim.
pub(crate) async fn hold(
    app: &App,
    before: &Message,
    message: &Message,
    decision: &Decision,
    now: Timestamp,
) -> Option<Decision> {
    if let Some(held) = crate::pace::hold_throttled(app, message, decision, now).await {
        return Some(held);
    }
    match app.budget.hold(message, decision, now).await {
        None => crate::pace::wait(app, before, message, decision, now).await,
        held => held,
    }
}
