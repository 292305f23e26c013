//! `PUT /api/v2/communications/budgets/{scope}`: sets a budget.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body, Caller};
use switchboard::message::Micros;
use switchboard::message::budget::Budget;
use switchboard::store::budgets::ALL;

use super::{BudgetView, scope, view};
use crate::App;

/// What may be spent, in units of the price table's currency.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetRequest {
    /// In a day (UTC). Absent or null: without limit.
    #[schema(example = 50.0)]
    daily: Option<f64>,
    /// In a month (UTC).
    #[schema(example = 1000.0)]
    monthly: Option<f64>,
    /// How many messages the caller may have accepted in a day (UTC), security messages included. Absent or null: as many as
    /// `CallerDailyCap` says; 0: without limit. Not for `all`.
    #[schema(example = 10_000)]
    messages_daily: Option<u64>,
}

/// The largest budget.
const MOST: f64 = 1e9;

/// Set a budget
///
/// At 80 % an alert is raised; at 100 % what is neither urgent nor a security message is held until the next period, and
/// goes sooner if the budget is raised. Spending is counted from when a budget is first set. Takes effect within seconds.
/// Needs the scope `settings:manage`.
#[utoipa::path(
    put, path = "/api/v2/communications/budgets/{scope}", tag = "Budgets", operation_id = "set_budget",
    params(("scope" = String, Path, description = "`all`, or the subject of a caller's token")),
    request_body = BudgetRequest,
    responses(
        (status = 200, description = "Set", body = BudgetView),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["settings:manage"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    body: Body<BudgetRequest>,
) -> Result<Json<BudgetView>, ApiError> {
    let (name, now) = (scope(&name)?, app.road.clock.now());
    let BudgetRequest { daily, monthly, messages_daily } = body.value;
    if messages_daily.is_some() && name == ALL {
        return Err(ApiError::invalid_field("messages_daily", "It is a caller's; CallerDailyCap is everybody's"));
    }
    let budget = Budget { daily: amount("daily", daily)?, monthly: amount("monthly", monthly)?, messages_daily };
    app.budgets.put(name, budget, &caller.subject, now).await?;
    let spent = app.budgets.spent(name, now).await?;
    tracing::info!(budget.scope = name, caller = caller.subject, "budget set");
    Ok(Json(view(name, budget, spent, now)))
}

fn amount(field: &'static str, units: Option<f64>) -> Result<Option<Micros>, ApiError> {
    let Some(units) = units else { return Ok(None) };
    if !(0.0..=MOST).contains(&units) {
        return Err(ApiError::invalid_field(field, format!("It must be between 0 and {MOST:.0}")));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between nothing and 10^15")]
    let micros = (units * 1_000_000.0).round() as u64;
    Ok(Some(Micros::new(micros)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_whole_millionths_or_refused() {
        assert_eq!(amount("daily", Some(0.0087)).unwrap(), Some(Micros::new(8_700)));
        assert_eq!(amount("daily", None).unwrap(), None);
        for wrong in [-1.0, 1e10, f64::NAN, f64::INFINITY] {
            assert!(amount("daily", Some(wrong)).is_err(), "{wrong}");
        }
    }
}
