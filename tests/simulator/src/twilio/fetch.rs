//! Reading messages back: one by its SID, many by To, From and DateSent, page by page.

use axum::{
    extract::{ConnectInfo, Path, RawQuery, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::json;

use super::{answer, answer::Error, auth};
use crate::{
    app::App,
    connection::Line,
    faults::{self, Operation, Verdict},
    store::{Handle, Message, Provider, Store},
};

/// `GET …/Messages/{sid}.json`
pub(super) async fn one(
    State(app): State<App>,
    ConnectInfo(line): ConnectInfo<Line>,
    Path((account, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    auth::check(&app.config, &headers, &account)?;
    if let Some(response) = read_fault(&app, &line).await {
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
    if let Some(response) = read_fault(&app, &line).await {
        return Ok(response);
    }
    let filter = Filter::parse(query.as_deref().unwrap_or_default(), app.config.strict)?;
    let store = app.store();
    // One more than the page holds tells whether there is a next page.
    let mut found = filter.select(&store, filter.page_size + 1);
    let more = found.len() > filter.page_size;
    found.truncate(filter.page_size);
    let base = format!("/2010-04-01/Accounts/{account}/Messages.json?{}", filter.query());
    let next = found.last().filter(|_| more).map(|last| {
        format!("{base}PageSize={}&Page={}&PageToken=PA{}", filter.page_size, filter.page + 1, last.content.id)
    });
    let start = filter.page * filter.page_size;
    let messages: Vec<_> = found.iter().map(|message| answer::message(&account, message)).collect();
    let body = json!({
        "first_page_uri": format!("{base}PageSize={}&Page=0", filter.page_size),
        "previous_page_uri": (filter.page > 0)
            .then(|| format!("{base}PageSize={}&Page={}", filter.page_size, filter.page - 1)),
        "next_page_uri": next,
        "uri": format!("{base}PageSize={}&Page={}", filter.page_size, filter.page),
        "page": filter.page,
        "page_size": filter.page_size,
        "start": start,
        "end": start + messages.len().saturating_sub(1),
        "messages": messages,
    });
    Ok(answer::answer(StatusCode::OK, &body))
}

async fn read_fault(app: &App, line: &Line) -> Option<Response> {
    app.store().stats_mut().reads += 1;
    match faults::meet(app, line, Provider::Twilio, None, Operation::Read).await {
        Verdict::Proceed => None,
        Verdict::AcceptThenHang(delay) => {
            faults::hang(delay).await;
            None
        }
        Verdict::Refuse(status) => Some(Error::of_status(status).into_response()),
        Verdict::Cut => Some(StatusCode::OK.into_response()),
    }
}

/// What a list asks for.
#[derive(Debug, Default)]
struct Filter {
    to: Option<String>,
    from: Option<String>,
    /// `DateSent`, `DateSent<` and `DateSent>` as half-open spans of time.
    sent_from: Option<Timestamp>,
    sent_before: Option<Timestamp>,
    dates: Vec<(String, String)>,
    page: usize,
    page_size: usize,
    after: Option<String>,
}

impl Filter {
    fn parse(query: &str, strict: bool) -> Result<Self, Error> {
        let mut filter = Self { page_size: 50, ..Self::default() };
        for (name, value) in form_urlencoded::parse(query.as_bytes()).filter(|(_, value)| !value.is_empty()) {
            let number = || value.parse::<usize>().map_err(|_| Error::new(20001, format!("{name} is not a number")));
            match name.as_ref() {
                "To" => filter.to = Some(value.into_owned()),
                "From" => filter.from = Some(value.into_owned()),
                "DateSent" | "DateSent<" | "DateSent>" => filter.date(&name, &value)?,
                "Page" => filter.page = number()?,
                "PageSize" => filter.page_size = number()?.clamp(1, 1000),
                "PageToken" => filter.after = Some(value.strip_prefix("PA").unwrap_or(&value).to_owned()),
                _ if strict => return Err(Error::new(20001, format!("Unknown parameter: {name}"))),
                _ => {}
            }
        }
        Ok(filter)
    }

    /// A day covers all of it, on both ends; a time is exact.
    fn date(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let (first, end) = if let Ok(at) = value.parse::<Timestamp>() {
            (at, at.checked_add(jiff::SignedDuration::from_secs(1)).unwrap_or(at))
        } else {
            let invalid = |_| Error::new(20001, format!("{name} is not a date: {value}"));
            let day: Date = value.parse().map_err(invalid)?;
            let start = |day: Date| day.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()).map_err(invalid);
            (start(day)?, start(day.tomorrow().map_err(invalid)?)?)
        };
        if name != "DateSent<" {
            self.sent_from = Some(first);
        }
        if name != "DateSent>" {
            self.sent_before = Some(end);
        }
        self.dates.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    fn select<'s>(&self, store: &'s Store, limit: usize) -> Vec<&'s Message> {
        let mut skip = if self.after.is_some() { 0 } else { self.page * self.page_size };
        let mut waiting = self.after.is_some();
        store
            .newest(self.to.as_deref())
            .filter(|message| message.content.provider == Provider::Twilio && self.matches(message))
            .filter(|message| {
                if waiting {
                    waiting = self.after.as_deref() != Some(message.content.id.as_str());
                    return false;
                }
                true
            })
            .filter(|_| {
                let keep = skip == 0;
                skip = skip.saturating_sub(1);
                keep
            })
            .take(limit)
            .collect()
    }

    /// A message that is not sent yet is dated by when it was accepted.
    fn matches(&self, message: &Message) -> bool {
        let sent = message.sent_at.unwrap_or(message.received_at);
        self.to.as_ref().is_none_or(|to| *to == message.content.to)
            && self.from.as_ref().is_none_or(|from| *from == message.content.from)
            && self.sent_from.is_none_or(|first| sent >= first)
            && self.sent_before.is_none_or(|end| sent < end)
    }

    /// The filter as the start of a query.
    fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("To", &self.to), ("From", &self.from)] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        query.extend_pairs(&self.dates);
        let query = query.finish();
        if query.is_empty() { query } else { query + "&" }
    }
}

#[cfg(test)]
#[path = "fetch_tests.rs"]
mod tests;
