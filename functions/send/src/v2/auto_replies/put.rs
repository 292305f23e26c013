//! `PUT /api/v2/communications/auto-replies`: sets what is answered by itself.

use axum::Json;
use axum::extract::State;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body, Caller};
use switchboard::message::auto_reply::AutoReplies;

use super::AutoRepliesView;
use crate::App;

/// Set the automatic answers
///
/// In place of those before; an empty list answers nothing. A word is the whole text, in any case and spelling of accents.
/// STOP, START, HELP and their like are Twilio's to answer. An answer is a transactional message: it is refused to whoever
/// opted out, and to no address go more than `per_hour` in an hour. Short codes, names and our own numbers get none. Takes
/// effect with the next text. Needs the scope `settings:manage`.
#[utoipa::path(
    put, path = "/api/v2/communications/auto-replies", tag = "Messages", operation_id = "set_auto_replies",
    request_body = AutoReplies,
    responses(
        (status = 200, description = "Set", body = AutoRepliesView),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["settings:manage"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    body: Body<AutoReplies>,
) -> Result<Json<AutoRepliesView>, ApiError> {
    let replies = body.value;
    replies.check().map_err(|fault| ApiError::invalid_field(&fault.field, fault.why))?;
    app.road.templates.catalog.set_auto_replies(&replies, &caller.subject, app.road.clock.now()).await?;
    tracing::info!(caller = caller.subject, replies = replies.replies.len(), "automatic answers set");
    Ok(Json(AutoRepliesView { success: true, replies }))
}
