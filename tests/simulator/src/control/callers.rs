//! `PUT /_sim/callers`: what the person at a number does when they are called.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;

use super::bad_request;
use crate::{app::App, twilio::calls::Deed};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    /// E.164.
    number: String,
    /// In order: `{"press": "1"}`, `{"say": "an agent"}`, `"nothing"`, `"hang_up"`. Afterwards they stay silent.
    deeds: Vec<Deed>,
}

pub(super) async fn put(State(app): State<App>, body: Bytes) -> Response {
    match serde_json::from_slice::<Request>(&body) {
        Ok(request) => {
            app.store().callers_mut().put(&request.number, request.deeds);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => bad_request(error.to_string()),
    }
}
