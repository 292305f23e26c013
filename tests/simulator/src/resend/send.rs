//! `POST /emails`

use std::time::Instant;

use axum::{
    Json,
    extract::{ConnectInfo, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::{
    answer::{self, Error},
    auth,
    idempotency::{Seen, valid_key},
    progress, request,
};
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
    let key = headers.get("idempotency-key").map(|key| String::from_utf8_lossy(key.as_bytes()).into_owned());
    let body: Option<Value> = serde_json::from_slice(&body).ok();
    note(&app, body.as_ref(), key.as_deref());
    let rate = app.idempotency().rate(Instant::now());
    let outcome = match auth::check(&app.config, &headers) {
        Err(error) => Err(error),
        Ok(()) if rate.exceeded => Err(Error::of_status(429)),
        Ok(()) => {
            let verdict = faults::meet(&app, &line, Request::sends(Provider::Resend, Channel::Email)).await;
            let hang = match verdict {
                Verdict::Proceed => None,
                Verdict::AcceptThenRefuse(status) => {
                    let accepted = accept(&app, body.as_ref(), key.as_deref());
                    let error = accepted.err().unwrap_or_else(|| Error::of_status(status));
                    return answer::with_rate(error.into_response(), rate);
                }
                Verdict::AcceptThenHang(delay) => Some(delay),
                Verdict::Refuse(status) => return answer::with_rate(Error::of_status(status).into_response(), rate),
                Verdict::Cut => return StatusCode::OK.into_response(),
            };
            let accepted = accept(&app, body.as_ref(), key.as_deref());
            if let (Ok(_), Some(delay)) = (&accepted, hang) {
                faults::hang(delay).await;
            }
            accepted
        }
    };
    let response = match outcome {
        Ok(id) => Json(json!({ "id": id })).into_response(),
        Err(error) => {
            app.store().stats_mut().refused += 1;
            error.into_response()
        }
    };
    answer::with_rate(response, rate)
}

/// Counts the request, and the messages it carries, before anything can go wrong with it.
fn note(app: &App, body: Option<&Value>, key: Option<&str>) {
    let messages = body.and_then(|body| request::messages(body, "", key, false).ok()).unwrap_or_default();
    let mut store = app.store();
    store.stats_mut().requests += 1;
    for message in messages {
        store.carry(message.identity());
    }
}

/// Takes the e-mail in, or finds it again by its key, and answers its id.
fn accept(app: &App, body: Option<&Value>, key: Option<&str>) -> Result<String, Error> {
    if let Some(key) = key {
        valid_key(key)?;
    }
    let body = body.ok_or_else(|| Error::new(422, "validation_error", "The request body is not valid JSON."))?;
    let now = Instant::now();
    let mut keys = app.idempotency();
    if let Some(key) = key
        && let Seen::Before(id) = keys.check(key, body, now)?
    {
        app.store().stats_mut().replayed += 1;
        return Ok(id);
    }
    let id = ids::email_id();
    let messages = request::messages(body, &id, key, app.config.strict)?;
    if let Some(key) = key {
        keys.remember(key, body, &id, now);
    }
    drop(keys);
    for (index, message) in messages.into_iter().enumerate() {
        let handle = app.store().accept(message);
        tokio::spawn(progress::run(app.clone(), handle, index == 0));
    }
    Ok(id)
}
