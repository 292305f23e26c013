//! Making a call.

use axum::{
    extract::{ConnectInfo, Path, State},
    response::Response,
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::{
    super::{answer::Error, auth, form::Form, sending},
    answer, progress,
};
use crate::{
    app::App,
    connection::Line,
    faults::{self, Request},
    ids,
    store::{self, Channel},
};

/// `POST …/Calls.json`
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
    let verdict = faults::meet(&app, &line, Request::sends_to(form.get("To"), Channel::Voice)).await;
    sending::answered(&app, verdict, || accept(&app, &account, &form)).await
}

/// Takes the call in and sets it going.
fn accept(app: &App, account: &str, form: &Form) -> Result<Response, Error> {
    let call = form.call(ids::sid("CA"), app.config.strict)?;
    let mut store = app.store();
    let handle = store.accept(call);
    let response = store.get(handle).map(|message| answer::call(account, message));
    drop(store);
    tokio::spawn(progress::run(app.clone(), handle));
    Ok(super::super::answer::answer(StatusCode::CREATED, &response.unwrap_or_default()))
}

/// Counts the request, and the call it carries, before anything can go wrong with it.
fn note(app: &App, form: &Form) {
    let value = |name| form.get(name);
    let source = value("Url").or(value("Twiml")).unwrap_or_default();
    let (to, from) = (value("To").unwrap_or_default(), value("From").unwrap_or_default());
    let identity = store::identity(form.our_id().as_deref(), to, from, "", source);
    let mut store = app.store();
    store.stats_mut().requests += 1;
    store.carry(identity);
}
