//! SendGrid's error body and headers.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

/// One entry of `errors`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct FieldError {
    pub(super) message: String,
    pub(super) field: Option<String>,
    pub(super) help: Option<String>,
}

/// A 400 with everything that is wrong.
pub(super) fn invalid(errors: &[FieldError]) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "errors": errors }))).into_response()
}

/// An error that is not about a field.
pub(super) fn error(status: u16, message: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(json!({ "errors": [{ "message": message, "field": null, "help": null }] }))).into_response()
}

/// The body that goes with a bare status.
pub(super) fn of_status(status: u16) -> Response {
    let message = match status {
        401 => "authorization required",
        403 => "access forbidden",
        404 => "not found",
        405 => "method not allowed",
        413 => "content too large",
        429 => "too many requests",
        503 => "service unavailable",
        500.. => "internal server error",
        _ => "Bad Request",
    };
    let mut response = error(status, message);
    if status == 429 {
        let headers = response.headers_mut();
        headers.insert("x-ratelimit-limit", HeaderValue::from_static("600"));
        headers.insert("x-ratelimit-remaining", HeaderValue::from_static("0"));
        headers.insert("x-ratelimit-reset", HeaderValue::from(Timestamp::now().as_second() + 1));
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// 202 (or 200 in the sandbox), no body.
pub(super) fn accepted(status: StatusCode, x_message_id: &str) -> Response {
    let mut response = status.into_response();
    if let Ok(id) = HeaderValue::from_str(x_message_id) {
        response.headers_mut().insert("x-message-id", id);
    }
    response
}
