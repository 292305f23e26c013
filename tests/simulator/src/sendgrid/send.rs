//! `POST /v3/mail/send`

use axum::{
    extract::{ConnectInfo, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{answer, auth, progress, request};
use crate::{
    app::App,
    connection::Line,
    faults::{self, Request, Verdict},
    ids,
    store::{Channel, Provider},
};

pub(super) async fn send(
    State(app): State<App>,
    ConnectInfo(line): ConnectInfo<Line>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mail = request::parse(&body);
    note(&app, mail.as_ref().ok());
    if let Err(message) = auth::check(&app.config, &headers) {
        app.store().stats_mut().refused += 1;
        return answer::error(401, message);
    }
    let verdict = faults::meet(&app, &line, Request::sends(Provider::Sendgrid, Channel::Email)).await;
    let mut fails = None;
    let hang = match verdict {
        Verdict::Proceed => None,
        Verdict::AcceptThenHang(delay) => Some(delay),
        Verdict::AcceptThenRefuse(status) => {
            fails = Some(status);
            None
        }
        Verdict::Refuse(status) => return answer::of_status(status),
        Verdict::Cut => return StatusCode::OK.into_response(),
    };
    let x_message_id = ids::x_message_id();
    let checked = mail.and_then(|mail| request::mail(&mail, &x_message_id, app.config.strict, Timestamp::now()));
    let mail = match checked {
        Ok(mail) => mail,
        Err(errors) => {
            app.store().stats_mut().refused += 1;
            return answer::invalid(&errors);
        }
    };
    if mail.sandbox {
        return answer::accepted(StatusCode::OK, &x_message_id);
    }
    for message in mail.messages {
        let handle = app.store().accept(message);
        tokio::spawn(progress::run(app.clone(), handle));
    }
    if let Some(status) = fails {
        return answer::of_status(status);
    }
    if let Some(delay) = hang {
        faults::hang(delay).await;
    }
    answer::accepted(StatusCode::ACCEPTED, &x_message_id)
}

/// Counts the request, and the messages it carries, before anything can go wrong with it.
fn note(app: &App, mail: Option<&Map<String, Value>>) {
    let messages = mail.map(|mail| request::messages(mail, "")).unwrap_or_default();
    let mut store = app.store();
    store.stats_mut().requests += 1;
    for message in messages {
        store.carry(message.identity());
    }
}
