//! `POST /api/communication/batch`: many sends in one request. Each is accepted or refused by itself.

use axum::extract::State;
use axum::response::Response;
use futures::stream::{self, StreamExt};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use switchboard::http::body::from_json;
use switchboard::http::refusals::SendRefusals;
use switchboard::http::{ApiError, Body, Caller, IdempotencyKey, RecipientLimit};
use switchboard::message::Micros;
use switchboard::road::Accepted;

use super::send::{SendRequest, read};
use crate::App;
use crate::accept::{Identity, take_read};
use crate::many::{AT_A_TIME, MOST, Many, One};

/// Sends, each as `POST /api/communication/send` takes it.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct BatchRequest {
    /// 1 to 100 of them.
    #[schema(value_type = Vec<SendRequest>)]
    communications: Vec<Value>,
}

/// What became of each send, in the request's order.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BatchResponse {
    success: bool,
    results: Vec<BatchResult>,
    summary: BatchSummary,
}

/// What became of one.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BatchResult {
    /// As it came.
    #[schema(value_type = switchboard::person::PersonId)]
    user_id: Value,
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<f64>,
    /// Why not, where it was not accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    fallback_used: bool,
    /// When it is to be sent, where that is not now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    scheduled_time: Option<Timestamp>,
}

/// The sums.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BatchSummary {
    total: usize,
    successful: usize,
    failed: usize,
    #[schema(example = 0.051)]
    total_cost: f64,
}

/// Send a batch
///
/// Each send is accepted or refused by itself; the answer is 200 when the batch was worked through. With an idempotency
/// key each send has its own id, so a batch that broke off half-way can be repeated. Needs `communication:send`.
#[utoipa::path(
    post, path = "/api/communication/batch", tag = "Communication", operation_id = "send_batch",
    params(IdempotencyKey),
    request_body = BatchRequest,
    responses(
        (status = 200, description = "Worked through", body = BatchResponse),
        SendRefusals,
    ),
    security(("bearer" = ["communication:send"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    limit: RecipientLimit,
    key: IdempotencyKey,
    body: Body<BatchRequest>,
) -> Result<Response, ApiError> {
    let items = body.value.communications;
    if items.is_empty() || items.len() > MOST {
        return Err(ApiError::invalid_field("communications", format!("It must hold 1 to {MOST} communications")));
    }
    limit.count(items.len()).await?;
    let work = items.into_iter().enumerate().map(|(place, item)| {
        let (app, caller, key, canonical) = (&app, &caller, &key, &body.canonical);
        async move {
            let identity = Identity::of_item(app, &caller.subject, "batch", key, canonical, place);
            let user_id = item.get("user_id").cloned().unwrap_or_default();
            (user_id, one(app, caller, identity, item).await)
        }
    });
    let done: Vec<(Value, Result<Accepted, ApiError>)> = stream::iter(work).buffered(AT_A_TIME).collect().await;
    Ok(Many::new(done)?.answer(answer))
}

async fn one(app: &App, caller: &Caller, identity: Identity, item: Value) -> Result<Accepted, ApiError> {
    let request: SendRequest = from_json(item)?;
    let task = read(app, caller, identity.clone(), request).await;
    take_read(app, identity, task).await
}

fn answer(many: Many<Value>) -> BatchResponse {
    let summary = BatchSummary {
        total: many.each.len(),
        successful: many.successful,
        failed: many.failed(),
        total_cost: many.cost.units(),
    };
    let result = |one: One<Value>| BatchResult {
        user_id: one.of,
        success: one.error.is_none(),
        task_id: one.task_id,
        cost: one.cost.map(Micros::units),
        error: one.error,
        fallback_used: one.fallback_used,
        scheduled_time: one.scheduled,
    };
    BatchResponse { success: true, results: many.each.into_iter().map(result).collect(), summary }
}
