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
use switchboard::http::{Access, Edge, Limit, Routes, Scope};
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
    /// The region phone numbers without a country code are read in.
    region: String,
}

/// The function's endpoints.
pub fn router(edge: Edge, road: Road, budgets: Budgets, jobs: Jobs, job_files: JobFiles) -> Router {
    let send = Access::Scoped(Scope::Send, Limit::Send);
    let batch = Access::Scoped(Scope::Send, Limit::Batch);
    // Of what was accepted before, so it does not count as a send.
    let cancel = Access::Scoped(Scope::Send, Limit::General);
    let read = Access::Scoped(Scope::Read, Limit::General);
    let spending = Access::Scoped(Scope::ReadAnalytics, Limit::General);
    let settings = Access::Scoped(Scope::ManageSettings, Limit::General);
    Routes::new(edge, road.seal.clone())
        .post("/api/communication/send", "send_communication", send, communication::send::handle)
        .post("/api/communication/batch", "send_batch", batch, communication::batch::handle)
        .get("/api/communication/status/{task_id}", "communication_status", read, communication::status::handle)
        .post("/api/communication/cancel/{task_id}", "cancel_communication", cancel, communication::cancel::handle)
        .post(
            "/api/communication/reschedule/{task_id}",
            "reschedule_communication",
            cancel,
            communication::reschedule::handle,
        )
        // Whose message it is stands in its row: the handler checks that.
        .post(
            "/api/communication/track/{task_id}",
            "track_action",
            Access::Authenticated(Limit::General),
            communication::track::handle,
        )
        .get(
            "/api/communication/trigger-types",
            "trigger_types",
            Access::Authenticated(Limit::General),
            communication::trigger_types::handle,
        )
        .post("/api/v1/twilio/send-sms", "send_sms", send, twilio::send_sms::handle)
        .post("/api/v1/twilio/send-whatsapp", "send_whatsapp", send, twilio::send_whatsapp::handle)
        .post("/api/v1/twilio/send-email", "send_email", send, twilio::send_email::handle)
        .get("/api/v1/twilio/sms-status/{message_sid}", "twilio_message_status", read, twilio::sms_status::handle)
        .post("/api/v1/twilio/initiate-call", "initiate_call", send, twilio::initiate_call::handle)
        .get("/api/v1/twilio/call-status/{call_sid}", "call_status", read, twilio::call_status::handle)
        .post("/api/sms/send", "sms_send", send, sms::send::handle)
        .post("/api/sms/send-bulk", "sms_send_bulk", batch, sms::send_bulk::handle)
        .post("/api/sms/bulk-send", "sms_bulk_send", batch, sms::bulk_send::handle)
        .post("/api/sms/whatsapp/send", "whatsapp_send", send, sms::whatsapp::send::handle)
        .post("/api/sms/whatsapp/send-bulk", "whatsapp_send_bulk", batch, sms::whatsapp::send_bulk::handle)
        .post("/api/sms/test", "sms_test", send, sms::test::handle)
        .post(
            "/api/sms/resend-booking-confirmation",
            "resend_booking_confirmation",
            send,
            sms::resend_booking_confirmation::handle,
        )
        .post("/api/sms/send-booking-reminder", "send_booking_reminder", send, sms::send_booking_reminder::handle)
        .get("/api/sms/message-status/{message_sid}", "sms_message_status", read, sms::message_status::handle)
        .get("/api/sms/status/{message_id}", "sms_status", read, sms::status::handle)
        .post("/api/v2/communications/sms", "v2_sms", send, v2::sms::send::handle)
        .post("/api/v2/communications/sms/bulk", "v2_sms_bulk", batch, v2::sms::bulk::handle)
        .get("/api/v2/communications/budgets/{scope}", "budget", spending, v2::budgets::get::handle)
        .put("/api/v2/communications/budgets/{scope}", "set_budget", settings, v2::budgets::put::handle)
        .get("/api/v2/communications/templates", "list_templates", read, v2::templates::list::handle)
        .get("/api/v2/communications/templates/{name}", "get_template", read, v2::templates::get::handle)
        .put("/api/v2/communications/templates/{name}", "put_template", settings, v2::templates::put::handle)
        .post(
            "/api/v2/communications/templates/{name}/rollback",
            "rollback_template",
            settings,
            v2::templates::rollback::handle,
        )
        .post(
            "/api/v2/communications/templates/{name}/preview",
            "preview_template",
            read,
            v2::templates::preview::handle,
        )
        .post("/api/v2/communications/templates/preview", "preview_draft", read, v2::templates::preview_draft::handle)
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
            cancel,
            messages::reschedule::handle,
        )
        .get("/api/v2/communications/threads/{thread_id}/messages", "thread_messages", read, threads::messages::handle)
        .get("/api/v2/communications/auto-replies", "auto_replies", settings, v2::auto_replies::get::handle)
        .put("/api/v2/communications/auto-replies", "set_auto_replies", settings, v2::auto_replies::put::handle)
        .post_up_to(
            v2::jobs::create::LARGEST_REQUEST,
            "/api/v2/communications/jobs",
            "create_job",
            batch,
            v2::jobs::create::handle,
        )
        .get("/api/v2/communications/jobs", "jobs", read, v2::jobs::list::handle)
        .get("/api/v2/communications/jobs/{id}", "job", read, v2::jobs::get::handle)
        .post("/api/v2/communications/jobs/{id}/pause", "pause_job", cancel, v2::jobs::pause::handle)
        .post("/api/v2/communications/jobs/{id}/resume", "resume_job", cancel, v2::jobs::resume::handle)
        .post("/api/v2/communications/jobs/{id}/cancel", "cancel_job", cancel, v2::jobs::cancel::handle)
        .get("/api/v2/communications/voice/menu", "voice_menu", settings, v2::voice::get::handle)
        .put("/api/v2/communications/voice/menu", "put_voice_menu", settings, v2::voice::put::handle)
        .finish(App { road, budgets, jobs, job_files, public_url: public_url(), region: default_region() })
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
