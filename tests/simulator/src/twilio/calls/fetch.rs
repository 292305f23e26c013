//! Reading calls back: one by its SID, many by To, From, Status, StartTime and EndTime, page by page.

use axum::{
    extract::{ConnectInfo, Path, RawQuery, State},
    response::Response,
};
use http::{HeaderMap, StatusCode};

use super::{
    super::{
        answer::Error,
        auth,
        fetch::read_fault,
        listing::{Paging, Span},
    },
    answer, detail,
};
use crate::{
    app::App,
    connection::Line,
    store::{Handle, Message, Provider, Store},
};

/// `GET …/Calls/{sid}.json`
pub(super) async fn one(
    State(app): State<App>,
    ConnectInfo(line): ConnectInfo<Line>,
    Path((account, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    auth::check(&app.config, &headers, &account)?;
    if let Some(response) = read_fault(&app, &line, None).await {
        return Ok(response);
    }
    let store = app.store();
    let (_, call) = find(&store, &account, &file)?;
    Ok(super::super::answer::answer(StatusCode::OK, &answer::call(&account, call)))
}

/// The call a path's last part names.
pub(super) fn find<'s>(store: &'s Store, account: &str, file: &str) -> Result<(Handle, &'s Message), Error> {
    file.strip_suffix(".json")
        .and_then(|sid| store.find(Provider::Twilio, sid))
        .filter(|(_, message)| detail(message).is_some())
        .ok_or_else(|| Error::not_found(&format!("/2010-04-01/Accounts/{account}/Calls/{file}")))
}

/// `GET …/Calls.json`, newest first.
pub(super) async fn list(
    State(app): State<App>,
    ConnectInfo(line): ConnectInfo<Line>,
    Path(account): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Error> {
    auth::check(&app.config, &headers, &account)?;
    if let Some(response) = read_fault(&app, &line, None).await {
        return Ok(response);
    }
    let filter = Filter::parse(query.as_deref().unwrap_or_default(), app.config.strict)?;
    let store = app.store();
    let path = format!("/2010-04-01/Accounts/{account}/Calls.json");
    let calls = store.newest(filter.to.as_deref()).filter(|message| filter.matches(message));
    let found = filter.paging.select(calls);
    let body = filter.paging.body(&path, &filter.query, "calls", found, |call| answer::call(&account, call));
    Ok(super::super::answer::answer(StatusCode::OK, &body))
}

/// What a list asks for.
#[derive(Debug, Default)]
struct Filter {
    to: Option<String>,
    from: Option<String>,
    status: Option<String>,
    parent: Option<String>,
    started: Span,
    ended: Span,
    paging: Paging,
    /// All but the page, as it was asked.
    query: String,
}

impl Filter {
    fn parse(query: &str, strict: bool) -> Result<Self, Error> {
        let mut filter = Self::default();
        let mut kept = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form_urlencoded::parse(query.as_bytes()).filter(|(_, value)| !value.is_empty()) {
            if filter.paging.take(&name, &value)? {
                continue;
            }
            let text = Some(value.clone().into_owned());
            match name.as_ref() {
                "To" => filter.to = text,
                "From" => filter.from = text,
                "Status" => filter.status = text,
                "ParentCallSid" => filter.parent = text,
                "StartTime" | "StartTime<" | "StartTime>" => filter.started.take(&name, &value)?,
                "EndTime" | "EndTime<" | "EndTime>" => filter.ended.take(&name, &value)?,
                _ if strict => return Err(Error::new(20001, format!("Unknown parameter: {name}"))),
                _ => continue,
            }
            kept.append_pair(&name, &value);
        }
        filter.query = kept.finish();
        Ok(filter)
    }

    /// A call that was not dialled yet has no start, and none that is under way an end: no filter of time finds it.
    /// Nothing here is a leg of another call.
    fn matches(&self, message: &Message) -> bool {
        let Some(call) = detail(message) else { return false };
        let fits = |span: &Span, at: Option<jiff::Timestamp>| at.map_or(span.is_open(), |at| span.has(at));
        self.to.as_ref().is_none_or(|to| *to == message.content.to)
            && self.from.as_ref().is_none_or(|from| *from == message.content.from)
            && self.status.as_ref().is_none_or(|status| *status == message.status.as_str())
            && self.parent.is_none()
            && fits(&self.started, call.started_at)
            && fits(&self.ended, call.ended_at)
    }
}
