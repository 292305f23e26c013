//! Resend's shapes: the email, the error, the rate headers.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::{Email, idempotency::Rate};
use crate::store::{Detail, Message};

/// Resend's error body.
#[derive(Debug, Clone)]
pub(super) struct Error {
    status: u16,
    name: &'static str,
    message: String,
}

impl Error {
    pub(super) fn new(status: u16, name: &'static str, message: impl Into<String>) -> Self {
        Self { status, name, message: message.into() }
    }

    /// The body that goes with a bare status.
    pub(super) fn of_status(status: u16) -> Self {
        match status {
            401 => Self::new(status, "missing_api_key", "Missing API Key"),
            403 => Self::new(status, "invalid_api_key", "API key is invalid"),
            404 => Self::new(status, "not_found", "The requested endpoint does not exist"),
            409 => {
                let message = "Another request with the same idempotency key is currently in progress.";
                Self::new(status, "concurrent_idempotent_requests", message)
            }
            429 => Self::new(status, "rate_limit_exceeded", "Too many requests. Please slow down."),
            503 => Self::new(status, "service_unavailable", "The service is temporarily unavailable."),
            500.. => Self::new(status, "internal_server_error", "An unexpected error occurred."),
            _ => Self::new(status, "validation_error", "The request is invalid."),
        }
    }

    #[cfg(test)]
    pub(super) fn name(&self) -> &'static str {
        self.name
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = json!({ "statusCode": self.status, "name": self.name, "message": self.message });
        let mut response = (status, Json(body)).into_response();
        if self.status == 429 {
            response.headers_mut().insert("retry-after", HeaderValue::from_static("1"));
        }
        response
    }
}

/// Adds the team's rate headers.
pub(super) fn with_rate(mut response: Response, rate: Rate) -> Response {
    let headers = response.headers_mut();
    headers.insert("ratelimit-limit", HeaderValue::from(rate.limit));
    headers.insert("ratelimit-remaining", HeaderValue::from(rate.remaining));
    headers.insert("ratelimit-reset", HeaderValue::from_static("1"));
    response
}

/// Resend's part of a stored message.
pub(super) fn email(message: &Message) -> Option<&Email> {
    match &message.content.detail {
        Detail::Resend(email) => Some(email),
        Detail::Twilio(_) | Detail::Call(_) | Detail::Sendgrid(_) => None,
    }
}

/// `GET /emails/{id}`
pub(super) fn resource(message: &Message) -> Value {
    let content = &message.content;
    let email = email(message).cloned().unwrap_or_default();
    let created_at = message.received_at.strftime("%Y-%m-%d %H:%M:%S%.6f+00").to_string();
    let mut body = json!({
        "object": "email",
        "id": content.id,
        "message_id": format!("<{}@email.example.com>", content.id),
        "to": email.to,
        "from": content.from,
        "created_at": created_at,
        "subject": content.subject,
        "bcc": email.bcc,
        "cc": email.cc,
        "reply_to": email.reply_to,
        "last_event": message.status.as_str(),
    });
    for (name, value) in [("html", &content.html), ("text", &content.text)] {
        if let Some(value) = value {
            body[name] = json!(value);
        }
    }
    body
}
