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
use switchboard::http::{Access, Cost, Edge, Limit, NetworkLimit, OwnerRule, Routes, Scope};
use switchboard::otp::Otp;
use switchboard::person::UnsubscribeLinks;
use switchboard::person::confirm::ConfirmLinks;
use switchboard::privacy::Privacy;
use switchboard::road::Road;
use switchboard::seal::purpose::LinkKeys;
use switchboard::twofactor::ActionAssertions;

/// What the handlers work with.
#[derive(Clone, Debug)]
pub struct App {
    road: Road,
    otp: Otp,
    links: ConfirmLinks,
    privacy: Privacy,
    /// What people proved of their second factor for what they do here.
    actions: ActionAssertions,
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
const CANCEL_ERASURE: &str = "/cancel-erasure/{token}";
const REINDEX: &str = "/api/communication/privacy/reindex";
const RESEAL: &str = "/api/communication/privacy/reseal";

/// The table of the function's endpoints: path, name, who may call it, whose object it touches, what it may cost.
pub fn routes() -> Routes<App> {
    // Whose consent it is stands in the body, whose preferences in the path: the handlers check that.
    let person = Access::authenticated(Limit::General, OwnerRule::Person, Cost::Free);
    let prove = Access::authenticated(Limit::General, OwnerRule::Person, Cost::Code);
    let own = Access::authenticated(Limit::General, OwnerRule::Own, Cost::Free);
    let keys = OwnerRule::Organization("Administrators rotate the organization's keys");
    let operator = Access::scoped(Scope::ManageSettings, Limit::General, keys, Cost::Free);
    let list = OwnerRule::Organization("The list of suppressed addresses is the whole organization's");
    let readers = Access::scoped(Scope::Read, Limit::General, list, Cost::Free);
    let managers = Access::scoped(Scope::ManagePreferences, Limit::General, list, Cost::Free);
    Routes::default()
        .post("/api/communication/consent/sms", "grant_sms_consent", prove, consent::sms::handle)
        .post("/api/communication/consent/sms/verify", "verify_sms_consent", person, consent::sms_verify::handle)
        .post("/api/communication/consent/email", "grant_email_consent", prove, consent::email::handle)
        .get(CONFIRM, "confirmation_page", Access::link(), consent::confirm::page)
        .post(CONFIRM, "confirm_email", Access::link(), consent::confirm::handle)
        .post("/api/communication/consent/revoke", "revoke_consent", person, consent::revoke::handle)
        .post("/api/communication/opt-out", "opt_out", person, consent::opt_out::handle)
        .post("/api/communication/consent/check", "check_consent", person, consent::check::handle)
        .get(PREFERENCES, "preferences", person, preferences::get::handle)
        .put(PREFERENCES, "change_preferences", person, preferences::put::handle)
        .post(RESET, "reset_preferences", person, preferences::reset::handle)
        .get(SMS_PREFERENCES, "sms_preferences", own, preferences::sms::get)
        .put(SMS_PREFERENCES, "change_sms_preferences", own, preferences::sms::put)
        .get("/api/communication/optimal-send-time", "optimal_send_time", person, optimal_send_time::handle)
        .get(LEDGER, "consent_ledger", person, ledger::get::handle)
        .get(VERIFY, "verify_consent_ledger", person, ledger::verify::handle)
        .get(EXPORT, "export_person", person, privacy::export::handle)
        .post(ERASE, "erase_person", person, privacy::erase::handle)
        .get(ERASE, "erasure", person, privacy::erasure::handle)
        .delete(ERASE, "cancel_erasure", person, privacy::cancel::handle)
        .get(CANCEL_ERASURE, "erasure_cancellation_page", Access::link(), privacy::cancel_link::page)
        .post(CANCEL_ERASURE, "cancel_erasure_by_link", Access::link(), privacy::cancel_link::handle)
        .post(REINDEX, "start_reindex", operator, privacy::reindex::start_reindex)
        .get(REINDEX, "reindex", operator, privacy::reindex::reindex)
        .post(RESEAL, "start_reseal", operator, privacy::reseal::handle)
        .get(RESEAL, "reseal", operator, privacy::resealing::handle)
        .get(SUPPRESSIONS, "suppressions", readers, suppressions::list::handle)
        .post(SUPPRESSIONS, "add_suppression", managers, suppressions::add::handle)
        .post(CHECK_SUPPRESSIONS, "check_suppressions", readers, suppressions::check::handle)
        .post(RELEASE_SUPPRESSION, "release_suppression", managers, suppressions::release::handle)
        .get(UNSUBSCRIBE, "unsubscribe_page", Access::link(), unsubscribe::get::handle)
        .post(UNSUBSCRIBE, "unsubscribe", Access::link(), unsubscribe::post::handle)
}

/// The function's endpoints, ready to serve.
pub fn router(edge: Edge, road: Road, keys: LinkKeys, otp: Otp, privacy: Privacy, actions: ActionAssertions) -> Router {
    let network = NetworkLimit::from_env(road.clock.clone(), road.ephemera.clone(), road.seal.clone());
    let seal = road.seal.clone();
    let links = ConfirmLinks::new(seal.clone(), keys.clone(), &public_base_url());
    let unsubscribe = UnsubscribeLinks::reader(seal.clone(), keys);
    let app = App { road, otp, links, privacy, actions, unsubscribe, region: default_region() };
    routes().finish(Some(edge), network, seal, app)
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
    privacy::cancel::handle,
    privacy::cancel_link::page,
    privacy::cancel_link::handle,
    privacy::reindex::start_reindex,
    privacy::reindex::reindex,
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
