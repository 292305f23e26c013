//! The simulator's own endpoints, for tests (`/_sim/…`) and for people (`/`).

mod callbacks;
mod callers;
mod fault;
mod inbound;
mod live;
mod messages;
mod past;
mod templates;
mod view;

use axum::{
    Json, Router,
    extract::State,
    response::{Html, IntoResponse, Response},
    routing::{delete, get, post, put},
};
use http::StatusCode;
use serde_json::{Value, json};

use crate::app::App;

/// The page: no other files, nothing from outside.
const PAGE: &str = include_str!("../page.html");

/// `/` and `/_sim/…`
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(async || Html(PAGE)))
        .route("/_sim", delete(forget))
        .route("/_sim/health", get(async || Json(json!({ "status": "ok" }))))
        .route("/_sim/messages", get(messages::list))
        .route("/_sim/stats", get(stats))
        .route("/_sim/templates", put(templates::put))
        .route("/_sim/callers", put(callers::put))
        .route("/_sim/age", post(past::age))
        .route("/_sim/foreign", post(past::foreign))
        .route("/_sim/inbound", post(inbound::deliver))
        .route("/_sim/faults", get(fault::list).put(fault::add).delete(fault::clear))
        .route("/_sim/faults/{id}", delete(fault::remove))
        .route("/_sim/callbacks", get(callbacks::list))
        .route("/_sim/live", get(live::changes))
}

/// `DELETE /_sim`
async fn forget(State(app): State<App>) -> StatusCode {
    app.forget();
    StatusCode::NO_CONTENT
}

/// `GET /_sim/stats`
async fn stats(State(app): State<App>) -> Json<Value> {
    Json(stats_json(&app))
}

fn stats_json(app: &App) -> Value {
    let mut stats = serde_json::to_value(app.store().stats()).unwrap_or_default();
    let (sent, failed) = app.outbox.log().totals();
    stats["callbacks"] = json!({ "sent": sent, "failed": failed, "in_flight": app.outbox.in_flight() });
    stats
}

/// A request to the simulator itself that makes no sense.
fn bad_request(message: impl Into<String>) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": message.into() }))).into_response()
}
