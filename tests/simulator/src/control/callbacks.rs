//! `GET /_sim/callbacks`: the last 1000, as they went out.

use axum::{
    Json,
    extract::{Query, State},
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use crate::{app::App, callbacks::Record, store::Provider};

/// All filters are optional and combine.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    provider: Option<Provider>,
    /// Something in the URL or the body: a message id, an event name.
    contains: Option<String>,
}

/// Oldest first; each try is an entry of its own.
pub(super) async fn list(State(app): State<App>, Query(filter): Query<Filter>) -> Response {
    let log = app.outbox.log();
    let fits = |record: &&Record| {
        filter.provider.is_none_or(|provider| provider == record.provider)
            && filter.contains.as_deref().is_none_or(|text| record.url.contains(text) || record.body.contains(text))
    };
    Json(log.records().filter(fits).collect::<Vec<_>>()).into_response()
}
