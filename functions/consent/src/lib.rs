//! Registers people's addresses, what they agreed to, and what they prefer.
//!
//! `consent/`, `preferences/`, `suppressions/`, `unsubscribe/`, `ledger/`, `privacy/`: one file per endpoint; what they
//! share is in the folder's `mod.rs`.

pub mod consent;
pub mod ledger;
pub mod optimal_send_time;
pub mod preferences;
pub mod privacy;
mod request;
pub mod suppressions;
pub mod unsubscribe;

#[cfg(test)]
mod tests;

use axum::Router;
use switchboard::config::{default_region, public_base_url};
use switchboard::http::{Access, Edge, Limit, Routes, Scope};
use switchboard::otp::Otp;
use switchboard::person::UnsubscribeLinks;
use switchboard::person::confirm::ConfirmLinks;
use switchboard::privacy::Privacy;
use switchboard::road::Road;

/// What the handlers work with.
#[derive(Clone, Debug)]
pub struct App {
    road: Road,
    otp: Otp,
    links: ConfirmLinks,
    privacy: Privacy,
    /// What reads the links people unsubscribe with.
    unsubscribe: UnsubscribeLinks,
    /// The region phone numbers without a country code are read in.
    region: String,
}

const CONFIRM: &str = "/api/communication/consent/email/confirm/{token}";
const LEDGER: &str = "/api/communication/ledger/{user_id}";
const VERIFY: &str = "/api/communication/ledger/{user_id}/verify";
const RESET: &str = "/api/communication/preferences/{user_id}/reset";
const SMS_PREFERENCES: &str = "/api/sms/preferences";
const SUPPRESSIONS: &str = "/api/communication/suppressions";
const CHECK_SUPPRESSIONS: &str = "/api/communication/suppressions/check";
const RELEASE_SUPPRESSION: &str = "/api/communication/suppressions/release";
const UNSUBSCRIBE: &str = "/unsubscribe/{token}";
const PREFERENCES: &str = "/api/communication/preferences/{user_id}";
const EXPORT: &str = "/api/communication/privacy/{user_id}/export";
const ERASE: &str = "/api/communication/privacy/{user_id}/erase";
const RESEAL: &str = "/api/communication/privacy/reseal";

/// The function's endpoints.
pub fn router(edge: Edge, road: Road, otp: Otp, privacy: Privacy) -> Router {
    // Whose consent it is stands in the body, whose preferences in the path: the handlers check that.
    let links = ConfirmLinks::new(road.seal.clone(), &public_base_url());
    let anyone = Access::Authenticated(Limit::General);
    let operator = Access::Scoped(Scope::ManageSettings, Limit::General);
    let readers = Access::Scoped(Scope::Read, Limit::General);
    let managers = Access::Scoped(Scope::ManagePreferences, Limit::General);
    let unsubscribe = UnsubscribeLinks::reader(road.seal.clone());
    Routes::new(edge, road.seal.clone())
        .post("/api/communication/consent/sms", "grant_sms_consent", anyone, consent::sms::handle)
        .post("/api/communication/consent/sms/verify", "verify_sms_consent", anyone, consent::sms_verify::handle)
        .post("/api/communication/consent/email", "grant_email_consent", anyone, consent::email::handle)
        .get(CONFIRM, "confirmation_page", Access::Signed, consent::confirm::page)
        .post(CONFIRM, "confirm_email", Access::Signed, consent::confirm::handle)
        .post("/api/communication/consent/revoke", "revoke_consent", anyone, consent::revoke::handle)
        .post("/api/communication/opt-out", "opt_out", anyone, consent::opt_out::handle)
        .post("/api/communication/consent/check", "check_consent", anyone, consent::check::handle)
        .get(PREFERENCES, "preferences", anyone, preferences::get::handle)
        .put(PREFERENCES, "change_preferences", anyone, preferences::put::handle)
        .post(RESET, "reset_preferences", anyone, preferences::reset::handle)
        .get(SMS_PREFERENCES, "sms_preferences", anyone, preferences::sms::get)
        .put(SMS_PREFERENCES, "change_sms_preferences", anyone, preferences::sms::put)
        .get("/api/communication/optimal-send-time", "optimal_send_time", anyone, optimal_send_time::handle)
        .get(LEDGER, "consent_ledger", anyone, ledger::get::handle)
        .get(VERIFY, "verify_consent_ledger", anyone, ledger::verify::handle)
        .get(EXPORT, "export_person", anyone, privacy::export::handle)
        .post(ERASE, "erase_person", anyone, privacy::erase::handle)
        .get(ERASE, "erasure", anyone, privacy::erasure::handle)
        .post(RESEAL, "start_reseal", operator, privacy::reseal::handle)
        .get(RESEAL, "reseal", operator, privacy::resealing::handle)
        .get(SUPPRESSIONS, "suppressions", readers, suppressions::list::handle)
        .post(SUPPRESSIONS, "add_suppression", managers, suppressions::add::handle)
        .post(CHECK_SUPPRESSIONS, "check_suppressions", readers, suppressions::check::handle)
        .post(RELEASE_SUPPRESSION, "release_suppression", managers, suppressions::release::handle)
        .get(UNSUBSCRIBE, "unsubscribe_page", Access::Public, unsubscribe::get::handle)
        .post(UNSUBSCRIBE, "unsubscribe", Access::Public, unsubscribe::post::handle)
        .finish(App { road, otp, links, privacy, unsubscribe, region: default_region() })
}

/// The function's part of the API description.
#[derive(Debug, utoipa::OpenApi)]
#[openapi(paths(
    consent::sms::handle,
    consent::sms_verify::handle,
    consent::email::handle,
    consent::confirm::page,
    consent::confirm::handle,
    consent::revoke::handle,
    consent::opt_out::handle,
    consent::check::handle,
    preferences::get::handle,
    preferences::put::handle,
    preferences::reset::handle,
    preferences::sms::get,
    preferences::sms::put,
    optimal_send_time::handle,
    ledger::get::handle,
    ledger::verify::handle,
    privacy::export::handle,
    privacy::erase::handle,
    privacy::erasure::handle,
    privacy::reseal::handle,
    privacy::resealing::handle,
    suppressions::list::handle,
    suppressions::add::handle,
    suppressions::check::handle,
    suppressions::release::handle,
    unsubscribe::get::handle,
    unsubscribe::post::handle,
))]
pub struct Description;
