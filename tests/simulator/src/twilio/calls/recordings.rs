//! What was recorded in calls: one by its SID, and deleted for good.

use std::collections::HashMap;

use axum::{
    extract::{ConnectInfo, Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::{
    answer::{self, Error, date},
    auth,
    fetch::read_fault,
};
use crate::{app::App, connection::Line, store::Channel};

/// The recordings there are, by SID.
#[derive(Debug, Default)]
pub(crate) struct Recordings(HashMap<String, Recording>);

#[derive(Debug)]
struct Recording {
    call: String,
    seconds: u32,
    at: Timestamp,
}

impl Recordings {
    pub(super) fn keep(&mut self, sid: &str, call: &str, seconds: u32) {
        let recording = Recording { call: call.to_owned(), seconds, at: Timestamp::now() };
        self.0.insert(sid.to_owned(), recording);
    }
}

/// `GET …/Recordings/{sid}.json`
pub(super) async fn one(
    State(app): State<App>,
    ConnectInfo(line): ConnectInfo<Line>,
    Path((account, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    auth::check(&app.config, &headers, &account)?;
    if let Some(refused) = read_fault(&app, &line, Some(Channel::Voice)).await {
        return Ok(refused);
    }
    let mut store = app.store();
    let found = sid(&file).and_then(|sid| Some(resource(&account, sid, store.recordings_mut().0.get(sid)?)));
    found.map(|body| answer::answer(StatusCode::OK, &body)).ok_or_else(|| none(&account, &file))
}

/// `DELETE …/Recordings/{sid}.json`: 204, and then 404.
pub(super) async fn delete(
    State(app): State<App>,
    ConnectInfo(line): ConnectInfo<Line>,
    Path((account, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    auth::check(&app.config, &headers, &account)?;
    if let Some(refused) = read_fault(&app, &line, Some(Channel::Voice)).await {
        return Ok(refused);
    }
    let gone = sid(&file).and_then(|sid| app.store().recordings_mut().0.remove(sid));
    gone.map(|_| answer::with_headers(StatusCode::NO_CONTENT.into_response())).ok_or_else(|| none(&account, &file))
}

fn sid(file: &str) -> Option<&str> {
    file.strip_suffix(".json")
}

fn none(account: &str, file: &str) -> Error {
    Error::not_found(&format!("/2010-04-01/Accounts/{account}/Recordings/{file}"))
}

fn resource(account: &str, sid: &str, recording: &Recording) -> Value {
    let uri = format!("/2010-04-01/Accounts/{account}/Recordings/{sid}");
    json!({
        "account_sid": account,
        "api_version": "2010-04-01",
        "call_sid": recording.call,
        "channels": 1,
        "conference_sid": null,
        "date_created": date(recording.at),
        "date_updated": date(recording.at),
        "duration": recording.seconds.to_string(),
        "encryption_details": null,
        "error_code": null,
        "media_url": format!("https://api.twilio.com{uri}"),
        "price": null,
        "price_unit": "USD",
        "sid": sid,
        "source": "RecordVerb",
        "start_time": date(recording.at),
        "status": "completed",
        "subresource_uris": {
            "add_on_results": format!("{uri}/AddOnResults.json"),
            "transcriptions": format!("{uri}/Transcriptions.json"),
        },
        "uri": format!("{uri}.json"),
    })
}
