//! `PUT /api/v2/communications/voice/menu`: another voice menu.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Map, Value};
use switchboard::http::error::ErrorBody;
use switchboard::http::refusals::Refusals;
use switchboard::http::{ApiError, Body, Caller};
use switchboard::store::catalog::menus::PutMenu;
use switchboard::voice::{Fault, Menu};

use super::MenuView;
use crate::App;

/// Another menu.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MenuRequest {
    menu: Menu,
    /// Only say what is wrong with it; nothing is stored.
    #[serde(default)]
    dry_run: Option<bool>,
    /// Only if this version is in force (0: the shipped one).
    expected_version: Option<u32>,
}

/// How many faults an answer lists.
const MOST_FAULTS: usize = 20;

/// Replace the voice menu
///
/// It is in force everywhere within five seconds, and earlier versions stay; a call that is under way goes on in it, from
/// the beginning where its node is gone. Everything in it is checked first: every node is there and can be reached, no way
/// leads back without a question, texts and depth are bounded. `faults` lists up to 20 that were found, each with the field
/// that names its node. Needs the scope `settings:manage`.
#[utoipa::path(
    put, path = "/api/v2/communications/voice/menu", tag = "Voice", operation_id = "put_voice_menu",
    request_body = MenuRequest,
    responses(
        (status = 200, description = "In force; of a dry run: it could be", body = MenuView),
        (status = 400, description = "Bad input; the field is named", body = ErrorBody),
        (status = 409, description = "Another version than expected is in force; nothing was changed", body = ErrorBody),
        Refusals,
    ),
    security(("bearer" = ["settings:manage"])),
)]
pub async fn handle(
    State(app): State<App>,
    caller: Caller,
    body: Body<MenuRequest>,
) -> Result<Json<MenuView>, ApiError> {
    let MenuRequest { menu, dry_run, expected_version } = body.value;
    refuse(&menu.faults(&app.public_url))?;
    let catalog = &app.road.templates.catalog;
    if dry_run == Some(true) {
        let version = catalog.menu().await?.map_or(0, |stored| stored.version);
        expected_version.filter(|expected| *expected != version).map_or(Ok(()), |_| Err(conflict(version)))?;
        return Ok(Json(MenuView::unstored(version, menu)));
    }
    match catalog.put_menu(&menu, &caller.subject, app.road.clock.now(), expected_version).await? {
        PutMenu::Done(stored) => {
            tracing::info!(menu.version = stored.version, caller = caller.subject, "voice menu replaced");
            Ok(Json(MenuView::stored(*stored)))
        }
        PutMenu::Conflict(version) => Err(conflict(version)),
    }
}

fn conflict(version: u32) -> ApiError {
    ApiError::conflict("Another version is in force")
        .details("Read the menu again and decide anew; nothing was changed")
        .with("current_version", version)
}

fn refuse(faults: &[Fault]) -> Result<(), ApiError> {
    let Some(first) = faults.first() else { return Ok(()) };
    let named = |fault: &Fault| format!("menu.{}", fault.field);
    let all: Vec<Value> = faults
        .iter()
        .take(MOST_FAULTS)
        .map(|fault| {
            let pair = [("field", named(fault)), ("details", fault.why.clone())];
            Value::from(Map::from_iter(pair.map(|(name, value)| (name.to_owned(), Value::from(value)))))
        })
        .collect();
    Err(ApiError::invalid_field(&named(first), first.why.clone()).with("faults", all))
}
