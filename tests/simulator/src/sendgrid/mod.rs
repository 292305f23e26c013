//! SendGrid: `/v3/mail/send` and the signed event webhook.
//!
//! Read in this order: [`request`] (what is accepted), [`send`] (the endpoint), [`answer`] (errors and headers),
//! [`progress`] (events of a message), [`batch`] (how events travel), [`magic`] (addresses that fail on purpose).

mod address;
mod answer;
mod auth;
mod batch;
mod magic;
mod progress;
mod request;
mod rules;
mod send;

use axum::{Router, response::Response, routing::post};
use serde_json::{Map, Value};

pub(crate) use self::batch::EventBatcher;
use crate::{app::App, store::Mail};

/// What all recipients of one personalization share.
#[derive(Debug, Clone, Default)]
pub(crate) struct Envelope {
    /// The id the client got.
    pub(crate) x_message_id: String,
    /// Flattened into every event.
    pub(crate) custom_args: Map<String, Value>,
    pub(crate) categories: Vec<String>,
    pub(crate) mail: Mail,
    /// Unix seconds.
    pub(crate) send_at: Option<i64>,
}

/// SendGrid's endpoints.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/v3/mail/send", post(send::send))
        .method_not_allowed_fallback(async || answer::error(405, "method not allowed"))
}

/// SendGrid's answer to a path it does not have.
pub(crate) fn not_found() -> Response {
    answer::of_status(404)
}
