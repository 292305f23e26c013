//! What every list of the 2010 API has in common: pages, page tokens, and days as filters.

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use serde_json::{Map, Value, json};

use super::answer::Error;
use crate::store::Message;

/// Which page of a list is asked for.
#[derive(Debug)]
pub(super) struct Paging {
    page: usize,
    size: usize,
    /// The id of the last entry of the page before.
    after: Option<String>,
}

impl Default for Paging {
    fn default() -> Self {
        Self { page: 0, size: 50, after: None }
    }
}

impl Paging {
    /// Takes a parameter that is about pages; false when it is about something else.
    pub(super) fn take(&mut self, name: &str, value: &str) -> Result<bool, Error> {
        let number = || value.parse::<usize>().map_err(|_| Error::new(20001, format!("{name} is not a number")));
        match name {
            "Page" => self.page = number()?,
            "PageSize" => self.size = number()?.clamp(1, 1000),
            "PageToken" => self.after = Some(value.strip_prefix("PA").unwrap_or(value).to_owned()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The entries of this page, and one more if there is a next page.
    pub(super) fn select<'s>(&self, all: impl Iterator<Item = &'s Message>) -> Vec<&'s Message> {
        let mut skip = if self.after.is_some() { 0 } else { self.page * self.size };
        let mut waiting = self.after.is_some();
        all.filter(|message| {
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
        .take(self.size + 1)
        .collect()
    }

    /// The page as it is answered: `path` with the filter's query, the entries under `name`.
    pub(super) fn body(
        &self,
        path: &str,
        query: &str,
        name: &str,
        mut found: Vec<&Message>,
        show: impl Fn(&Message) -> Value,
    ) -> Value {
        let more = found.len() > self.size;
        found.truncate(self.size);
        let base = if query.is_empty() { format!("{path}?") } else { format!("{path}?{query}&") };
        let uri = |page: usize| format!("{base}PageSize={}&Page={page}", self.size);
        let next = found.last().filter(|_| more);
        let next = next.map(|last| format!("{}&PageToken=PA{}", uri(self.page + 1), last.content.id));
        let start = self.page * self.size;
        let mut body = Map::new();
        body.insert("first_page_uri".to_owned(), json!(uri(0)));
        body.insert("previous_page_uri".to_owned(), json!((self.page > 0).then(|| uri(self.page - 1))));
        body.insert("next_page_uri".to_owned(), json!(next));
        body.insert("uri".to_owned(), json!(uri(self.page)));
        body.insert("page".to_owned(), json!(self.page));
        body.insert("page_size".to_owned(), json!(self.size));
        body.insert("start".to_owned(), json!(start));
        body.insert("end".to_owned(), json!(start + found.len().saturating_sub(1)));
        body.insert(name.to_owned(), found.into_iter().map(show).collect());
        Value::Object(body)
    }
}

/// A filter of days or times, as `DateSent`, `DateSent<` and `DateSent>` make it: a half-open span of time.
#[derive(Debug, Default)]
pub(super) struct Span {
    from: Option<Timestamp>,
    before: Option<Timestamp>,
}

impl Span {
    /// Takes one of the three forms of a name. A day covers all of it, on both ends; a time is exact.
    pub(super) fn take(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let (first, end) = if let Ok(at) = value.parse::<Timestamp>() {
            (at, at.checked_add(SignedDuration::from_secs(1)).unwrap_or(at))
        } else {
            let invalid = |_| Error::new(20001, format!("{name} is not a date: {value}"));
            let day: Date = value.parse().map_err(invalid)?;
            let start = |day: Date| day.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()).map_err(invalid);
            (start(day)?, start(day.tomorrow().map_err(invalid)?)?)
        };
        if !name.ends_with('<') {
            self.from = Some(first);
        }
        if !name.ends_with('>') {
            self.before = Some(end);
        }
        Ok(())
    }

    pub(super) fn is_open(&self) -> bool {
        self.from.is_none() && self.before.is_none()
    }

    pub(super) fn has(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|first| at >= first) && self.before.is_none_or(|end| at < end)
    }
}
