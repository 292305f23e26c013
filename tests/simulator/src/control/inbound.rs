//! `POST /_sim/inbound`: a person writes to the client, or calls.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::Deserialize;

use super::bad_request;
use crate::{
    app::App,
    store::Channel,
    twilio::{self, calls},
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    channel: Channel,
    from: String,
    to: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    media: Vec<Media>,
    /// The message's id; the same again is the same message brought again. Absent: a new one.
    #[serde(default)]
    id: Option<String>,
    /// WhatsApp: the payload of the button that was tapped; `text` is what stood on it.
    #[serde(default)]
    button: Option<String>,
    /// What Advanced Opt-Out took it for: `STOP`, `START` or `HELP`.
    #[serde(default)]
    opt_out_type: Option<String>,
    /// Whether the webhook is called. Without it only Twilio itself hears of it, as where no webhook is set up.
    #[serde(default)]
    webhook: Webhook,
    /// Of a call: what the caller does in it, as for `/_sim/callers`.
    #[serde(default)]
    deeds: Vec<calls::Deed>,
}

/// A file: its address, or its type, and then it is kept where Twilio keeps them.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Media {
    Url(String),
    Kept { content_type: String },
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Webhook {
    #[default]
    Called,
    Silent,
}

fn file(media: Media) -> twilio::File {
    match media {
        Media::Url(url) => twilio::File::Elsewhere(url),
        Media::Kept { content_type } => twilio::File::Kept { content_type },
    }
}

/// Answers when the webhook has: `{id, url, status, body, error}`; of a call, when that is over:
/// `{id, url, status, heard, error_code}`.
pub(super) async fn deliver(State(app): State<App>, body: Bytes) -> Response {
    let request: Request = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(error) => return bad_request(error.to_string()),
    };
    match request.channel {
        Channel::Email => return bad_request("inbound is for sms, whatsapp and voice"),
        Channel::Voice => {
            return match calls::call_in(&app, &request.from, &request.to, request.deeds).await {
                Ok(answer) => Json(answer).into_response(),
                Err(error) => bad_request(error),
            };
        }
        Channel::Sms | Channel::Whatsapp => {}
    }
    let plain = |address: &str| address.strip_prefix("whatsapp:").unwrap_or(address).to_owned();
    let inbound = twilio::Inbound {
        channel: request.channel,
        from: plain(&request.from),
        to: plain(&request.to),
        text: request.text,
        media: request.media.into_iter().map(file).collect(),
        id: request.id,
        button: request.button,
        opt_out_type: request.opt_out_type,
    };
    if let Webhook::Silent = request.webhook {
        twilio::hear_inbound(&app, &inbound);
        return Json(serde_json::json!({ "id": null })).into_response();
    }
    match twilio::deliver_inbound(&app, inbound).await {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => bad_request(error),
    }
}
