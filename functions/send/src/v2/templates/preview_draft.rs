//! `POST /api/v2/communications/templates/preview`: what a template would look like that is not stored yet.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Map, Value};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body};
use switchboard::message::template::{Template, TemplateName};
use switchboard::message::{Channel, Locale};

use super::check;
use super::preview::{Preview, PreviewResponse, show};
use crate::App;

/// A draft, for whom, and with what.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftPreview {
    template: Template,
    channel: Channel,
    #[serde(default)]
    #[schema(value_type = Object, example = json!({"service": "Cleaning"}))]
    data: Map<String, Value>,
    locale: Option<Locale>,
    /// The number it would go to, for its price.
    to: Option<String>,
    /// Or the country (ISO 3166 alpha-2); the deployment's own if both are absent.
    country: Option<String>,
    /// Whose variant of a split test: a user id or an address.
    person_key: Option<String>,
}

/// Preview a draft of a template
///
/// Checked as if it were put; nothing is stored and nothing sent. Needs the scope `communication:read`.
#[utoipa::path(
    post, path = "/api/v2/communications/templates/preview", tag = "Templates", operation_id = "preview_draft",
    request_body = DraftPreview,
    responses(
        (status = 200, description = "What it looks like", body = PreviewResponse),
        (status = 400, description = "Bad input; the field and line are named", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["communication:read"])),
)]
pub async fn handle(State(app): State<App>, body: Body<DraftPreview>) -> Result<Json<PreviewResponse>, ApiError> {
    let DraftPreview { template, channel, data, locale, to, country, person_key } = body.value;
    check(&template)?;
    let draft: TemplateName = "draft".parse().map_err(ApiError::internal)?;
    let request = Preview { channel, data, locale, to, country, person_key, version: None };
    show(&app, (&draft, 0, &template), &request).map(Json)
}
