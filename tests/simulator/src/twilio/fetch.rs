//! Reading messages back: one by its SID, many by To, From and DateSent, page by page.

use axum::{
    extract::{ConnectInfo, Path, RawQuery, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;

use super::{
    answer,
    answer::Error,
    auth,
    listing::{Paging, Span},
};
use crate::{
    app::App,
    connection::Line,
    faults::{self, Request, Verdict},
    store::{Channel, Detail as StoreDetail, Handle, Message, Provider, Store},
};

/// `GET …/Messages/{sid}.json`
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
    let (_, message) = find(&store, &account, &file)?;
    Ok(answer::answer(StatusCode::OK, &answer::message(&account, message)))
}

/// The message a path's last part names.
pub(super) fn find<'s>(store: &'s Store, account: &str, file: &str) -> Result<(Handle, &'s Message), Error> {
    file.strip_suffix(".json")
        .and_then(|sid| store.find(Provider::Twilio, sid))
        .filter(|(_, message)| matches!(message.content.detail, StoreDetail::Twilio(_)))
        .ok_or_else(|| Error::not_found(&format!("/2010-04-01/Accounts/{account}/Messages/{file}")))
}

/// `GET …/Messages.json`, newest first.
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
    let mut filter = Filter::parse(query.as_deref().unwrap_or_default(), app.config.strict)?;
    let lag = faults::list_lag(&app).and_then(|lag| jiff::SignedDuration::try_from(lag).ok());
    filter.before = lag.and_then(|lag| Timestamp::now().checked_sub(lag).ok());
    let store = app.store();
    let path = format!("/2010-04-01/Accounts/{account}/Messages.json");
    let found = filter.select(&store);
    let body =
        filter.paging.body(&path, &filter.query, "messages", found, |message| answer::message(&account, message));
    Ok(answer::answer(StatusCode::OK, &body))
}

/// Lets a request that only reads meet its fault: of one channel's line, or of any.
pub(super) async fn read_fault(app: &App, line: &Line, channel: Option<Channel>) -> Option<Response> {
    app.store().stats_mut().reads += 1;
    match faults::meet(app, line, Request::reads(Provider::Twilio, channel)).await {
        Verdict::Proceed => None,
        Verdict::AcceptThenHang(delay) => {
            faults::hang(delay).await;
            None
        }
        Verdict::Refuse(status) | Verdict::AcceptThenRefuse(status) => Some(Error::of_status(status).into_response()),
        Verdict::Cut => Some(StatusCode::OK.into_response()),
    }
}

/// What a list asks for.
#[derive(Debug, Default)]
struct Filter {
    to: Option<String>,
    from: Option<String>,
    sent: Span,
    /// Only what was accepted before.
    before: Option<Timestamp>,
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
            match name.as_ref() {
                "To" => filter.to = Some(value.clone().into_owned()),
                "From" => filter.from = Some(value.clone().into_owned()),
                "DateSent" | "DateSent<" | "DateSent>" => filter.sent.take(&name, &value)?,
                _ if strict => return Err(Error::new(20001, format!("Unknown parameter: {name}"))),
                _ => continue,
            }
            kept.append_pair(&name, &value);
        }
        filter.query = kept.finish();
        Ok(filter)
    }

    fn select<'s>(&self, store: &'s Store) -> Vec<&'s Message> {
        let texts = store.newest(self.to.as_deref()).filter(|message| {
            let StoreDetail::Twilio(_) = &message.content.detail else { return false };
            self.matches(message)
        });
        self.paging.select(texts)
    }

    /// A message that is not sent yet is dated by when it was accepted.
    fn matches(&self, message: &Message) -> bool {
        self.to.as_ref().is_none_or(|to| *to == message.content.to)
            && self.from.as_ref().is_none_or(|from| *from == message.content.from)
            && self.before.is_none_or(|before| message.received_at < before)
            && self.sent.has(message.sent_at.unwrap_or(message.received_at))
    }
}

#[cfg(test)]
#[path = "fetch_tests.rs"]
mod tests;
