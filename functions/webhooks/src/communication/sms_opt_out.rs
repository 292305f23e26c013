//! `POST /api/communication/webhooks/sms-opt-out`: what people answer to our texts, as far as it stops or starts them.
//!
//! Twilio answers STOP, START and HELP itself, so nothing is said back: an empty TwiML document to Twilio, and to whoever
//! sends JSON the API's own.

use axum::extract::State;
use axum::response::Response;
use switchboard::http::ApiError;
use switchboard::http::refusals::CallbackRefusals;

use crate::received::{Acknowledged, Received};
use crate::{App, inbound};

/// SMS opt-out
///
/// STOP and the other words of its family (in English, French, Spanish, German, Portuguese, Italian and Dutch) stop texts to
/// the number, by SMS and WhatsApp, from every number of ours, and revoke the consent of everybody whose number it is. START
/// takes that back. HELP changes nothing. Free text that reads like a no is noted, or honoured where the deployment says so.
/// The text is kept as a message, as from `/twilio/incoming-sms`, and its words are heeded a moment after.
/// Twilio's form, or JSON. Verified by `X-Twilio-Signature`. No token.
#[utoipa::path(
    post, path = "/api/communication/webhooks/sms-opt-out", tag = "Webhooks", operation_id = "sms_opt_out_webhook",
    request_body(content = String, content_type = "application/x-www-form-urlencoded",
        description = "As Twilio sends it: `MessageSid`, `From`, `To`, `Body`, `OptOutType` …, or JSON with `From` and `Body`"),
    responses(
        (status = 200, description = "Kept, or known already. An empty TwiML document (`text/xml`) for a form", body = Acknowledged),
        CallbackRefusals,
    ),
)]
pub async fn handle(State(app): State<App>, received: Received) -> Result<Response, ApiError> {
    inbound::take(&app, &received).await
}
