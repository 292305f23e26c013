//! `/_sim/faults`

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::bad_request;
use crate::{app::App, faults::Fault};

/// One fault or several at once.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Faults {
    Several(Vec<Fault>),
    One(Box<Fault>),
}

/// `GET`: the active faults and how often each struck.
pub(super) async fn list(State(app): State<App>) -> Response {
    Json(json!({ "faults": app.faults().list() })).into_response()
}

/// `PUT`: adds to the active faults; answers all of them.
pub(super) async fn add(State(app): State<App>, body: Bytes) -> Response {
    let parsed = serde_json::from_slice(&body).map_err(|error| error.to_string()).or_else(|_| {
        // The error of the single form says more than that of the untagged choice.
        serde_json::from_slice::<Fault>(&body)
            .map(|fault| Faults::One(Box::new(fault)))
            .map_err(|error| error.to_string())
    });
    let faults = match parsed {
        Ok(Faults::Several(faults)) => faults,
        Ok(Faults::One(fault)) => vec![*fault],
        Err(error) => return bad_request(error),
    };
    for fault in faults {
        if let Err(error) = app.faults().add(fault) {
            return bad_request(error);
        }
    }
    list(State(app)).await
}

/// `DELETE`: ends all faults.
pub(super) async fn clear(State(app): State<App>) -> StatusCode {
    app.faults().clear();
    StatusCode::NO_CONTENT
}

/// `DELETE /_sim/faults/{id}`: ends one.
pub(super) async fn remove(State(app): State<App>, Path(id): Path<u64>) -> StatusCode {
    if app.faults().remove(id) { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND }
}
