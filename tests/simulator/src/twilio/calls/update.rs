//! Changing a call: cancel it, hang up, say something else, forget it.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::{
    super::{answer::Error, auth, form::Form},
    answer, detail_mut, fetch, progress,
};
use crate::{app::App, store::Status};

const PARAMETERS: &[&str] = &["Url", "Method", "Status", "FallbackUrl", "FallbackMethod", "Twiml", "TimeLimit"];

/// `POST …/Calls/{sid}.json`. `Status=canceled` ends a call that is queued or rings and leaves one that was answered
/// alone; `Status=completed` ends either; `Url` or `Twiml` replace what is said in one that was answered.
pub(super) async fn update(
    State(app): State<App>,
    Path((account, file)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Error> {
    auth::check(&app.config, &headers, &account)?;
    let form = Form::parse(&body);
    if app.config.strict {
        form.only(PARAMETERS)?;
    }
    let limit = form.number("TimeLimit", 1, 86_400)?;
    let instructions = form.instructions()?;
    let mut store = app.store();
    let (handle, call) = fetch::find(&store, &account, &file)?;
    let status = call.status;
    if progress::is_over(status) {
        return Err(Error::new(21220, "Call is not in-progress. Cannot redirect."));
    }
    let end = match (form.get("Status"), status) {
        (None, _) | (Some("canceled"), Status::InProgress) => None,
        (Some("canceled"), _) => Some(Status::Canceled),
        (Some("completed"), Status::InProgress) => Some(Status::Completed),
        (Some("completed"), _) => Some(Status::Canceled),
        (Some(other), _) => {
            return Err(Error::new(20001, format!("Status {other} is not valid: only canceled or completed")));
        }
    };
    if instructions.is_some() && status != Status::InProgress {
        return Err(Error::new(21220, "Call is not in-progress. Cannot redirect."));
    }
    let _ = store.update(handle, |call| {
        if let Some(end) = end {
            call.status = end;
        }
        if let Some(detail) = detail_mut(call) {
            detail.redirect = instructions;
            detail.time_limit = limit.or(detail.time_limit);
        }
    });
    let (_, call) = fetch::find(&store, &account, &file)?;
    Ok(super::super::answer::answer(StatusCode::OK, &answer::call(&account, call)))
}

/// `DELETE …/Calls/{sid}.json`: only a call that is over.
pub(super) async fn delete(
    State(app): State<App>,
    Path((account, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    auth::check(&app.config, &headers, &account)?;
    let mut store = app.store();
    let (handle, call) = fetch::find(&store, &account, &file)?;
    if !progress::is_over(call.status) {
        return Err(Error::new(20009, "Cannot delete a call that is in progress").with_status(409));
    }
    let _ = store.update(handle, |call| call.deleted = true);
    Ok(super::super::answer::with_headers(StatusCode::NO_CONTENT.into_response()))
}
