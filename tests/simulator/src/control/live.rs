//! `GET /_sim/live?since=`: what the page needs to stay up to date, and no more.

use axum::{
    Json,
    extract::{Query, State},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{stats_json, view::MessageView};
use crate::app::App;

/// A page shows the newest; older messages are for `GET /_sim/messages`.
const LIMIT: usize = 400;

#[derive(Debug, Deserialize)]
pub(super) struct Since {
    #[serde(default)]
    since: u64,
}

/// The messages changed since `since`, the counters and the faults; `version` is the next `since`. A new
/// `generation` says that everything was forgotten.
pub(super) async fn changes(State(app): State<App>, Query(Since { since }): Query<Since>) -> Json<Value> {
    let stats = stats_json(&app);
    let faults = json!(app.faults().list());
    let store = app.store();
    let (version, messages) = store.changed(since, LIMIT);
    let messages: Vec<_> = messages.into_iter().map(|message| MessageView::new(&store, message)).collect();
    Json(json!({
        "generation": store.generation(),
        "version": version,
        "messages": messages,
        "stats": stats,
        "faults": faults,
        "callback_base": app.config.callback_base,
    }))
}
