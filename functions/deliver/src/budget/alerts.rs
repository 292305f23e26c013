//! Tells that a budget reached a mark: once a period, mark and limit, whoever adds what reaches it.
//!
//! A worker asks at the end of a batch that added to a budget, once what it knows is near the next mark. All that was added before is
//! in what it reads, so of the batches that reach a mark together the last one to end sees it.

use jiff::Timestamp;
use switchboard::message::Micros;
use switchboard::message::budget::{Budget, Mark, Period, Spent};
use switchboard::telemetry;

use super::{Guard, Known, heard};

impl Guard {
    /// Asks whether what this batch added to has reached a mark, and tells it if nobody has.
    pub(crate) async fn flush(&self, now: Timestamp) {
        let touched = std::mem::take(&mut *self.touched.lock().await);
        for scope in touched {
            let known = self.known.lock().await.get(&scope).cloned();
            let Some((known, budget)) = known.and_then(|known| known.budget.map(|budget| (known, budget))) else {
                continue;
            };
            if Period::ALL.into_iter().any(|period| known.is_near(&budget, period, now))
                && let Some(spent) = heard(self.budgets.spent(&scope, now).await)
            {
                self.raise(&scope, &budget, spent, now).await;
            }
        }
    }

    async fn raise(&self, scope: &str, budget: &Budget, spent: Spent, now: Timestamp) {
        for period in Period::ALL {
            let Some((mark, limit)) = budget.reached(period, spent).zip(budget.limit(period)) else { continue };
            let told = (period.name(now), limit);
            let is_told = |known: &Known| known.told.get(&told).is_some_and(|told| *told >= mark);
            if self.known.lock().await.get(scope).is_none_or(is_told) {
                continue;
            }
            let Some(first) = heard(self.budgets.raise_alert(scope, period, mark, limit, now).await) else { continue };
            if first {
                tell(scope, period, mark, spent.of(period));
            }
            if let Some(known) = self.known.lock().await.get_mut(scope) {
                known.told.retain(|(name, _), _| Period::ALL.iter().any(|period| period.name(now) == *name));
                known.told.insert(told, mark);
            }
        }
    }
}

impl Known {
    /// Whether at least half of what reaches the next mark was spent: what is known may lack what others added.
    fn is_near(&self, budget: &Budget, period: Period, now: Timestamp) -> bool {
        let Some(limit) = budget.limit(period) else { return false };
        let next = match self.told.get(&(period.name(now), limit)) {
            None => Mark::Warning,
            Some(Mark::Warning) => Mark::Exhausted,
            Some(Mark::Exhausted) => return false,
        };
        let half = |amount: Micros| amount.get() / 2;
        budget.amount(period, next).is_some_and(|amount| self.spent.of(period).get() >= half(amount))
    }
}

fn tell(scope: &str, period: Period, mark: Mark, total: Micros) {
    let event = match mark {
        Mark::Warning => "budget_warning",
        Mark::Exhausted => "budget_exhausted",
    };
    tracing::warn!(budget.scope = scope, budget.period = ?period, budget.spent = total.get(), "{event}");
    telemetry::count(event, 1);
}
