//! Resend: `/emails` with idempotency keys, and Svix-signed webhooks.
//!
//! Read in this order: [`request`] (what is accepted), [`idempotency`] (the same key twice, and the rate limit),
//! [`send`] and [`fetch`] (the endpoints), [`answer`] (shapes), [`progress`] (events).

mod answer;
mod auth;
mod fetch;
mod idempotency;
mod magic;
mod progress;
mod request;
mod send;

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use jiff::Timestamp;

pub(crate) use self::idempotency::Idempotency;
use crate::{
    app::App,
    store::{File, Mail},
};

/// An e-mail as the client asked for it; each recipient is a message of its own in the store.
#[derive(Debug, Clone, Default)]
pub(crate) struct Email {
    pub(crate) to: Vec<String>,
    pub(crate) cc: Vec<String>,
    pub(crate) bcc: Vec<String>,
    pub(crate) reply_to: Vec<String>,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) attachments: Vec<File>,
    pub(crate) scheduled_at: Option<Timestamp>,
}

impl Email {
    /// Everybody it went to, and its files.
    pub(crate) fn mail(&self) -> Mail {
        let bare = |addresses: &[String]| addresses.iter().map(|address| request::bare(address).to_owned()).collect();
        Mail {
            to: bare(&self.to),
            cc: bare(&self.cc),
            bcc: bare(&self.bcc),
            reply_to: bare(&self.reply_to),
            attachments: self.attachments.clone(),
            headers: self.headers.iter().cloned().collect(),
        }
    }
}

/// Resend's endpoints.
pub(crate) fn routes() -> Router<App> {
    Router::new().route("/emails", post(send::send)).route("/emails/{id}", get(fetch::one)).method_not_allowed_fallback(
        async || answer::Error::new(405, "method_not_allowed", "Method is not allowed for the requested path."),
    )
}

/// Resend's answer to a path it does not have.
pub(crate) fn not_found() -> Response {
    answer::Error::of_status(404).into_response()
}
