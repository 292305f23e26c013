//! `POST /api/v2/communications/webhooks`: a new subscriber, and its secret.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use switchboard::event::subscriber::MOST;
use switchboard::event::{Secrets, Subscriber, SubscriberId};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body, Caller};
use switchboard::store::events::Changed;

use super::{Wanted, WebhookRequest, WebhookWithSecret, changed_meanwhile, view};
use crate::App;

/// Register a webhook
///
/// It gets the events it names from five seconds later on, signed by Standard Webhooks with the secret that is answered here
/// and never again. There are at most 20. Needs the scope `settings:manage`.
#[utoipa::path(
    post, path = "/api/v2/communications/webhooks", tag = "Outgoing events", operation_id = "create_webhook",
    request_body = WebhookRequest,
    responses(
        (status = 201, description = "Registered; the secret is shown this once", body = WebhookWithSecret),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        (status = 409, description = "There are 20 of them", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["settings:manage"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    body: Body<WebhookRequest>,
) -> Result<(StatusCode, Json<WebhookWithSecret>), ApiError> {
    let wanted = Wanted::read(&app, body.value).await?;
    if app.events.subscribers().await?.len() >= MOST {
        return Err(
            ApiError::conflict("There are too many webhooks").details(format!("There may be {MOST}; remove one"))
        );
    }
    let now = app.road.clock.now();
    let secrets = Secrets::new().map_err(ApiError::unavailable)?;
    let subscriber = Subscriber {
        id: SubscriberId::new(),
        maker: caller.subject.clone(),
        disabled: wanted.disabled(None, now),
        target: wanted.target,
        wants: wanted.wants,
        description: wanted.description,
        secrets,
        failing: None,
        took: None,
        held_until: None,
        apart_until: None,
        created: now,
        updated: now,
    };
    match app.events.add_subscriber(&subscriber, &caller.subject).await? {
        Changed::Done => {}
        Changed::Refused => return Err(changed_meanwhile()),
    }
    tracing::info!(webhook.id = %subscriber.id, webhook.host = subscriber.target.host(), caller = caller.subject, "webhook registered");
    let secret = subscriber.secrets.current().to_owned();
    let answer = WebhookWithSecret { success: true, webhook: view(&subscriber, now), secret };
    Ok((StatusCode::CREATED, Json(answer)))
}
