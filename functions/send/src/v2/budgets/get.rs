//! `GET /api/v2/communications/budgets/{scope}`: a budget and what was spent of it.

use axum::Json;
use axum::extract::{Path, State};
use switchboard::http::ApiError;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;

use super::{BudgetView, scope, view};
use crate::App;

/// A budget
///
/// What may be spent in the present day and month (UTC) and what was, by the price table. Needs the scope
/// `analytics:read`.
#[utoipa::path(
    get, path = "/api/v2/communications/budgets/{scope}", tag = "Budgets", operation_id = "budget",
    params(("scope" = String, Path, description = "`all`, or the subject of a caller's token")),
    responses(
        (status = 200, description = "The budget", body = BudgetView),
        (status = 400, description = "No such name", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["analytics:read"])),
)]
pub async fn handle(State(app): State<App>, Path(name): Path<String>) -> Result<Json<BudgetView>, ApiError> {
    let (name, now) = (scope(&name)?, app.road.clock.now());
    let budget = app.budgets.get(name).await?.unwrap_or_default();
    let spent = app.budgets.spent(name, now).await?;
    Ok(Json(view(name, budget, spent, now)))
}
