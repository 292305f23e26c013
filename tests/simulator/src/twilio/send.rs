//! Creating a message, and changing one: cancel, redact, delete.

use axum::{
    extract::{ConnectInfo, Path, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;

use super::{answer, answer::Error, auth, fetch, form::Form, magic, progress, sending, spelling};
use crate::{
    app::App,
    connection::Line,
    faults::{self, Request},
    ids,
    store::{self, Status},
};

/// `POST …/Messages.json`
pub(super) async fn create(
    State(app): State<App>,
    ConnectInfo(line): ConnectInfo<Line>,
    Path(account): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let form = Form::parse(&body);
    note(&app, &form);
    if let Err(error) = auth::check(&app.config, &headers, &account) {
        return sending::refuse(&app, error);
    }
    let verdict = faults::meet(&app, &line, Request::sends_to(form.get("To"), form.channel())).await;
    sending::answered(&app, verdict, || accept(&app, &account, &form)).await
}

/// Counts the request, and the message it carries, before anything can go wrong with it.
fn note(app: &App, form: &Form) {
    let value = |name| form.get(name).unwrap_or_default();
    let identity = store::identity(form.our_id().as_deref(), value("To"), value("From"), "", value("Body"));
    let mut store = app.store();
    store.stats_mut().requests += 1;
    store.carry(identity);
}

/// Takes the message in and sets it going.
fn accept(app: &App, account: &str, form: &Form) -> Result<Response, Error> {
    let kind = if form.get("MediaUrl").is_some() { "MM" } else { "SM" };
    let mut message = form.message(ids::sid(kind), app.config.strict, Timestamp::now())?;
    if faults::respells(app, &message.to) {
        spelling::respell(&mut message);
    }
    let mut store = app.store();
    store.templates().render(&mut message)?;
    if store.is_opted_out(&message.to, &message.from) {
        return Err(magic::opted_out());
    }
    let handle = store.accept(message);
    let response = store.get(handle).map(|message| answer::message(account, message));
    drop(store);
    tokio::spawn(progress::run(app.clone(), handle));
    Ok(answer::answer(StatusCode::CREATED, &response.unwrap_or_default()))
}

/// `POST …/Messages/{sid}.json`: `Status=canceled` or an empty `Body`.
pub(super) async fn update(
    State(app): State<App>,
    Path((account, file)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Error> {
    auth::check(&app.config, &headers, &account)?;
    let form = Form::parse(&body);
    if app.config.strict {
        form.only(&["Body", "Status"])?;
    }
    let mut store = app.store();
    let (handle, message) = fetch::find(&store, &account, &file)?;
    let status = message.status;
    if let Some(wanted) = form.get("Status") {
        if wanted != "canceled" {
            return Err(Error::new(20001, format!("Status {wanted} is not valid: only canceled")));
        }
        if status != Status::Scheduled {
            return Err(Error::new(30409, "Message is in a state that cannot be canceled").with_status(409));
        }
        let _ = store.advance(handle, Status::Canceled, None);
    }
    if form.has("Body") {
        if form.get("Body").is_some() {
            return Err(Error::new(20001, "Body can only be set to an empty string"));
        }
        if matches!(status, Status::Queued | Status::Accepted | Status::Sending) {
            return Err(Error::new(20009, "Cannot change the body of a message that is not yet sent").with_status(409));
        }
        let _ = store.update(handle, |message| message.content.text = None);
    }
    let (_, message) = fetch::find(&store, &account, &file)?;
    Ok(answer::answer(StatusCode::OK, &answer::message(&account, message)))
}

/// `DELETE …/Messages/{sid}.json`
pub(super) async fn delete(
    State(app): State<App>,
    Path((account, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    auth::check(&app.config, &headers, &account)?;
    let mut store = app.store();
    let (handle, _) = fetch::find(&store, &account, &file)?;
    let _ = store.update(handle, |message| message.deleted = true);
    Ok(answer::with_headers(StatusCode::NO_CONTENT.into_response()))
}
