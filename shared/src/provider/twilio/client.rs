//! Sends through Twilio's API, and finds there what was sent when its sending brought no answer.
//!
//! Source: Twilio's "Messages resource" and "Calls resource" pages and OpenAPI file (`twilio_api_v2010`). Creating either
//! has no idempotency key, so a send without an answer is looked for before anyone may send again. What the two have in
//! common is here; [`messages`] and [`calls`] know their own parameters and how one of them is recognised.

mod calls;
mod messages;

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::call::{Answer, answer};
use super::super::{Accepted, PermanentKind, Provider, ProviderName, Report, Resolution, SendError, Taken};
use super::{Settings, TwilioCredentials, date, errors};
use crate::clock::plus_seconds;
use crate::message::content::{Call, Text};
use crate::message::{Address, Channel, Content, MessageId, PhoneNumber};
use crate::provider::Outgoing;

/// Pages looked through before a search is given up as without an answer: 10 × 100 entries to one recipient.
const MOST_PAGES: usize = 10;

/// How much earlier than our call Twilio's clock may say it made the entry (its dates are whole seconds).
const CLOCK_SKEW_SECONDS: i64 = 30;

/// Twilio, with one version of its credentials. Cheap to make.
#[derive(Clone, Debug)]
pub struct Twilio {
    http: reqwest::Client,
    settings: Settings,
    credentials: TwilioCredentials,
}

/// What a message is to Twilio.
enum Kind<'a> {
    Text(&'a PhoneNumber, &'a Text),
    Call(&'a PhoneNumber, &'a Call),
}

/// An entry of a list.
trait Entry: DeserializeOwned + Send + Sync {
    fn sid(&self) -> &str;
}

#[derive(Debug, Deserialize)]
struct Page<T> {
    #[serde(alias = "messages", alias = "calls")]
    entries: Vec<T>,
    next_page_uri: Option<String>,
}

/// What was made: the only field of it we need.
#[derive(Debug, Deserialize)]
struct Made {
    sid: String,
}

/// The entry being looked for: when it was made, if it is the one.
trait Wanted<T>: Sync {
    fn created(&self, entry: &T) -> Option<Timestamp>;
}

/// A list to look in, and how it is filtered by the day of sending.
struct Listing<'a> {
    path: String,
    to: &'a str,
    /// `DateSent>` or `StartTime>`.
    day: &'static str,
}

#[derive(Debug)]
enum Found {
    This(String),
    Nothing,
    TooMany,
}

impl Twilio {
    pub fn new(http: reqwest::Client, settings: Settings, credentials: TwilioCredentials) -> Self {
        Self { http, settings, credentials }
    }

    fn account(&self) -> String {
        format!("/2010-04-01/Accounts/{}", self.credentials.account_sid)
    }

    /// Where the callbacks of a message go; our id in the query comes back with each.
    fn status_callback(&self, path: &str, message: &Outgoing) -> String {
        format!("{}/twilio/{path}?message={}", self.settings.public_base_url.trim_end_matches('/'), message.id)
    }

    async fn create(&self, resource: &str, form: &[(&str, &str)]) -> Result<Accepted, SendError> {
        let url = format!("{}{}/{resource}.json", self.settings.base_url.trim_end_matches('/'), self.account());
        let answer = answer(self.authorized(self.http.post(url).form(form))).await?;
        if !answer.status.is_success() {
            return Err(errors::refused(&answer, self.settings.clock.now()));
        }
        let made: Made = serde_json::from_slice(&answer.body).map_err(|_| unreadable())?;
        Ok(Accepted { provider_id: made.sid })
    }

    /// One entry by its id; `None` where Twilio knows none.
    async fn one<T: DeserializeOwned>(&self, resource: &str, sid: &str) -> Result<Option<T>, SendError> {
        let answer = self.get(&format!("{}/{resource}/{sid}.json", self.account()), &[]).await?;
        match answer.status.as_u16() {
            200 => serde_json::from_slice(&answer.body).map(Some).map_err(|_| unreadable().of_a_question()),
            404 => Ok(None),
            _ => Err(errors::refused(&answer, self.settings.clock.now()).of_a_question()),
        }
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer, SendError> {
        let url = format!("{}{path}", self.settings.base_url.trim_end_matches('/'));
        let request = self.http.get(url).query(query);
        answer(self.authorized(request)).await.map_err(SendError::of_a_question)
    }

    fn authorized(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        let (name, secret) = self.credentials.login();
        request.basic_auth(name, Some(secret))
    }

    /// Looks through what was sent to the recipient since the day of `not_before`, then the newest without regard to the
    /// date: an entry still in Twilio's queue has no date to be found by.
    async fn search<T: Entry>(
        &self,
        listing: &Listing<'_>,
        wanted: &dyn Wanted<T>,
        not_before: Timestamp,
        is_taken: &dyn Taken,
    ) -> Result<Resolution, SendError> {
        let day = not_before.to_zoned(TimeZone::UTC).date().to_string();
        let newest = [("To", listing.to), ("PageSize", "100")];
        let dated = [newest[0], (listing.day, day.as_str()), newest[1]];
        let sent = self.find(&listing.path, wanted, &dated, MOST_PAGES, is_taken).await?;
        if let Found::This(sid) = sent {
            return Ok(Resolution::Accepted(Accepted { provider_id: sid }));
        }
        match (self.find(&listing.path, wanted, &newest, 1, is_taken).await?, sent) {
            (Found::This(sid), _) => Ok(Resolution::Accepted(Accepted { provider_id: sid })),
            (Found::Nothing | Found::TooMany, Found::TooMany) => Ok(Resolution::Unknowable),
            (Found::Nothing | Found::TooMany, Found::Nothing | Found::This(_)) => Ok(Resolution::NotFound),
        }
    }

    /// The oldest entry of one listing that is the wanted one, among at most so many pages.
    async fn find<T: Entry>(
        &self,
        path: &str,
        wanted: &dyn Wanted<T>,
        query: &[(&str, &str)],
        pages: usize,
        is_taken: &dyn Taken,
    ) -> Result<Found, SendError> {
        let mut page: Page<T> = self.page(path, query).await?;
        let mut found: Vec<(Timestamp, String)> = Vec::new();
        let mut rest = Found::Nothing;
        for read in 1.. {
            let these = page.entries.iter().filter_map(|entry| Some((wanted.created(entry)?, entry.sid().to_owned())));
            found.extend(these);
            match page.next_page_uri.take().filter(|next| next.starts_with(path)) {
                Some(_) if read >= pages => {
                    rest = Found::TooMany;
                    break;
                }
                Some(next) => page = self.page(&next, &[]).await?,
                None => break,
            }
        }
        // Asked one by one: an id that is nobody's is ours from then on.
        found.sort();
        for (_, sid) in found {
            if !is_taken.is_taken(&sid).await? {
                return Ok(Found::This(sid));
            }
        }
        Ok(rest)
    }

    async fn page<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<Page<T>, SendError> {
        let answer = self.get(path, query).await?;
        if !answer.status.is_success() {
            return Err(errors::refused(&answer, self.settings.clock.now()).of_a_question());
        }
        serde_json::from_slice(&answer.body).map_err(|_| unreadable().of_a_question())
    }
}

#[async_trait]
impl Provider for Twilio {
    fn name(&self) -> ProviderName {
        ProviderName::Twilio
    }

    async fn send(&self, message: &Outgoing) -> Result<Accepted, SendError> {
        match kind(message)? {
            Kind::Text(to, text) => self.send_text(message, to, text).await,
            Kind::Call(to, call) => self.send_call(message, to, call).await,
        }
    }

    async fn resolve(
        &self,
        message: &Outgoing,
        since: Timestamp,
        is_taken: &dyn Taken,
    ) -> Result<Resolution, SendError> {
        let not_before = plus_seconds(since, -CLOCK_SKEW_SECONDS);
        match kind(message)? {
            Kind::Text(to, text) => self.find_text(message, to, text, not_before, is_taken).await,
            Kind::Call(to, _) => self.find_call(message, to, not_before, is_taken).await,
        }
    }

    async fn fetch(&self, message: MessageId, provider_id: &str) -> Result<Option<Report>, SendError> {
        if provider_id.is_empty() || !provider_id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Ok(None);
        }
        if provider_id.starts_with(calls::SID) {
            self.fetch_call(message, provider_id).await
        } else {
            self.fetch_text(message, provider_id).await
        }
    }
}

fn kind(message: &Outgoing) -> Result<Kind<'_>, SendError> {
    match (&message.to, &message.content, message.channel) {
        (Address::Phone(to), Content::Text(text), Channel::Sms | Channel::Whatsapp) => Ok(Kind::Text(to, text)),
        (Address::Phone(to), Content::Call(call), Channel::Voice) => Ok(Kind::Call(to, call)),
        _ => Err(SendError::Permanent {
            kind: PermanentKind::Configuration,
            provider_code: "channel".to_owned(),
            reason: "Twilio sends texts and makes calls".to_owned(),
        }),
    }
}

fn unreadable() -> SendError {
    SendError::Uncertain { provider_code: None, reason: "the provider's answer could not be read".to_owned() }
}

#[cfg(test)]
mod tests;
