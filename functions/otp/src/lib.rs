//! One-time codes, second factors, and what can be said of a phone number.
//!
//! `otp/`: send a code, verify it · `sms/`: the older paths · `twofa/`: second factors · [`request`]: what the bodies have in
//! common · [`lookups`]: what Twilio knows of a number. What a code is and when it is sent is in [`switchboard::otp`], what a
//! second factor is in [`switchboard::twofactor`].

pub mod lookups;
pub mod otp;
pub mod request;
pub mod sms;
#[cfg(test)]
mod tests;
pub mod twofa;

use axum::Router;
use lookups::Lookups;
use switchboard::config::default_region;
use switchboard::http::{Access, Cost, Edge, Limit, NetworkLimit, OwnerRule, Routes, Scope};
use switchboard::otp::Otp;
use switchboard::road::Road;
use switchboard::twofactor::TwoFactor;

/// What the handlers work with.
#[derive(Clone, Debug)]
pub struct App {
    road: Road,
    otp: Otp,
    lookups: Lookups,
    twofactor: TwoFactor,
    /// The region phone numbers without a country code are read in.
    region: String,
}

/// The table of the function's endpoints: path, name, who may call it, whose object it touches, what it may cost.
pub fn routes() -> Routes<App> {
    let codes = OwnerRule::Organization("Services with this scope prove addresses for the people who use them");
    let send = Access::scoped(Scope::Send, Limit::Send, codes, Cost::Code);
    let check = Access::scoped(Scope::Send, Limit::General, codes, Cost::Free);
    let numbers = OwnerRule::Organization("What a number is belongs to nobody");
    let lookup = Access::scoped(Scope::Send, Limit::General, numbers, Cost::Lookup);
    let factors = OwnerRule::Organization("Services with this scope manage everybody's second factors");
    let enrol = Access::scoped(Scope::ManagePreferences, Limit::Send, factors, Cost::Code);
    let manage = Access::scoped(Scope::ManagePreferences, Limit::General, factors, Cost::Free);
    let own = Access::authenticated(Limit::General, OwnerRule::Person, Cost::Free);
    Routes::default()
        .post("/api/v2/communications/otp/send", "otp_send", send, otp::send::handle)
        .post("/api/v2/communications/otp/verify", "otp_verify", check, otp::verify::handle)
        .post("/api/sms/send-2fa", "send_2fa", send, sms::send_2fa::handle)
        .post("/api/sms/validate-phone", "validate_phone", lookup, sms::validate_phone::handle)
        .post("/api/v2/2fa/enrol", "two_factor_enrol", enrol, twofa::enrol::handle)
        .post("/api/v2/2fa/enrol/confirm", "two_factor_confirm", manage, twofa::confirm::handle)
        .post("/api/v2/2fa/start", "two_factor_start", send, twofa::start::handle)
        .post("/api/v2/2fa/check", "two_factor_check", check, twofa::check::handle)
        .get("/api/v2/2fa/status/{user_id}", "two_factor_status", own, twofa::status::handle)
        .get("/api/v2/2fa/history/{user_id}", "two_factor_history", own, twofa::history::handle)
        .post("/api/v2/2fa/recovery-codes", "two_factor_recovery_codes", manage, twofa::recovery_codes::handle)
        .post("/api/v2/2fa/devices/revoke", "two_factor_revoke_device", manage, twofa::revoke_device::handle)
        .post("/api/v2/2fa/remove", "two_factor_remove", own, twofa::remove::handle)
        .get("/.well-known/jwks.json", "jwks", Access::public(), twofa::jwks::handle)
}

/// The function's endpoints, ready to serve.
pub fn router(edge: Edge, road: Road, engine: Otp, lookups: Lookups, twofactor: TwoFactor) -> Router {
    let network = NetworkLimit::from_env(road.clock.clone(), road.ephemera.clone(), road.seal.clone());
    let seal = road.seal.clone();
    let app = App { road, otp: engine, lookups, twofactor, region: default_region() };
    routes().finish(Some(edge), network, seal, app)
}

/// The function's part of the API description.
#[derive(Debug, utoipa::OpenApi)]
#[openapi(paths(
    otp::send::handle,
    otp::verify::handle,
    sms::send_2fa::handle,
    sms::validate_phone::handle,
    twofa::enrol::handle,
    twofa::confirm::handle,
    twofa::start::handle,
    twofa::check::handle,
    twofa::status::handle,
    twofa::history::handle,
    twofa::recovery_codes::handle,
    twofa::revoke_device::handle,
    twofa::remove::handle,
    twofa::jwks::handle,
))]
pub struct Description;
