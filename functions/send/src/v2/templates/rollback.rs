//! `POST /api/v2/communications/templates/{name}/rollback`: an earlier version is in force again.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::Value;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body, Caller};
use switchboard::message::template::SHIPPED_VERSION;

use super::{TemplateView, author, head, name, not_found};
use crate::App;

/// Which version.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rollback {
    /// A stored version, or `shipped` (also 0).
    #[schema(value_type = u32, example = 2)]
    version: Value,
    /// Why.
    note: Option<String>,
    /// Only if this version is in force now.
    expected_version: Option<u32>,
}

/// Put an earlier version of a template back in force
///
/// The versions and the history stay. Needs the scope `settings:manage`.
#[utoipa::path(
    post, path = "/api/v2/communications/templates/{name}/rollback", tag = "Templates", operation_id = "rollback_template",
    params(("name" = String, Path, description = "The template's name")),
    request_body = Rollback,
    responses(
        (status = 200, description = "In force", body = TemplateView),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        (status = 404, description = "No such template or version", body = ErrorBody),
        (status = 409, description = "Another version than expected is in force; nothing was changed", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["settings:manage"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(text): Path<String>,
    body: Body<Rollback>,
) -> Result<Json<TemplateView>, ApiError> {
    let Rollback { version, note, expected_version } = body.value;
    let name = name(&text)?;
    let version = read(&version)?;
    let author = author(&app, caller, note, expected_version)?;
    let template = app.road.templates.version(&name, version).await?.ok_or_else(not_found)?;
    let changed = app.road.templates.catalog.point_template(&name, version, &template, &author).await?;
    let head = head(&app, &name, changed)?;
    Ok(Json(TemplateView::new(name, version, template.as_ref().clone(), Some(head))))
}

fn read(version: &Value) -> Result<u32, ApiError> {
    let number = version.as_u64().and_then(|number| u32::try_from(number).ok());
    let shipped = (version.as_str() == Some("shipped")).then_some(SHIPPED_VERSION);
    number.or(shipped).ok_or_else(|| ApiError::invalid_field("version", "It must be a version's number, or shipped"))
}
