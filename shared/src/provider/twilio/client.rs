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

use super::super::call::{Answer, CALL_TIMEOUT, answer};
use super::super::{Accepted, PermanentKind, Provider, ProviderName, Report, Resolution, SendError, Taken};
use super::{Settings, TwilioCredentials, date, errors};
use crate::clock::plus_seconds;
use crate::message::content::{Call, Text};
use crate::message::{Address, Channel, Content, MessageId, PhoneNumber};
use crate::provider::Outgoing;

/// Pages looked through before a search is given up as without an answer: 10 × 100 entries to one recipient.
const MOST_PAGES: usize = 10;

/// How far Twilio's clock and ours may be apart.
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

/// The entry being looked for.
trait Wanted<T>: Sync {
    fn compare(&self, entry: &T) -> Likeness;
}

/// Whether an entry is the wanted one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Likeness {
    /// It says what the wanted one says, to the same number by the same sender, made then.
    Same(Timestamp),
    /// It may be: what it should say is not known. It is never taken for the wanted one.
    Possible,
    Other,
}

/// When an entry may have been made that came of a call begun at `since`: the call lasts so long at most, and Twilio's clock (its
/// dates are whole seconds) is not ours.
#[derive(Clone, Copy, Debug)]
struct Window {
    from: Timestamp,
    until: Timestamp,
}

impl Window {
    fn of_a_call(since: Timestamp) -> Self {
        let longest = i64::try_from(CALL_TIMEOUT.as_secs()).unwrap_or(i64::MAX);
        Self {
            from: plus_seconds(since, -CLOCK_SKEW_SECONDS),
            until: plus_seconds(since, longest.saturating_add(CLOCK_SKEW_SECONDS)),
        }
    }

    fn has(self, at: Timestamp) -> bool {
        self.from <= at && at <= self.until
    }
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
    /// One that may be it and is no other message's, or more than are looked through.
    Unclear,
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
        window: Window,
        is_taken: &dyn Taken,
    ) -> Result<Resolution, SendError> {
        let mut unclear = false;
        for to in spellings(listing.to) {
            let listing = Listing { path: listing.path.clone(), to: &to, day: listing.day };
            match self.search_one(&listing, wanted, window, is_taken).await? {
                Found::This(sid) => return Ok(Resolution::Accepted(Accepted { provider_id: sid })),
                Found::Unclear => unclear = true,
                Found::Nothing => {}
            }
        }
        Ok(if unclear { Resolution::Unknowable } else { Resolution::NotFound })
    }

    /// The same for one spelling of the number.
    async fn search_one<T: Entry>(
        &self,
        listing: &Listing<'_>,
        wanted: &dyn Wanted<T>,
        window: Window,
        is_taken: &dyn Taken,
    ) -> Result<Found, SendError> {
        let day = window.from.to_zoned(TimeZone::UTC).date().to_string();
        let newest = [("To", listing.to), ("PageSize", "100")];
        let dated = [newest[0], (listing.day, day.as_str()), newest[1]];
        let sent = self.find(&listing.path, wanted, &dated, MOST_PAGES, is_taken).await?;
        if let Found::This(_) = sent {
            return Ok(sent);
        }
        // Further pages of the newest are not asked for: they were there by date.
        match self.find(&listing.path, wanted, &newest, 1, is_taken).await? {
            Found::Nothing => Ok(sent),
            found @ (Found::This(_) | Found::Unclear) => Ok(found),
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
        let mut possible: Vec<String> = Vec::new();
        let mut rest = Found::Nothing;
        for read in 1.. {
            for entry in &page.entries {
                match wanted.compare(entry) {
                    Likeness::Same(created) => found.push((created, entry.sid().to_owned())),
                    Likeness::Possible => possible.push(entry.sid().to_owned()),
                    Likeness::Other => {}
                }
            }
            match page.next_page_uri.take().filter(|next| next.starts_with(path)) {
                Some(_) if read >= pages => {
                    if pages > 1 {
                        rest = Found::Unclear;
                    }
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
        for sid in possible {
            if !is_taken.is_of_another(&sid).await? {
                return Ok(Found::Unclear);
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
        let window = Window::of_a_call(since);
        match kind(message)? {
            Kind::Text(to, text) => self.find_text(message, to, text, window, is_taken).await,
            Kind::Call(to, _) => self.find_call(message, to, window, is_taken).await,
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

/// The numbers, with their prefix (`whatsapp:`), as which Twilio may list one: countries that put a digit behind the country code for
/// mobiles, which it may have left out or put in (ITU-T E.164 national numbering plans: Mexico's 1 until 2019, Argentina's 9, Brazil's
/// ninth digit, which WhatsApp leaves out of older numbers).
fn spellings(to: &str) -> Vec<String> {
    let (prefix, number) = to.split_once('+').unwrap_or(("", to));
    let other = match number.as_bytes() {
        [b'5', b'2', b'1', ..] if number.len() == 13 => Some(format!("52{}", &number[3..])),
        [b'5', b'2', ..] if number.len() == 12 => Some(format!("521{}", &number[2..])),
        [b'5', b'4', b'9', ..] if number.len() == 13 => Some(format!("54{}", &number[3..])),
        [b'5', b'4', ..] if number.len() == 12 => Some(format!("549{}", &number[2..])),
        [b'5', b'5', _, _, b'9', ..] if number.len() == 13 => Some(format!("{}{}", &number[..4], &number[5..])),
        [b'5', b'5', ..] if number.len() == 12 => Some(format!("{}9{}", &number[..4], &number[4..])),
        _ => None,
    };
    std::iter::once(to.to_owned()).chain(other.map(|other| format!("{prefix}+{other}"))).collect()
}

/// Whether two spellings are of one number.
fn is_same_number(said: Option<&str>, wanted: &str) -> bool {
    said.is_some_and(|said| spellings(wanted).iter().any(|spelling| spelling == said))
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
