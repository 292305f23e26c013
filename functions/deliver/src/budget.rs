//! The cost guard: what is handed to providers is counted against the budgets it belongs to, and what is not urgent waits
//! when one is used up.
//!
//! What is known of a budget is some seconds old ([`BELIEVED_MS`]). So a budget is passed by at most what all workers hand over in that
//! time; a new one is counted from the moment it was made, because what a worker handed over meanwhile is counted afterwards
//! ([`alerts`] tells that a mark was reached).

mod alerts;

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use jiff::Timestamp;
use switchboard::message::budget::{Budget, Mark, Period, Spent, is_exempt};
use switchboard::message::{Message, MessageId, Micros};
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

/// How many messages are remembered for a budget that may be made any moment; a worker hands over fewer in that time.
const MOST_UNCOUNTED: usize = 5_000;

/// Where budgets and sums are kept.
#[async_trait]
pub(crate) trait Book: std::fmt::Debug + Send + Sync {
    /// A budget, and since when it stands as it does.
    async fn in_force(&self, scope: &str) -> Result<Option<(Budget, Timestamp)>, StoreError>;
    async fn spent(&self, scope: &str, now: Timestamp) -> Result<Spent, StoreError>;
    /// Adds to the day and the month of `of`.
    async fn count(&self, scope: &str, message: MessageId, micros: i64, of: Timestamp) -> Result<(), StoreError>;
    /// `false`: somebody was told already.
    async fn raise_alert(
        &self,
        scope: &str,
        period: Period,
        mark: Mark,
        limit: Micros,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
}

#[async_trait]
impl Book for Budgets {
    async fn in_force(&self, scope: &str) -> Result<Option<(Budget, Timestamp)>, StoreError> {
        self.in_force(scope).await
    }

    async fn spent(&self, scope: &str, now: Timestamp) -> Result<Spent, StoreError> {
        self.spent(scope, now).await
    }

    async fn count(&self, scope: &str, message: MessageId, micros: i64, of: Timestamp) -> Result<(), StoreError> {
        self.count(scope, message, micros, of).await
    }

    async fn raise_alert(
        &self,
        scope: &str,
        period: Period,
        mark: Mark,
        limit: Micros,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.raise_alert(scope, period, mark, limit, now).await
    }
}

/// The budgets, as far as this process knows them.
#[derive(Debug)]
pub(crate) struct Guard {
    budgets: Box<dyn Book>,
    known: Mutex<HashMap<String, Known>>,
    /// The budgets this batch added to.
    touched: Mutex<BTreeSet<String>>,
}

#[derive(Clone, Debug)]
struct Known {
    /// `None`: there is no budget of this name.
    budget: Option<Budget>,
    /// As it was read, and what was counted here since.
    spent: Spent,
    at: Timestamp,
    /// What would have been counted since there was no budget.
    uncounted: Vec<Charge>,
    /// The mark of which somebody was told, by period and limit.
    told: HashMap<(String, Micros), Mark>,
}

/// What is counted for a message; below nothing, given back.
#[derive(Clone, Copy, Debug)]
struct Charge {
    message: MessageId,
    micros: i64,
    /// In whose day and month.
    of: Timestamp,
    at: Timestamp,
}

/// The budgets a message is counted against.
fn scopes(message: &Message) -> [&str; 2] {
    [ALL, &message.caller]
}

fn signed(amount: Micros) -> i64 {
    i64::try_from(amount.get()).unwrap_or(i64::MAX)
}

impl Guard {
    pub(crate) fn new(budgets: impl Book + 'static) -> Self {
        Self { budgets: Box::new(budgets), known: Mutex::default(), touched: Mutex::default() }
    }

    /// `Some`: a budget is used up and the message can wait; the decision says until when.
    pub(crate) async fn hold(&self, message: &Message, decision: &Decision, now: Timestamp) -> Option<Decision> {
        if is_exempt(message.lane, message.class) {
            return None;
        }
        for scope in scopes(message) {
            let (budget, spent) = self.known(scope, now).await?;
            let until = budget.and_then(|budget| budget.hold(spent, now));
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
        self.add(claimed, claimed.cost, now).await;
    }

    /// Counts so much for a message, in the day and the month in which it was first handed over.
    pub(crate) async fn add(&self, message: &Message, amount: Micros, now: Timestamp) {
        let of = message.times.started.unwrap_or(now);
        self.count(message, Charge { message: message.id, micros: signed(amount), of, at: now }).await;
    }

    /// Takes back so much of what was counted for a message: from the day and the month it was counted in, which is when it was
    /// first handed over.
    pub(crate) async fn give_back(&self, message: &Message, amount: Micros, now: Timestamp) {
        let of = message.times.started.unwrap_or(now);
        self.count(message, Charge { message: message.id, micros: -signed(amount), of, at: now }).await;
    }

    async fn count(&self, message: &Message, charge: Charge) {
        for scope in scopes(message) {
            let Some((budget, _)) = self.known(scope, charge.at).await else { continue };
            if budget.is_some() {
                let counted = self.budgets.count(scope, charge.message, charge.micros, charge.of).await;
                if heard(counted).is_none() {
                    continue;
                }
                self.touched.lock().await.insert(scope.to_owned());
            }
            if let Some(known) = self.known.lock().await.get_mut(scope) {
                known.note(charge);
            }
        }
    }

    /// A budget and what was spent of it. `None`: the store did not answer, and nothing is held for that.
    async fn known(&self, scope: &str, now: Timestamp) -> Option<(Option<Budget>, Spent)> {
        let fresh = |known: &&Known| now.as_millisecond() - known.at.as_millisecond() < BELIEVED_MS;
        // Held while the store is asked: of the messages of a batch one asks, and the others wait for its answer.
        let mut all = self.known.lock().await;
        if let Some(known) = all.get(scope).filter(fresh) {
            return Some((known.budget, known.spent));
        }
        let in_force = heard(self.budgets.in_force(scope).await)?;
        let before = all.remove(scope);
        let (uncounted, told) = before.map_or_else(Default::default, |before| (before.uncounted, before.told));
        let spent = match in_force {
            Some((_, since)) => {
                // It was made since: what was handed over meanwhile belongs to it.
                for charge in uncounted.iter().filter(|charge| charge.at >= since) {
                    heard(self.budgets.count(scope, charge.message, charge.micros, charge.of).await);
                }
                heard(self.budgets.spent(scope, now).await)?
            }
            None => Spent::default(),
        };
        let budget = in_force.map(|(budget, _)| budget);
        if all.len() >= MOST_KNOWN {
            all.clear();
        }
        all.insert(scope.to_owned(), Known { budget, spent, at: now, uncounted: Vec::new(), told });
        Some((budget, spent))
    }
}

impl Known {
    /// Takes note of what was counted, or of what would have been.
    fn note(&mut self, charge: Charge) {
        if self.budget.is_none() {
            if self.uncounted.len() < MOST_UNCOUNTED {
                self.uncounted.push(charge);
            }
            return;
        }
        for period in Period::ALL {
            if period.name(charge.of) == period.name(charge.at) {
                self.spent.add(period, charge.micros);
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

#[cfg(test)]
mod tests;
