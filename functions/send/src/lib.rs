//! Accepts sends, answers what became of them, and cancels them.
//!
//! `communication/`: sends by trigger type, their status and cancellation · `twilio/`: direct sends to an address ·
//! `messages/`: one message and why it was (not) sent · [`accept`]: what all of them share.

mod accept;
pub mod communication;
pub mod direct;
pub mod messages;
#[cfg(test)]
mod tests;
pub mod twilio;

use axum::Router;
use switchboard::config::default_region;
use switchboard::http::{Access, Edge, Limit, Routes, Scope};
use switchboard::road::Road;

/// What the handlers work with.
#[derive(Clone, Debug)]
pub struct App {
    road: Road,
    /// The region phone numbers without a country code are read in.
    region: String,
}

/// The function's endpoints.
pub fn router(edge: Edge, road: Road) -> Router {
    let send = Access::Scoped(Scope::Send, Limit::Send);
    let batch = Access::Scoped(Scope::Send, Limit::Batch);
    let cancel = Access::Scoped(Scope::Send, Limit::General);
    let read = Access::Scoped(Scope::Read, Limit::General);
    Routes::new(edge)
        .post("/api/communication/send", "send_communication", send, communication::send::handle)
        .post("/api/communication/batch", "send_batch", batch, communication::batch::handle)
        .get("/api/communication/status/{task_id}", "communication_status", read, communication::status::handle)
        .post("/api/communication/cancel/{task_id}", "cancel_communication", cancel, communication::cancel::handle)
        .get(
            "/api/communication/trigger-types",
            "trigger_types",
            Access::Authenticated(Limit::General),
            communication::trigger_types::handle,
        )
        .post("/api/v1/twilio/send-sms", "send_sms", send, twilio::send_sms::handle)
        .post("/api/v1/twilio/send-whatsapp", "send_whatsapp", send, twilio::send_whatsapp::handle)
        .post("/api/v1/twilio/send-email", "send_email", send, twilio::send_email::handle)
        .get("/api/v2/communications/messages/{id}", "message", read, messages::get::handle)
        .finish(App { road, region: default_region() })
}

/// The function's part of the API description.
#[derive(Debug, utoipa::OpenApi)]
#[openapi(paths(
    communication::send::handle,
    communication::batch::handle,
    communication::status::handle,
    communication::cancel::handle,
    communication::trigger_types::handle,
    twilio::send_sms::handle,
    twilio::send_whatsapp::handle,
    twilio::send_email::handle,
    messages::get::handle,
))]
pub struct Description;
