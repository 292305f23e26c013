//! Verify, parse, keep: a text somebody wrote to us becomes a row, and that one write is all its sender waits for.

use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header;
use switchboard::http::ApiError;
use switchboard::message::Address;
use switchboard::person::words::{Keyword, Reply};
use switchboard::provider::twilio::inbound::{self, Inbound};
use switchboard::provider::twilio::twiml::EMPTY;
use switchboard::road::Heard;
use switchboard::store::StoreError;
use switchboard::store::messages::Created;
use switchboard::telemetry;

use crate::App;
use crate::received::{Acknowledged, Received};
use crate::reports::verify_twilio;

/// How long a STOP waits that could not be kept as a message.
const WAIT: Duration = Duration::from_secs(10);

pub(crate) async fn take(app: &App, received: &Received) -> Result<Response, ApiError> {
    verify_twilio(app, received).await?;
    let inbound = inbound::parse(&received.body)
        .map_err(|malformed| ApiError::bad_request("Malformed callback").details(malformed.0))?;
    let heard = heard(app, &inbound);
    let channel = inbound.channel;
    match app.road.receive(inbound).await {
        Ok((id, Created::New)) => {
            telemetry::count("inbound_received", 1);
            tracing::info!(message.id = %id, message.channel = channel.as_str(), "received");
        }
        Ok((id, Created::Exists)) => {
            tracing::info!(message.id = %id, "received before");
            // Without an id of the provider's the same words may have been written again: a STOP counts each time.
            let again =
                heard.filter(|heard| heard.provider_id.is_none() && heard.reply == Reply::Keyword(Keyword::Stop));
            if let Some(again) = again {
                app.road.queues.park_heard(&again, Duration::ZERO).await.map_err(ApiError::unavailable)?;
            }
        }
        Err(error) => return Err(lost(app, heard, error).await),
    }
    Ok(acknowledged(received))
}

/// Twilio brings a text once. If it cannot be kept, at least nobody who said STOP has to say it twice; and whoever has a
/// fallback address set up with Twilio gets the rest there.
async fn lost(app: &App, heard: Option<Heard>, error: StoreError) -> ApiError {
    telemetry::count("inbound_lost", 1);
    if let Some(heard) = heard
        && let Err(error) = app.road.queues.park_heard(&heard, WAIT).await
    {
        tracing::error!(error = %error, "a text's wish was not parked");
    }
    ApiError::unavailable(error)
}

/// What a text asks for, where it asks for something.
fn heard(app: &App, inbound: &Inbound) -> Option<Heard> {
    match inbound.reply {
        Reply::Keyword(Keyword::Stop | Keyword::Start) | Reply::RevocationLikely => {}
        Reply::Keyword(Keyword::Help) | Reply::Other => return None,
    }
    let from = Address::Phone(inbound.from.clone()?);
    Some(Heard {
        provider_id: inbound.sid.clone(),
        fingerprint: app.road.seal.fingerprint(&from),
        channel: inbound.channel,
        reply: inbound.reply,
        at: app.road.clock.now(),
    })
}

/// Nothing is said back here: an empty TwiML document to Twilio, and to whoever sends JSON the API's own.
pub(crate) fn acknowledged(received: &Received) -> Response {
    if received.is_json() {
        return Json(Acknowledged { success: true }).into_response();
    }
    ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], EMPTY).into_response()
}
