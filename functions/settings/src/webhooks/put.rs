//! `PUT /api/v2/communications/webhooks/{id}`: another URL, other events, enabled or not.

use axum::Json;
use axum::extract::{Path, State};
use switchboard::event::Subscriber;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body, Caller};
use switchboard::store::events::Changed;

use super::{Wanted, WebhookAnswer, WebhookRequest, find, not_found, view};
use crate::App;

/// Change a webhook
///
/// Replaces all that is named here; the secret stays. It counts everywhere within five seconds, also for what is already on
/// its way. While it is disabled, events pass it by: they are not kept for it. Needs the scope `settings:manage`.
#[utoipa::path(
    put, path = "/api/v2/communications/webhooks/{id}", tag = "Outgoing events", operation_id = "change_webhook",
    params(("id" = String, Path, description = "The webhook's id")),
    request_body = WebhookRequest,
    responses(
        (status = 200, description = "Changed", body = WebhookAnswer),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        (status = 404, description = "No such webhook", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["settings:manage"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body<WebhookRequest>,
) -> Result<Json<WebhookAnswer>, ApiError> {
    let before = find(&app, &id).await?;
    let wanted = Wanted::read(&app, body.value).await?;
    let now = app.road.clock.now();
    let disabled = wanted.disabled(before.disabled, now);
    let after = Subscriber {
        failing: disabled.and(before.failing),
        held_until: disabled.and(before.held_until),
        apart_until: None,
        disabled,
        target: wanted.target,
        wants: wanted.wants,
        description: wanted.description,
        updated: now,
        ..before
    };
    match app.events.change_subscriber(&after, &caller.subject).await? {
        Changed::Done => Ok(Json(WebhookAnswer { success: true, webhook: view(&after, now) })),
        Changed::Refused => Err(not_found()),
    }
}
