//! `POST /twilio/incoming-sms`: what people write to our numbers by SMS.

use axum::extract::State;
use axum::response::Response;
use switchboard::http::ApiError;
use switchboard::http::refusals::CallbackRefusals;

use crate::received::{Acknowledged, Received};
use crate::{App, inbound};

/// Incoming SMS
///
/// Becomes a message in the writer's thread, once however often it is brought. What follows from it (opt-out words,
/// WhatsApp's window, automatic answers) is done right after. Verified by `X-Twilio-Signature`. No token.
#[utoipa::path(
    post, path = "/twilio/incoming-sms", tag = "Webhooks", operation_id = "twilio_incoming_sms",
    request_body(content = String, content_type = "application/x-www-form-urlencoded",
        description = "As Twilio sends it: `MessageSid`, `From`, `To`, `Body`, `NumMedia`, `MediaUrl0` …, or JSON with the same names"),
    responses(
        (status = 200, description = "Kept, or known already. An empty TwiML document (`text/xml`) for a form", body = Acknowledged),
        CallbackRefusals,
    ),
)]
pub async fn handle(State(app): State<App>, received: Received) -> Result<Response, ApiError> {
    inbound::take(&app, &received).await
}
