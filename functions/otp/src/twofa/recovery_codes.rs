//! `POST /api/v2/2fa/recovery-codes`: new recovery codes in the place of all that are left.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body, Caller};
use switchboard::person::PersonId;

use super::{not_enrolled, shown};
use crate::App;

/// Whose.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct RecoveryCodesRequest {
    #[serde(alias = "userId")]
    user_id: PersonId,
}

/// The new ones.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RecoveryCodesResponse {
    success: bool,
    /// Ten, each good once. They are told this once.
    #[schema(example = json!(["K7QMX-4TRWP", "9HJCN-E5ZVA"]))]
    recovery_codes: Vec<String>,
}

/// New recovery codes
///
/// Those of before are worth nothing from then on. Needs the scope `preferences:manage`.
#[utoipa::path(
    post, path = "/api/v2/2fa/recovery-codes", tag = "Two-factor", operation_id = "two_factor_recovery_codes",
    request_body = RecoveryCodesRequest,
    responses(
        (status = 200, description = "The new ones", body = RecoveryCodesResponse),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        (status = 404, description = "No second factor", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["preferences:manage"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    body: Body<RecoveryCodesRequest>,
) -> Result<Json<RecoveryCodesResponse>, ApiError> {
    let codes = app.twofactor.renew_recovery(&caller.subject, &body.value.user_id).await?;
    let codes = codes.ok_or_else(not_enrolled)?;
    Ok(Json(RecoveryCodesResponse { success: true, recovery_codes: shown(&codes) }))
}
