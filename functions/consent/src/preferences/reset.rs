//! `POST /api/communication/preferences/{user_id}/reset`: a person's preferences become the smart defaults of their segment.

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Caller, Origin};
use switchboard::person::defaults::SmartDefaults;

use super::{PreferencesView, view};
use crate::App;
use crate::request::person_id;

/// What the ledger says a reset came by.
const SOURCE: &str = "preferences_reset";

/// The preferences as they are now.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PreferencesReset {
    success: bool,
    #[schema(example = "Preferences reset to defaults successfully")]
    message: &'static str,
    preferences: PreferencesView,
    /// Why they are these: what is known of people of this segment.
    reason: &'static str,
}

/// Reset preferences
///
/// To the smart defaults of their `user_segment`. Their segment, time zone and language stay, and so does everything they
/// consented to or opted out of. People may do it for themselves; for others it needs `preferences:manage`.
#[utoipa::path(
    post, path = "/api/communication/preferences/{user_id}/reset", tag = "Consent", operation_id = "reset_preferences",
    params(("user_id" = String, Path, description = "The person's id")),
    responses(
        (status = 200, description = "Reset", body = PreferencesReset),
        (status = 404, description = "Unknown person", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    Path(user_id): Path<String>,
) -> Result<Json<PreferencesReset>, ApiError> {
    let id = person_id(&user_id)?;
    caller.may_manage(&id)?;
    if app.road.people.get(&id).await?.is_none() {
        return Err(ApiError::not_found(format!("Unknown user: {id}")).with("field", "user_id"));
    }
    let witness = origin.witness(&caller, SOURCE, app.road.clock.now());
    let change = app.road.people.change(&id, &witness, |person| {
        person.recorded(|person| {
            let defaults = SmartDefaults::of(person.preferences.user_segment.as_deref());
            person.preferences = defaults.reset(&person.preferences);
        })
    });
    let mut person = change.await?;
    let defaults = SmartDefaults::of(person.preferences.user_segment.as_deref());
    // As the path spells it.
    person.id = id;
    Ok(Json(PreferencesReset {
        success: true,
        message: "Preferences reset to defaults successfully",
        preferences: view(person),
        reason: defaults.reason,
    }))
}
