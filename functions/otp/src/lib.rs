//! One-time codes, and what can be said of a phone number.
//!
//! `otp/`: send a code, verify it · `sms/`: the older paths · [`request`]: what their bodies have in common ·
//! [`lookups`]: what Twilio knows of a number. What a code is and when it is sent is in [`switchboard::otp`].

pub mod lookups;
pub mod otp;
pub mod request;
pub mod sms;
#[cfg(test)]
mod tests;

use axum::Router;
use lookups::Lookups;
use switchboard::config::default_region;
use switchboard::http::{Access, Edge, Limit, Routes, Scope};
use switchboard::otp::Otp;
use switchboard::road::Road;

/// What the handlers work with.
#[derive(Clone, Debug)]
pub struct App {
    road: Road,
    otp: Otp,
    lookups: Lookups,
    /// The region phone numbers without a country code are read in.
    region: String,
}

/// The function's endpoints.
pub fn router(edge: Edge, road: Road, engine: Otp, lookups: Lookups) -> Router {
    let send = Access::Scoped(Scope::Send, Limit::Send);
    let check = Access::Scoped(Scope::Send, Limit::General);
    Routes::new(edge)
        .post("/api/v2/communications/otp/send", "otp_send", send, otp::send::handle)
        .post("/api/v2/communications/otp/verify", "otp_verify", check, otp::verify::handle)
        .post("/api/sms/send-2fa", "send_2fa", send, sms::send_2fa::handle)
        .post("/api/sms/validate-phone", "validate_phone", check, sms::validate_phone::handle)
        .finish(App { road, otp: engine, lookups, region: default_region() })
}

/// The function's part of the API description.
#[derive(Debug, utoipa::OpenApi)]
#[openapi(paths(otp::send::handle, otp::verify::handle, sms::send_2fa::handle, sms::validate_phone::handle))]
pub struct Description;
