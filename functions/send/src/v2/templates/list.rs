//! `GET /api/v2/communications/templates`: every template, shipped and stored, by name.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, paging};
use switchboard::message::template::{SHIPPED_VERSION, TemplateName, shipped};
use switchboard::store::catalog::templates::Listed;

use crate::App;
use crate::query::query;

/// Which part of the list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// How many, 1 to 100; 50 if absent.
    #[param(example = 50)]
    limit: Option<String>,
    /// Where the part before ended (`next_cursor`).
    cursor: Option<String>,
}

/// A part of the list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TemplateList {
    success: bool,
    templates: Vec<Listed>,
    /// Set where there is more.
    next_cursor: Option<String>,
}

const MOST: usize = 100;
const USUAL: usize = 50;

/// List templates
///
/// Shipped and stored ones together, in the order of their names. Needs the scope `communication:read`.
#[utoipa::path(
    get, path = "/api/v2/communications/templates", tag = "Templates", operation_id = "list_templates",
    params(ListQuery),
    responses(
        (status = 200, description = "A part of the list", body = TemplateList),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["communication:read"])),
)]
pub async fn handle(
    State(app): State<App>,
    asked: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<TemplateList>, ApiError> {
    let query = query(asked)?;
    let limit = paging::limit(query.limit.as_deref(), USUAL, MOST)?;
    let after = query.cursor.as_deref().map(after).transpose()?;
    // One more than asked for tells whether there is more.
    let stored = app.road.templates.catalog.list_templates(after.as_ref().map(TemplateName::as_str), limit + 1).await?;
    let mut templates: BTreeMap<TemplateName, Listed> = shipped::all()
        .filter(|(name, _)| after.as_ref().is_none_or(|after| *name > after))
        .map(|(name, template)| (name.clone(), Listed::of(name, template, SHIPPED_VERSION, 0)))
        .collect();
    templates.extend(stored.into_iter().map(|listed| (listed.name.clone(), listed)));
    let more = templates.len() > limit;
    let templates: Vec<Listed> = templates.into_values().take(limit).collect();
    let last = templates.last().filter(|_| more).map(|listed| URL_SAFE_NO_PAD.encode(listed.name.as_str()));
    Ok(Json(TemplateList { success: true, templates, next_cursor: last }))
}

fn after(cursor: &str) -> Result<TemplateName, ApiError> {
    let name = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok()?.parse().ok());
    name.ok_or_else(|| ApiError::invalid_field("cursor", "It must be the next_cursor of an earlier answer"))
}
