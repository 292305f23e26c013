//! `POST /_sim/age`: a message came earlier than it did. `POST /_sim/foreign`: somebody else sends a text through the same account.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::StatusCode;
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::json;

use super::bad_request;
use crate::{
    app::App,
    ids,
    store::{Channel, Detail, Direction, NewMessage, Provider, Status},
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Age {
    /// The client's own id of it.
    our_id: String,
    seconds: i64,
}

/// Answers how many messages of that id there are.
pub(super) async fn age(State(app): State<App>, body: Bytes) -> Response {
    match serde_json::from_slice::<Age>(&body) {
        Ok(age) => {
            let aged = app.store().age(&age.our_id, SignedDuration::from_secs(age.seconds));
            Json(json!({ "aged": aged })).into_response()
        }
        Err(error) => bad_request(error.to_string()),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Foreign {
    channel: Channel,
    /// As Twilio lists it, with its prefix.
    to: String,
    from: String,
    text: String,
}

/// Answers its id. It stands in Twilio's list as a message that was delivered.
pub(super) async fn foreign(State(app): State<App>, body: Bytes) -> Response {
    let Foreign { channel, to, from, text } = match serde_json::from_slice(&body) {
        Ok(foreign) => foreign,
        Err(error) => return bad_request(error.to_string()),
    };
    let message = NewMessage {
        id: ids::sid("SM"),
        provider: Provider::Twilio,
        channel,
        direction: Direction::Outbound,
        to,
        from,
        subject: None,
        text: Some(text),
        html: None,
        media: Vec::new(),
        our_id: None,
        status: Status::Delivered,
        detail: Detail::Twilio(Box::default()),
    };
    let id = message.id.clone();
    let _ = app.store().accept(message);
    (StatusCode::CREATED, Json(json!({ "id": id }))).into_response()
}
