//! `PUT /_sim/templates`: a content template of the account.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;

use super::bad_request;
use crate::app::App;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    /// `HX` and 32 hex digits.
    sid: String,
    /// With places: `Hello {{1}}`.
    body: String,
}

pub(super) async fn put(State(app): State<App>, body: Bytes) -> Response {
    let request: Request = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(error) => return bad_request(error.to_string()),
    };
    match app.store().templates_mut().put(&request.sid, &request.body) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => bad_request(error),
    }
}
