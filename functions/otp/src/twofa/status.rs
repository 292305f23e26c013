//! `GET /api/v2/2fa/status/{user_id}`: whether somebody needs a second factor, and whether they have one.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Caller};
use switchboard::person::PersonId;
use switchboard::twofactor::Role;

use super::{person_id, query};
use crate::App;

/// What they are.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RoleQuery {
    /// Their roles, at most 16, with commas between them; with one's own token, those of its claim `roles` (or `role`) too.
    #[param(example = "lender")]
    role: Option<String>,
}

/// Where a second factor stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TwoFactorStatusResponse {
    success: bool,
    user_id: PersonId,
    /// Whether somebody with these roles needs a second factor here.
    required: bool,
    /// Whether they have one.
    enrolled: bool,
    /// Until when a phone waits for its code, if one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmed_at: Option<Timestamp>,
    /// The last two digits of the phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "71")]
    phone_ending: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_codes_left: Option<usize>,
    /// The devices that are trusted now; at most ten.
    trusted_devices: Vec<TrustedDeviceView>,
    /// Until when nothing is checked, because too much failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    locked_until: Option<Timestamp>,
}

/// A device that needs no code.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TrustedDeviceView {
    device_id: String,
    trusted_at: Timestamp,
    expires_at: Timestamp,
}

/// How many roles are looked at.
const MOST_ROLES: usize = 16;

/// Where somebody's second factor stands
///
/// People may see their own; for others it needs `preferences:manage`.
#[utoipa::path(
    get, path = "/api/v2/2fa/status/{user_id}", tag = "Two-factor", operation_id = "two_factor_status",
    params(("user_id" = String, Path, description = "The person's id"), RoleQuery),
    responses(
        (status = 200, description = "Where it stands", body = TwoFactorStatusResponse),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = [])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(user_id): Path<String>,
    asked: Result<Query<RoleQuery>, QueryRejection>,
) -> Result<Json<TwoFactorStatusResponse>, ApiError> {
    let person = person_id(&user_id)?;
    caller.may_manage(&person)?;
    let mut roles = roles(query(asked)?.role.as_deref().unwrap_or_default())?;
    roles.extend(caller.roles_of(&person));
    let standing = app.twofactor.standing(&person, &roles).await?;
    let factor = standing.factor.as_ref();
    let devices = factor.map(|factor| factor.devices.as_slice()).unwrap_or_default();
    Ok(Json(TwoFactorStatusResponse {
        success: true,
        required: standing.required,
        enrolled: factor.is_some(),
        pending_until: standing.pending,
        confirmed_at: factor.map(|factor| factor.confirmed),
        phone_ending: factor.map(|factor| ending(factor.phone.as_str())),
        recovery_codes_left: factor.map(|factor| factor.recovery_left),
        trusted_devices: devices
            .iter()
            .map(|device| TrustedDeviceView {
                device_id: device.id.to_string(),
                trusted_at: device.proved,
                expires_at: device.expires,
            })
            .collect(),
        locked_until: standing.locked,
        user_id: person,
    }))
}

fn ending(phone: &str) -> String {
    phone.get(phone.len().saturating_sub(2)..).unwrap_or_default().to_owned()
}

fn roles(text: &str) -> Result<BTreeSet<Role>, ApiError> {
    let words: Vec<&str> =
        text.split(',').map(str::trim).filter(|word| !word.is_empty()).take(MOST_ROLES + 1).collect();
    if words.len() > MOST_ROLES {
        return Err(ApiError::invalid_field("role", format!("It must be at most {MOST_ROLES} roles")));
    }
    let role =
        |word: &str| word.parse::<Role>().map_err(|error| ApiError::invalid_field("role", format!("It is {error}")));
    words.into_iter().map(role).collect()
}
