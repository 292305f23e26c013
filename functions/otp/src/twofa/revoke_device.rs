//! `POST /api/v2/2fa/devices/revoke`: a trusted device needs a code again.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body, Caller};
use switchboard::person::PersonId;
use switchboard::twofactor::DeviceId;

use crate::App;

/// Whose device, and which.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct RevokeDeviceRequest {
    #[serde(alias = "userId")]
    user_id: PersonId,
    /// As `/api/v2/2fa/status/{user_id}` lists it.
    #[serde(alias = "deviceId")]
    device_id: DeviceId,
}

/// It is not trusted any more.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RevokeDeviceResponse {
    success: bool,
    /// Always `true`.
    revoked: bool,
}

/// Take a device's trust away
///
/// Needs the scope `preferences:manage`.
#[utoipa::path(
    post, path = "/api/v2/2fa/devices/revoke", tag = "Two-factor", operation_id = "two_factor_revoke_device",
    request_body = RevokeDeviceRequest,
    responses(
        (status = 200, description = "Not trusted any more", body = RevokeDeviceResponse),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        (status = 404, description = "No such trusted device", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["preferences:manage"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    body: Body<RevokeDeviceRequest>,
) -> Result<Json<RevokeDeviceResponse>, ApiError> {
    let RevokeDeviceRequest { user_id, device_id } = body.value;
    if !app.twofactor.revoke(&caller.subject, &user_id, device_id).await? {
        return Err(ApiError::not_found("No such trusted device").with("field", "device_id"));
    }
    Ok(Json(RevokeDeviceResponse { success: true, revoked: true }))
}
