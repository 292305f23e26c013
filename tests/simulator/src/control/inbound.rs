//! `POST /_sim/inbound`: a person writes to the client.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::Deserialize;

use super::bad_request;
use crate::{app::App, store::Channel, twilio};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    channel: Channel,
    from: String,
    to: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    media: Vec<String>,
}

/// Answers when the webhook has: `{id, url, status, body, error}`.
pub(super) async fn deliver(State(app): State<App>, body: Bytes) -> Response {
    let request: Request = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(error) => return bad_request(error.to_string()),
    };
    if matches!(request.channel, Channel::Email | Channel::Voice) {
        return bad_request("inbound is for sms and whatsapp");
    }
    let plain = |address: &str| address.strip_prefix("whatsapp:").unwrap_or(address).to_owned();
    let inbound = twilio::Inbound {
        channel: request.channel,
        from: plain(&request.from),
        to: plain(&request.to),
        text: request.text,
        media: request.media,
    };
    match twilio::deliver_inbound(&app, inbound).await {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => bad_request(error),
    }
}
