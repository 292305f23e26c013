//! Accepts sends, answers what became of them, and cancels them.
//!
//! `communication/`: sends by trigger type, their status and cancellation · `twilio/`, `sms/` and `v2/`: direct sends to an
//! address, with what they share in [`direct`] and [`calls`] · `messages/`: one message and why it was (not) sent · `threads/`: conversations · [`accept`]: what all of them share, [`many`]: what
//! those that make many tasks share.

mod accept;
mod calls;
pub mod communication;
pub mod direct;
mod email;
mod links;
mod many;
pub mod messages;
mod query;
mod rendering;
pub mod reschedule;
pub mod sms;
#[cfg(test)]
mod tests;
pub mod threads;
mod times;
pub mod twilio;
pub mod v2;

use axum::Router;
use switchboard::config::{default_region, public_url};
use switchboard::http::{Access, Cost, Edge, Limit, NetworkLimit, OwnerRule, Routes, Scope};
use switchboard::policy::{CallHosts, Senders};
use switchboard::road::Road;
use switchboard::store::jobs::JobFiles;
use switchboard::store::{Budgets, Jobs};

/// What the handlers work with.
#[derive(Clone, Debug)]
pub struct App {
    road: Road,
    budgets: Budgets,
    jobs: Jobs,
    job_files: JobFiles,
    /// Our address as the providers know it.
    public_url: String,
    /// The senders a request may name.
    senders: Senders,
    /// The hosts a call may take its instructions from.
    call_hosts: CallHosts,
    /// The region phone numbers without a country code are read in.
    region: String,
}

/// The table of the function's endpoints: path, name, who may call it, whose object it touches, what it may cost.
pub fn routes() -> Routes<App> {
    // A send makes objects of its caller's; whom it may reach the decision says.
    let makes = OwnerRule::Organization("A send makes messages that belong to its caller");
    let send = Access::scoped(Scope::Send, Limit::Send, makes, Cost::Message);
    let bulk = Access::scoped(Scope::Send, Limit::Batch, makes, Cost::Bulk);
    let resend = Access::scoped(Scope::Send, Limit::Send, OwnerRule::Maker, Cost::Message);
    // Of what was accepted before, so it does not count as a send.
    let steer = Access::scoped(Scope::Send, Limit::General, OwnerRule::Maker, Cost::Free);
    let own_job = Access::scoped(Scope::Read, Limit::General, OwnerRule::Maker, Cost::Free);
    let own_jobs = Access::scoped(Scope::Read, Limit::General, OwnerRule::Own, Cost::Free);
    // One deployment is one organization: whoever may read its messages may read all of them.
    let whole = OwnerRule::Organization("Services with this scope read the whole organization's messages");
    let read = Access::scoped(Scope::Read, Limit::General, whole, Cost::Free);
    let shared = OwnerRule::Organization("Templates are shared by all services; they hold no personal data");
    let wording = Access::scoped(Scope::Read, Limit::General, shared, Cost::Free);
    let sums = OwnerRule::Organization("Spending is shown to whoever reads the organization's figures");
    let spending = Access::scoped(Scope::ReadAnalytics, Limit::General, sums, Cost::Free);
    let all = OwnerRule::Organization("Administrators control what is the whole organization's");
    let administer = Access::scoped(Scope::ManageSettings, Limit::General, all, Cost::Free);
    Routes::default()
        .post("/api/communication/send", "send_communication", send, communication::send::handle)
        .post("/api/communication/batch", "send_batch", bulk, communication::batch::handle)
        .get("/api/communication/status/{task_id}", "communication_status", read, communication::status::handle)
        .post("/api/communication/cancel/{task_id}", "cancel_communication", steer, communication::cancel::handle)
        .post(
            "/api/communication/reschedule/{task_id}",
            "reschedule_communication",
            steer,
            communication::reschedule::handle,
        )
        .post(
            "/api/communication/track/{task_id}",
            "track_action",
            Access::authenticated(Limit::General, OwnerRule::Recipient, Cost::Free),
            communication::track::handle,
        )
        .get(
            "/api/communication/trigger-types",
            "trigger_types",
            Access::authenticated(Limit::General, OwnerRule::Public, Cost::Free),
            communication::trigger_types::handle,
        )
        .post("/api/v1/twilio/send-sms", "send_sms", send, twilio::send_sms::handle)
        .post("/api/v1/twilio/send-whatsapp", "send_whatsapp", send, twilio::send_whatsapp::handle)
        .post("/api/v1/twilio/send-email", "send_email", send, twilio::send_email::handle)
        .get("/api/v1/twilio/sms-status/{message_sid}", "twilio_message_status", read, twilio::sms_status::handle)
        .post("/api/v1/twilio/initiate-call", "initiate_call", send, twilio::initiate_call::handle)
        .get("/api/v1/twilio/call-status/{call_sid}", "call_status", read, twilio::call_status::handle)
        .post("/api/sms/send", "sms_send", send, sms::send::handle)
        .post("/api/sms/send-bulk", "sms_send_bulk", bulk, sms::send_bulk::handle)
        .post("/api/sms/bulk-send", "sms_bulk_send", bulk, sms::bulk_send::handle)
        .post("/api/sms/whatsapp/send", "whatsapp_send", send, sms::whatsapp::send::handle)
        .post("/api/sms/whatsapp/send-bulk", "whatsapp_send_bulk", bulk, sms::whatsapp::send_bulk::handle)
        .post("/api/sms/test", "sms_test", send, sms::test::handle)
        .post(
            "/api/sms/resend-booking-confirmation",
            "resend_booking_confirmation",
            resend,
            sms::resend_booking_confirmation::handle,
        )
        .post("/api/sms/send-booking-reminder", "send_booking_reminder", send, sms::send_booking_reminder::handle)
        .get("/api/sms/message-status/{message_sid}", "sms_message_status", read, sms::message_status::handle)
        .get("/api/sms/status/{message_id}", "sms_status", read, sms::status::handle)
        .post("/api/v2/communications/sms", "v2_sms", send, v2::sms::send::handle)
        .post("/api/v2/communications/sms/bulk", "v2_sms_bulk", bulk, v2::sms::bulk::handle)
        .get("/api/v2/communications/budgets/{scope}", "budget", spending, v2::budgets::get::handle)
        .put("/api/v2/communications/budgets/{scope}", "set_budget", administer, v2::budgets::put::handle)
        .get("/api/v2/communications/templates", "list_templates", wording, v2::templates::list::handle)
        .get("/api/v2/communications/templates/{name}", "get_template", wording, v2::templates::get::handle)
        .put("/api/v2/communications/templates/{name}", "put_template", administer, v2::templates::put::handle)
        .post(
            "/api/v2/communications/templates/{name}/rollback",
            "rollback_template",
            administer,
            v2::templates::rollback::handle,
        )
        .post(
            "/api/v2/communications/templates/{name}/preview",
            "preview_template",
            wording,
            v2::templates::preview::handle,
        )
        .post(
            "/api/v2/communications/templates/preview",
            "preview_draft",
            wording,
            v2::templates::preview_draft::handle,
        )
        .post("/api/v2/communications/calls", "v2_call", send, v2::calls::handle)
        .post_up_to(
            v2::email::send::LARGEST_REQUEST,
            "/api/v2/communications/email",
            "v2_email",
            send,
            v2::email::send::handle,
        )
        .get("/api/v2/communications/messages/{id}", "message", read, messages::get::handle)
        .post(
            "/api/v2/communications/messages/{id}/reschedule",
            "reschedule_message",
            steer,
            messages::reschedule::handle,
        )
        .get("/api/v2/communications/threads/{thread_id}/messages", "thread_messages", read, threads::messages::handle)
        .get("/api/v2/communications/auto-replies", "auto_replies", administer, v2::auto_replies::get::handle)
        .put("/api/v2/communications/auto-replies", "set_auto_replies", administer, v2::auto_replies::put::handle)
        .post_up_to(
            v2::jobs::create::LARGEST_REQUEST,
            "/api/v2/communications/jobs",
            "create_job",
            bulk,
            v2::jobs::create::handle,
        )
        .get("/api/v2/communications/jobs", "jobs", own_jobs, v2::jobs::list::handle)
        .get("/api/v2/communications/jobs/{id}", "job", own_job, v2::jobs::get::handle)
        .post("/api/v2/communications/jobs/{id}/pause", "pause_job", steer, v2::jobs::pause::handle)
        .post("/api/v2/communications/jobs/{id}/resume", "resume_job", steer, v2::jobs::resume::handle)
        .post("/api/v2/communications/jobs/{id}/cancel", "cancel_job", steer, v2::jobs::cancel::handle)
        .get("/api/v2/communications/voice/menu", "voice_menu", administer, v2::voice::get::handle)
        .put("/api/v2/communications/voice/menu", "put_voice_menu", administer, v2::voice::put::handle)
}

/// The function's endpoints, ready to serve.
pub fn router(edge: Edge, road: Road, budgets: Budgets, jobs: Jobs, job_files: JobFiles) -> Router {
    let network = NetworkLimit::from_env(road.clock.clone(), road.ephemera.clone(), road.seal.clone());
    let (seal, public_url) = (road.seal.clone(), public_url());
    let call_hosts = CallHosts::from_env(&public_url);
    let app = App {
        road,
        budgets,
        jobs,
        job_files,
        senders: Senders::from_env(),
        call_hosts,
        public_url,
        region: default_region(),
    };
    routes().finish(Some(edge), network, seal, app)
}

/// The function's part of the API description.
#[derive(Debug, utoipa::OpenApi)]
#[openapi(paths(
    communication::send::handle,
    communication::batch::handle,
    communication::status::handle,
    communication::cancel::handle,
    communication::reschedule::handle,
    communication::track::handle,
    communication::trigger_types::handle,
    twilio::send_sms::handle,
    twilio::send_whatsapp::handle,
    twilio::send_email::handle,
    twilio::sms_status::handle,
    twilio::initiate_call::handle,
    twilio::call_status::handle,
    sms::send::handle,
    sms::send_bulk::handle,
    sms::bulk_send::handle,
    sms::whatsapp::send::handle,
    sms::whatsapp::send_bulk::handle,
    sms::test::handle,
    sms::resend_booking_confirmation::handle,
    sms::send_booking_reminder::handle,
    sms::message_status::handle,
    sms::status::handle,
    v2::sms::send::handle,
    v2::sms::bulk::handle,
    v2::budgets::get::handle,
    v2::budgets::put::handle,
    v2::templates::list::handle,
    v2::templates::get::handle,
    v2::templates::put::handle,
    v2::templates::rollback::handle,
    v2::templates::preview::handle,
    v2::templates::preview_draft::handle,
    v2::calls::handle,
    v2::email::send::handle,
    messages::get::handle,
    messages::reschedule::handle,
    threads::messages::handle,
    v2::auto_replies::get::handle,
    v2::auto_replies::put::handle,
    v2::jobs::create::handle,
    v2::jobs::list::handle,
    v2::jobs::get::handle,
    v2::jobs::pause::handle,
    v2::jobs::resume::handle,
    v2::jobs::cancel::handle,
    v2::voice::get::handle,
    v2::voice::put::handle,
))]
pub struct Description;
