//! `POST /api/v2/communications/webhooks/{id}/secret/rotate`: another secret.

use axum::Json;
use axum::extract::{Path, State};
use switchboard::event::Subscriber;
use switchboard::event::secret::NoSecret;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Caller};
use switchboard::store::events::Changed;

use super::{WebhookWithSecret, changed_meanwhile, find, view};
use crate::App;

/// Rotate a webhook's secret
///
/// For 24 hours events bear two signatures, the new secret's and the old one's. Up to four secrets can be in force at a
/// time. Needs the scope `settings:manage`.
#[utoipa::path(
    post, path = "/api/v2/communications/webhooks/{id}/secret/rotate", tag = "Outgoing events",
    operation_id = "rotate_webhook_secret",
    params(("id" = String, Path, description = "The webhook's id")),
    responses(
        (status = 200, description = "Rotated; the secret is shown this once", body = WebhookWithSecret),
        (status = 404, description = "No such webhook", body = ErrorBody),
        (status = 409, description = "Rotated too often in a day, or by somebody else at this moment", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["settings:manage"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<WebhookWithSecret>, ApiError> {
    let before = find(&app, &id).await?;
    let now = app.road.clock.now();
    let secrets = before.secrets.rotated(now).map_err(|why| match why {
        NoSecret::TooMany => ApiError::conflict("The secret was rotated too often")
            .details("Four secrets are in force; the oldest ends within 24 hours"),
        NoSecret::NoRandomness => ApiError::unavailable(why),
    })?;
    match app.events.replace_secrets(&before, &secrets, &caller.subject, now).await? {
        Changed::Done => {}
        Changed::Refused => return Err(changed_meanwhile()),
    }
    let secret = secrets.current().to_owned();
    let after = Subscriber { secrets, updated: now, ..before };
    Ok(Json(WebhookWithSecret { success: true, webhook: view(&after, now), secret }))
}
