//! `POST /api/communication/suppressions/release`: takes an address off the list, with the reason why.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body, Caller, Origin};
use switchboard::message::Channel;
use switchboard::person::{Suppression, SuppressionId};
use switchboard::store::people::{Details, Listed, Target};

use super::{SuppressionView, address, channels, view};
use crate::App;
use crate::request::{LONGEST_REASON, short};

/// What to release, and why.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct ReleaseSuppressionRequest {
    /// One suppression, by the id it is listed with. Either this or `address`.
    id: Option<String>,
    /// Every suppression of an address: a phone number or an e-mail address.
    #[schema(example = "+14155552671")]
    address: Option<String>,
    /// Of an address: only on this channel.
    channel: Option<Channel>,
    /// Why, for the ledger. At most 256 characters.
    #[schema(example = "The mailbox is back, its owner called")]
    reason: String,
}

/// What is off the list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ReleaseSuppressionResponse {
    success: bool,
    #[schema(example = "Address released successfully")]
    message: &'static str,
    released: Vec<SuppressionView>,
}

/// Release a suppressed address
///
/// The list forgets it; what its owner revoked stays revoked, for only they can agree again. A provider that still refuses the
/// address puts it back. Needs the scope `preferences:manage`.
#[utoipa::path(
    post, path = "/api/communication/suppressions/release", tag = "Suppressions", operation_id = "release_suppression",
    request_body = ReleaseSuppressionRequest,
    responses(
        (status = 200, description = "Off the list", body = ReleaseSuppressionResponse),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        (status = 404, description = "Not on the list", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["preferences:manage"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    origin: Origin,
    body: Body<ReleaseSuppressionRequest>,
) -> Result<Json<ReleaseSuppressionResponse>, ApiError> {
    let request = body.value;
    let note = short("reason", Some(request.reason), LONGEST_REASON)?;
    let (target, wanted) = match (request.id, request.address) {
        (Some(id), None) => one(&app, &id).await?,
        (None, Some(text)) => {
            let address = address(&app, &text)?;
            (app.road.people.target(&address), Wanted::On(channels(&address, request.channel)?))
        }
        (Some(_), Some(_)) => return Err(ApiError::invalid_field("address", "Either an id or an address, not both")),
        (None, None) => return Err(ApiError::missing_field("address")),
    };
    let now = app.road.clock.now();
    let witness = origin.witness(&caller, "api", now);
    let details = Details { note: note.as_deref(), ..Details::default() };
    let released = app.road.people.release(&target, |known| wanted.is(known), &witness, &details).await?;
    if released.is_empty() {
        return Err(not_listed());
    }
    let listed = released.into_iter().map(|suppression| {
        let (fingerprint, address) = (target.fingerprint.clone(), target.address.clone());
        let id = SuppressionId { fingerprint, channel: suppression.channel, reason: suppression.reason };
        Listed { id, suppression, address }
    });
    Ok(Json(ReleaseSuppressionResponse {
        success: true,
        message: "Address released successfully",
        released: listed.map(|listed| view(listed, &caller, now)).collect(),
    }))
}

/// Which of an address's suppressions.
enum Wanted {
    One(SuppressionId),
    On(Vec<Channel>),
}

impl Wanted {
    fn is(&self, known: &Suppression) -> bool {
        match self {
            Self::One(id) => (known.channel, known.reason) == (id.channel, id.reason),
            Self::On(channels) => channels.contains(&known.channel),
        }
    }
}

/// One suppression by its id, with the address as the list has it, for the ledger.
async fn one(app: &App, id: &str) -> Result<(Target, Wanted), ApiError> {
    let id: SuppressionId =
        id.parse().map_err(|_| ApiError::invalid_field("id", "It must be the id of a listed suppression"))?;
    let target = Target { fingerprint: id.fingerprint.clone(), address: None };
    let listed = app.road.people.suppressions_of(&target).await?;
    let address = listed.into_iter().find(|listed| listed.id == id).ok_or_else(not_listed)?.address;
    Ok((Target { address, ..target }, Wanted::One(id)))
}

fn not_listed() -> ApiError {
    ApiError::not_found("The address is not on the suppression list")
}
