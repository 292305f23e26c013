//! `POST /api/communication/suppressions/check`: whether an address must not be used.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body, Caller};
use switchboard::message::Channel;

use super::{SuppressionView, address, channels, view};
use crate::App;

/// Which address.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct CheckSuppressionRequest {
    /// A phone number or an e-mail address.
    #[schema(example = "ada@example.com")]
    address: String,
    /// Only on this channel.
    channel: Option<Channel>,
}

/// What is known of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CheckSuppressionResponse {
    success: bool,
    /// Something is in force against it; `suppressions` say on which channel and for which messages.
    suppressed: bool,
    /// Those that are over included, newest first.
    suppressions: Vec<SuppressionView>,
}

/// Is an address suppressed
///
/// Asked in a body, so that the address stands in no log of URLs. Needs the scope `communication:read`.
#[utoipa::path(
    post, path = "/api/communication/suppressions/check", tag = "Suppressions", operation_id = "check_suppressions",
    request_body = CheckSuppressionRequest,
    responses(
        (status = 200, description = "What is known of it", body = CheckSuppressionResponse),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["communication:read"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    body: Body<CheckSuppressionRequest>,
) -> Result<Json<CheckSuppressionResponse>, ApiError> {
    let address = address(&app, &body.value.address)?;
    let channels = channels(&address, body.value.channel)?;
    let now = app.road.clock.now();
    let listed = app.road.people.suppressions_of(&app.road.people.target(&address)).await?;
    let listed = listed.into_iter().filter(|listed| channels.contains(&listed.suppression.channel));
    let suppressions: Vec<SuppressionView> = listed.map(|listed| view(listed, &caller, now)).collect();
    let suppressed = suppressions.iter().any(|view| view.in_force);
    Ok(Json(CheckSuppressionResponse { success: true, suppressed, suppressions }))
}
