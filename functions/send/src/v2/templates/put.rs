//! `PUT /api/v2/communications/templates/{name}`: a new version, in force at once.

use axum::Json;
use axum::extract::{Path, State};
use http::HeaderMap;
use http::header::IF_MATCH;
use serde::Deserialize;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body, Caller};
use switchboard::message::Trigger;
use switchboard::message::template::{Template, TemplateName};

use super::{TemplateView, author, check, head};
use crate::App;

/// A new version.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutTemplate {
    template: Template,
    /// Why it is changed.
    #[schema(example = "Shorter, so that it fits one segment")]
    note: Option<String>,
    /// Only if this version is in force (0: the shipped one); `If-Match` does the same.
    expected_version: Option<u32>,
}

/// Put a new version of a template
///
/// It is in force everywhere within five seconds; earlier versions stay. Everything in it is checked first: each text
/// compiles, sizes, unknown fields. Needs the scope `settings:manage`.
#[utoipa::path(
    put, path = "/api/v2/communications/templates/{name}", tag = "Templates", operation_id = "put_template",
    params(
        ("name" = String, Path, description = "1 to 64 of a to z, 0 to 9 and _; a trigger's template has the trigger's name"),
        ("If-Match" = Option<String>, Header, description = "Only if this version is in force"),
    ),
    request_body = PutTemplate,
    responses(
        (status = 200, description = "Stored and in force", body = TemplateView),
        (status = 400, description = "Bad input; the field and line are named", body = ErrorBody),
        (status = 409, description = "Another version than expected is in force; nothing was changed", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["settings:manage"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body<PutTemplate>,
) -> Result<Json<TemplateView>, ApiError> {
    let PutTemplate { mut template, note, expected_version } = body.value;
    let name: TemplateName = name.parse().map_err(|error| ApiError::invalid_field("name", format!("It is {error}")))?;
    let expected = expected_version.map_or_else(|| if_match(&headers), |version| Ok(Some(version)))?;
    if let Some(class) = name.trigger().map(Trigger::class) {
        if template.class.is_some_and(|own| own != class) {
            let why = format!("The trigger {name} is {class}; leave it out");
            return Err(ApiError::invalid_field("template.class", why));
        }
        template.class = Some(class);
    }
    check(&template)?;
    let author = author(&app, caller, note, expected)?;
    let changed = app.road.templates.catalog.put_template(&name, &template, &author).await?;
    let head = head(&app, &name, changed)?;
    Ok(Json(TemplateView::new(name, head.version, template, Some(head))))
}

/// The version `If-Match` names, as `ETag` spelled it.
fn if_match(headers: &HeaderMap) -> Result<Option<u32>, ApiError> {
    let Some(value) = headers.get(IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim().trim_start_matches("W/").trim_matches('"');
    if text == "*" {
        return Ok(None);
    }
    let invalid = || ApiError::bad_request("Invalid If-Match header").details("It must be a version, as ETag has it");
    text.parse().map(Some).map_err(|_| invalid())
}
