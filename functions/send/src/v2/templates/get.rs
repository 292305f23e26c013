//! `GET /api/v2/communications/templates/{name}`: a template, as it is in force or as it was.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::header::ETAG;
use serde::Deserialize;
use switchboard::http::ApiError;
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;

use super::{TemplateView, name, not_found};
use crate::App;
use crate::query::query;

/// Which version.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct VersionQuery {
    /// The one in force if absent; 0: the shipped one.
    #[param(example = 3)]
    version: Option<String>,
}

/// Get a template
///
/// With its history; the header `ETag` names the version in force, for `If-Match`. Needs the scope `communication:read`.
#[utoipa::path(
    get, path = "/api/v2/communications/templates/{name}", tag = "Templates", operation_id = "get_template",
    params(("name" = String, Path, description = "The template's name"), VersionQuery),
    responses(
        (status = 200, description = "The template", body = TemplateView),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        (status = 404, description = "No such template or version", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["communication:read"])),
)]
pub async fn handle(
    State(app): State<App>,
    Path(text): Path<String>,
    asked: Result<Query<VersionQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let name = name(&text)?;
    let asked = query(asked)?.version;
    let asked = asked.as_deref().map(str::parse::<u32>).transpose();
    let asked = asked.map_err(|_| ApiError::invalid_field("version", "It must be a number from 0"))?;
    let head = app.road.templates.catalog.template_head(&name).await?;
    let current = head.as_ref().map_or(0, |head| head.version);
    let version = asked.unwrap_or(current);
    let template = app.road.templates.version(&name, version).await?.ok_or_else(not_found)?;
    let view = TemplateView::new(name, version, template.as_ref().clone(), head);
    Ok(([(ETAG, format!("\"{current}\""))], Json(view)).into_response())
}
