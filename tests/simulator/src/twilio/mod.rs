//! Twilio Programmable Messaging: `/2010-04-01/Accounts/{AC}/Messages`; Voice is in [`calls`],
//! Verify in [`verify`], Lookup in [`lookup`].
//!
//! Read in this order: [`request`] (what is accepted), [`send`] (the endpoint), [`answer`] (the resource and errors),
//! [`progress`] (statuses and callbacks), [`fetch`] (reading back), [`magic`] (numbers that fail on purpose),
//! [`content`] (WhatsApp templates).

mod answer;
mod auth;
mod callback;
pub(crate) mod calls;
mod content;
mod fetch;
mod form;
mod inbound;
mod listing;
mod lookup;
mod magic;
mod progress;
mod request;
mod segments;
mod send;
mod sending;
mod sign;
mod spelling;
pub(crate) mod verify;

use axum::{Router, response::IntoResponse, routing::get};
use jiff::Timestamp;

pub(crate) use self::{
    callback::signed as signed_callback,
    content::Templates,
    inbound::{File, Inbound, deliver as deliver_inbound, hear as hear_inbound},
};
use crate::app::App;

/// What only Twilio knows about a message.
#[derive(Debug, Clone, Default)]
pub(crate) struct Detail {
    pub(crate) service_sid: Option<String>,
    pub(crate) status_callback: Option<String>,
    /// The content template and its variables (JSON), where one was used.
    pub(crate) template: Option<(String, Option<String>)>,
    /// The variables do not fit the template.
    pub(crate) misfit: bool,
    /// Segments of the body; shown as 0 until a Messaging Service has chosen a sender.
    pub(crate) segments: u32,
    /// Set a while after the message was sent.
    pub(crate) priced: bool,
    pub(crate) send_at: Option<Timestamp>,
}

/// Twilio's endpoints.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .merge(calls::routes())
        .merge(verify::routes())
        .merge(lookup::routes())
        .route("/2010-04-01/Accounts/{account}/Messages.json", get(fetch::list).post(send::create))
        .route(
            "/2010-04-01/Accounts/{account}/Messages/{file}",
            get(fetch::one).post(send::update).delete(send::delete),
        )
        .method_not_allowed_fallback(async || answer::Error::new(20004, "Method not allowed").with_status(405))
}

/// Twilio's answer to a path it does not have.
pub(crate) fn not_found(path: &str) -> impl IntoResponse {
    answer::Error::not_found(path)
}
