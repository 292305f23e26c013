//! What comes in: what providers call, each callback's raw bytes verified before anything is parsed, and what it reports
//! reaching its message with one write; and the short links people follow.
//!
//! [`received`]: a callback as it came · [`reports`]: verify, parse, apply, one function a provider · [`inbound`]: the same of
//! what people write to us · [`voice`]: calls that ask what to say · then one file per endpoint.

pub mod communication;
mod inbound;
pub mod received;
mod reports;
pub mod resend;
pub mod short_links;
#[cfg(test)]
mod tests;
pub mod twilio;
mod voice;

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use axum::Router;
use switchboard::http::{Access, NetworkLimit, Routes};
use switchboard::provider::webhook_keys::WebhookKeys;
use switchboard::road::{Menus, Road};
use switchboard::secrets::Secret;

/// What the handlers work with.
#[derive(Clone, Debug)]
pub struct App {
    road: Road,
    menus: Menus,
    /// What callbacks are verified with.
    keys: Arc<Secret<WebhookKeys>>,
    /// Our address as the providers know it.
    public_url: Arc<str>,
    /// When a SendGrid callback was last noted (epoch milliseconds).
    sendgrid_noted: Arc<AtomicI64>,
}

impl App {
    pub fn new(road: Road, keys: Secret<WebhookKeys>, public_url: String) -> Self {
        let menus = Menus::new(road.templates.catalog.clone(), road.clock.clone());
        Self { road, menus, keys: Arc::new(keys), public_url: public_url.into(), sendgrid_noted: Arc::default() }
    }
}

/// The table of the function's endpoints: path, name, and who may call it.
pub fn routes() -> Routes<App> {
    let signed = Access::signed();
    Routes::default()
        .post("/api/communication/webhooks/twilio", "twilio_webhook", signed, communication::twilio::handle)
        .post("/api/communication/webhooks/sendgrid", "sendgrid_webhook", signed, communication::sendgrid::handle)
        .post("/api/communication/webhooks/resend", "resend_webhook", signed, communication::resend::handle)
        .post(
            "/api/communication/webhooks/sms-opt-out",
            "sms_opt_out_webhook",
            signed,
            communication::sms_opt_out::handle,
        )
        .post("/twilio/sms-status", "twilio_sms_status", signed, twilio::sms_status::handle)
        .post("/twilio/call-status", "twilio_call_status", signed, twilio::call_status::handle)
        .post("/twilio/incoming-sms", "twilio_incoming_sms", signed, twilio::incoming_sms::handle)
        .post("/twilio/incoming-whatsapp", "twilio_incoming_whatsapp", signed, twilio::incoming_whatsapp::handle)
        .post("/twilio/whatsapp-status", "twilio_whatsapp_status", signed, twilio::whatsapp_status::handle)
        .post("/twilio/voice-response", "twilio_voice_response", signed, twilio::voice_response::handle)
        .post("/twilio/voice-code", "twilio_voice_code", signed, twilio::voice_code::handle)
        .post("/twilio/gather-response", "twilio_gather_response", signed, twilio::gather_response::handle)
        .post("/twilio/recording-complete", "twilio_recording_complete", signed, twilio::recording_complete::handle)
        .post("/webhooks/resend", "resend_webhook", signed, resend::handle)
        .get("/l/{code}", "short_link", Access::link(), short_links::get::handle)
        .head("/l/{code}", "short_link_head", Access::link(), short_links::head::handle)
}

/// The function's endpoints, ready to serve.
pub fn router(app: App) -> Router {
    let network = NetworkLimit::from_env(app.road.clock.clone(), app.road.ephemera.clone(), app.road.seal.clone());
    routes().finish(None, network, app.road.seal.clone(), app)
}

/// The function's part of the API description.
#[derive(Debug, utoipa::OpenApi)]
#[openapi(paths(
    communication::twilio::handle,
    communication::sendgrid::handle,
    communication::resend::handle,
    communication::sms_opt_out::handle,
    twilio::sms_status::handle,
    twilio::call_status::handle,
    twilio::incoming_sms::handle,
    twilio::incoming_whatsapp::handle,
    twilio::whatsapp_status::handle,
    twilio::voice_response::handle,
    twilio::voice_code::handle,
    twilio::gather_response::handle,
    twilio::recording_complete::handle,
    resend::handle,
    short_links::get::handle,
    short_links::head::handle,
))]
pub struct Description;
