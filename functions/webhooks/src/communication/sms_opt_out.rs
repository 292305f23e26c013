//! `POST /api/communication/webhooks/sms-opt-out`: what people answer to our texts, as far as it stops or starts them.
//!
//! Twilio answers STOP, START and HELP itself, so nothing is said back: an empty TwiML document to Twilio, and to whoever
//! sends JSON the API's own.

use axum::extract::State;
use axum::response::Response;
use switchboard::http::ApiError;
use switchboard::http::refusals::CallbackRefusals;
use switchboard::message::Address;
use switchboard::provider::twilio::inbound;
use switchboard::road::Heard;

use crate::App;
use crate::inbound::acknowledged;
use crate::received::{Acknowledged, Received};
use crate::reports::verify_twilio;

/// SMS opt-out
///
/// STOP and the other words of its family (in English, French, Spanish, German, Portuguese, Italian and Dutch) stop texts to
/// the number, by SMS and WhatsApp, from every number of ours, and revoke the consent of everybody whose number it is. START
/// takes that back. HELP changes nothing. Free text that reads like a no is noted, or honoured where the deployment says so.
/// Twilio's form, or JSON. Verified by `X-Twilio-Signature`. No token.
#[utoipa::path(
    post, path = "/api/communication/webhooks/sms-opt-out", tag = "Webhooks", operation_id = "sms_opt_out_webhook",
    request_body(content = String, content_type = "application/x-www-form-urlencoded",
        description = "As Twilio sends it: `MessageSid`, `From`, `To`, `Body`, `OptOutType` …, or JSON with `From` and `Body`"),
    responses(
        (status = 200, description = "Heeded, or known already. An empty TwiML document (`text/xml`) for a form", body = Acknowledged),
        CallbackRefusals,
    ),
)]
pub async fn handle(State(app): State<App>, received: Received) -> Result<Response, ApiError> {
    verify_twilio(&app, &received).await?;
    let text = inbound::parse(&received.body)
        .map_err(|malformed| ApiError::bad_request("Malformed callback").details(malformed.0))?;
    if let Some(from) = text.from {
        let from = Address::Phone(from);
        let heard = Heard {
            provider_id: text.sid,
            fingerprint: app.road.seal.fingerprint(&from),
            channel: text.channel,
            reply: text.reply,
            at: app.road.clock.now(),
        };
        app.road.hear(&heard, &from).await.map_err(ApiError::unavailable)?;
    }
    Ok(acknowledged(&received))
}
