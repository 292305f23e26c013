//! `PUT /api/v2/communications/switches/{scope}`: stops a caller, or lets it go on.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body, Caller};
use switchboard::message::Channel;
use switchboard::store::controls::Switch;
use switchboard::store::events::Changed;

use super::{SwitchView, scope, view};
use crate::App;

/// A kill switch, as it is to be.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SwitchRequest {
    stopped: bool,
    /// The channels to stop; all of them if absent.
    #[serde(default)]
    channels: BTreeSet<Channel>,
    /// Why: one line of at most 200 characters.
    #[schema(example = "The key of this service was stolen")]
    reason: Option<String>,
}

/// The longest reason.
const LONGEST_REASON: usize = 200;

/// Set a kill switch
///
/// New sends of a stopped caller are refused (403, `reason`: `caller_stopped` or `channel_stopped`), its messages that wait are
/// held and its jobs stand still, codes and security messages included, within seconds. When the switch is released they go on
/// within five minutes. Who did it is on the ledger. Needs the scope `settings:manage`.
#[utoipa::path(
    put, path = "/api/v2/communications/switches/{scope}", tag = "Kill switches", operation_id = "set_switch",
    params(("scope" = String, Path, description = "`all`, or the subject of a caller's token")),
    request_body = SwitchRequest,
    responses(
        (status = 200, description = "Set", body = SwitchView),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        (status = 409, description = "Somebody else set it at the same time; nothing was changed", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["settings:manage"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    body: Body<SwitchRequest>,
) -> Result<Json<SwitchView>, ApiError> {
    let name = scope(&name)?;
    let SwitchRequest { stopped, channels, reason } = body.value;
    let fits = |reason: &String| reason.chars().count() <= LONGEST_REASON && !reason.chars().any(char::is_control);
    if reason.as_ref().is_some_and(|reason| !fits(reason)) {
        let why = format!("It must be one line of at most {LONGEST_REASON} characters");
        return Err(ApiError::invalid_field("reason", why));
    }
    let switch = Switch { stopped, channels, reason };
    match app.events.set_switch(name, &switch, &caller.subject, app.road.clock.now()).await? {
        Changed::Done => {}
        Changed::Refused => return Err(ApiError::conflict("The switch was set by somebody else meanwhile")),
    }
    tracing::warn!(switch.scope = name, switch.stopped = switch.stopped, caller = caller.subject, "kill switch set");
    Ok(Json(view(name, switch)))
}
