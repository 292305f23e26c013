//! `POST /api/communication/suppressions`: puts an address on the list by hand, or from another product's list.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body, Caller, Origin};
use switchboard::message::Channel;
use switchboard::person::Suppression;
use switchboard::person::suppression::{Reason, Scope};
use switchboard::store::people::Details;

use super::list::no_reason;
use super::{SuppressionView, address, channels, view};
use crate::App;
use crate::request::{LONGEST_REASON, short};

/// Which address, and why.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct AddSuppressionRequest {
    /// A phone number or an e-mail address.
    #[schema(example = "+14155552671")]
    address: String,
    /// If absent, every channel it can be used on.
    channel: Option<Channel>,
    /// `manual` if absent.
    #[schema(example = "complaint")]
    reason: Option<String>,
    /// `all` if absent.
    scope: Option<Scope>,
    /// From then on it means nothing (RFC 3339); for good if absent.
    #[schema(example = "2027-01-01T00:00:00Z")]
    expires_at: Option<String>,
    /// Why, in words, for the ledger. At most 256 characters.
    note: Option<String>,
}

/// The address is on the list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AddSuppressionResponse {
    success: bool,
    #[schema(example = "Address suppressed successfully")]
    message: &'static str,
    /// Everything that is known of it, newest first.
    suppressions: Vec<SuppressionView>,
}

/// Suppress an address
///
/// Nobody writes to it from now on, whoever's it is; what is queued or scheduled is refused when its time comes. What is
/// known of it already, for as much and as long, stays as it is. Needs the scope `preferences:manage`.
#[utoipa::path(
    post, path = "/api/communication/suppressions", tag = "Suppressions", operation_id = "add_suppression",
    request_body = AddSuppressionRequest,
    responses(
        (status = 200, description = "On the list", body = AddSuppressionResponse),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["preferences:manage"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    body: Body<AddSuppressionRequest>,
) -> Result<Json<AddSuppressionResponse>, ApiError> {
    let request = body.value;
    let now = app.road.clock.now();
    let address = address(&app, &request.address)?;
    let channels = channels(&address, request.channel)?;
    let reason = request.reason.map_or(Ok(Reason::Manual), |name| name.parse().map_err(|_| no_reason()))?;
    let scope = request.scope.unwrap_or(Scope::All);
    let until = request.expires_at.map(|text| expiry(&text, now)).transpose()?;
    let note = short("note", request.note, LONGEST_REASON)?;
    let witness = origin.witness(&caller, "api", now);
    let suppression = |channel| {
        let usual = Suppression::new(channel, reason, &witness.source, now);
        Suppression { scope, until: until.or(usual.until), ..usual }
    };
    let wanted: Vec<Suppression> = channels.into_iter().map(suppression).collect();
    let target = app.road.people.target(&address);
    let details = Details { note: note.as_deref(), ..Details::default() };
    app.road.people.suppress(&target, &wanted, &witness, &details).await?;
    let listed = app.road.people.suppressions_of(&target).await?;
    Ok(Json(AddSuppressionResponse {
        success: true,
        message: "Address suppressed successfully",
        suppressions: listed.into_iter().map(|listed| view(listed, &caller, now)).collect(),
    }))
}

fn expiry(text: &str, now: Timestamp) -> Result<Timestamp, ApiError> {
    let why = || ApiError::invalid_field("expires_at", "It must be a time to come (RFC 3339)");
    text.parse().ok().filter(|until: &Timestamp| *until > now).ok_or_else(why)
}
