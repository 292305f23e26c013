//! `/api/v2/communications/budgets/*`: what may be spent, and what was. A budget is for everything (`all`) or for one
//! caller (the subject of its token).

pub mod get;
pub mod put;

use jiff::Timestamp;
use serde::Serialize;
use switchboard::http::ApiError;
use switchboard::message::budget::{Budget, Period, Spent, WARNING};
use switchboard::message::cost::PriceTable;
use switchboard::store::budgets::LONGEST_SCOPE;

/// A budget and what was spent of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BudgetView {
    success: bool,
    /// `all`, or the subject of a caller's token.
    #[schema(example = "all")]
    scope: String,
    /// Of every amount here.
    #[schema(example = "USD")]
    currency: String,
    daily: PeriodView,
    monthly: PeriodView,
    /// How many messages the caller may have accepted in a day (UTC); absent: as many as `CallerDailyCap` says; 0: without
    /// limit. Nothing is exempt from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    messages_daily: Option<u64>,
}

/// One period.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PeriodView {
    /// What may be spent; absent: as much as it takes, and nothing is counted.
    limit: Option<f64>,
    spent: f64,
    state: BudgetState,
    /// When the next period begins.
    #[schema(value_type = String, format = DateTime)]
    ends_at: Timestamp,
}

/// How far a budget is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BudgetState {
    Unlimited,
    Within,
    /// At least 80 % is used.
    Warning,
    /// What is not urgent waits.
    Exhausted,
}

fn scope(text: &str) -> Result<&str, ApiError> {
    let fits = !text.is_empty() && text.len() <= LONGEST_SCOPE && !text.chars().any(char::is_control);
    let why = || format!("It must be all or a caller's name of at most {LONGEST_SCOPE} bytes");
    fits.then_some(text).ok_or_else(|| ApiError::invalid_field("scope", why()))
}

fn view(scope: &str, budget: Budget, spent: Spent, now: Timestamp) -> BudgetView {
    let period = |period: Period| {
        let (limit, spent) = (budget.limit(period), spent.of(period));
        let state = match limit {
            None => BudgetState::Unlimited,
            Some(limit) if spent >= limit => BudgetState::Exhausted,
            Some(limit) if spent.get().saturating_mul(100) >= limit.get().saturating_mul(WARNING) => {
                BudgetState::Warning
            }
            Some(_) => BudgetState::Within,
        };
        PeriodView { limit: limit.map(|limit| limit.units()), spent: spent.units(), state, ends_at: period.end(now) }
    };
    BudgetView {
        success: true,
        scope: scope.to_owned(),
        currency: PriceTable::shipped().map(|table| table.currency.clone()).unwrap_or_default(),
        daily: period(Period::Day),
        monthly: period(Period::Month),
        messages_daily: budget.messages_daily,
    }
}

#[cfg(test)]
mod tests {
    use switchboard::message::Micros;

    use super::*;

    #[test]
    fn the_state_follows_from_what_was_spent() {
        let state = |spent: u64| {
            let budget = Budget { daily: Some(Micros::new(100)), ..Budget::default() };
            let spent = Spent { day: Micros::new(spent), month: Micros::new(spent) };
            view("all", budget, spent, Timestamp::UNIX_EPOCH).daily.state
        };
        assert_eq!(
            [state(79), state(80), state(99)],
            [BudgetState::Within, BudgetState::Warning, BudgetState::Warning]
        );
        assert_eq!(state(100), BudgetState::Exhausted);
        let view = view("all", Budget::default(), Spent::default(), Timestamp::UNIX_EPOCH);
        assert_eq!((view.monthly.state, view.monthly.limit), (BudgetState::Unlimited, None));
    }
}
