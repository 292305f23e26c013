//! Sends through the Messages resource, and finds a message there whose sending brought no answer.
//!
//! Source: Twilio's "Messages resource" page and OpenAPI file (`twilio_api_v2010`). Creating a message has no
//! idempotency key, so a send without an answer is looked for before anyone may send again.

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::super::call::{Answer, answer};
use super::super::{Accepted, PermanentKind, Provider, ProviderName, Report, Resolution, SendError, Taken};
use super::{Settings, TwilioCredentials, date, errors, event, key};
use crate::clock::{latest_in_second, plus_seconds};
use crate::message::{Address, Channel, Content, MessageId};
use crate::provider::{Event, Outgoing};

/// Pages looked through before a search is given up as without an answer: 10 × 100 messages to one recipient.
const MOST_PAGES: usize = 10;

/// How much earlier than our call Twilio's clock may say it made the message (its dates are whole seconds).
const CLOCK_SKEW_SECONDS: i64 = 30;

/// What a trial account puts before every text.
const TRIAL_PREFIX: &str = "Sent from your Twilio trial account - ";

/// Twilio, with one version of its credentials. Cheap to make.
#[derive(Clone, Debug)]
pub struct Twilio {
    http: reqwest::Client,
    settings: Settings,
    credentials: TwilioCredentials,
}

/// A Message resource, the fields we use.
#[derive(Debug, Deserialize)]
struct Message {
    sid: String,
    #[serde(default)]
    status: String,
    error_code: Option<i64>,
    body: Option<String>,
    to: Option<String>,
    from: Option<String>,
    messaging_service_sid: Option<String>,
    direction: Option<String>,
    date_created: Option<String>,
    date_updated: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Page {
    messages: Vec<Message>,
    next_page_uri: Option<String>,
}

/// Who a message is from, as Twilio is told.
#[derive(Debug, PartialEq, Eq)]
enum Sender {
    Number(String),
    Service(String),
}

impl Twilio {
    pub fn new(http: reqwest::Client, settings: Settings, credentials: TwilioCredentials) -> Self {
        Self { http, settings, credentials }
    }

    fn account(&self) -> String {
        format!("/2010-04-01/Accounts/{}", self.credentials.account_sid)
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer, SendError> {
        let url = format!("{}{path}", self.settings.base_url.trim_end_matches('/'));
        let request = self.http.get(url).query(query);
        answer(self.authorized(request)).await.map_err(SendError::of_a_question)
    }

    fn authorized(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        request.basic_auth(&self.credentials.account_sid, Some(&self.credentials.auth_token))
    }

    /// The sender the client named, else the configured one. A Messaging Service sends SMS only: WhatsApp has its number.
    fn sender(&self, message: &Outgoing) -> Sender {
        let named = message.from.clone();
        match message.channel {
            Channel::Whatsapp => {
                Sender::Number(on_whatsapp(&named.unwrap_or_else(|| self.credentials.whatsapp_number.clone())))
            }
            Channel::Sms | Channel::Email | Channel::Voice => match (named, &self.credentials.messaging_service_sid) {
                (Some(number), _) => Sender::Number(number),
                (None, Some(service)) => Sender::Service(service.clone()),
                (None, None) => Sender::Number(self.credentials.phone_number.clone()),
            },
        }
    }

    fn status_callback(&self, message: &Outgoing) -> String {
        let path = if message.channel == Channel::Whatsapp { "whatsapp-status" } else { "sms-status" };
        format!("{}/twilio/{path}?message={}", self.settings.public_base_url.trim_end_matches('/'), message.id)
    }

    /// The oldest message of one listing that is this one. `None`: there is none. At most `pages` pages are read; more
    /// than that is an answer only where `rest_is_older`.
    async fn find(
        &self,
        wanted: &Wanted<'_>,
        query: &[(&str, &str)],
        pages: usize,
        is_taken: &dyn Taken,
    ) -> Result<Found, SendError> {
        let messages = format!("{}/Messages.json", self.account());
        let mut page = self.page(&messages, query).await?;
        let mut found: Vec<(Timestamp, String)> = Vec::new();
        let mut rest = Found::Nothing;
        for read in 1.. {
            found.extend(
                page.messages
                    .iter()
                    .filter_map(|message| wanted.created(message).map(|created| (created, message.sid.clone()))),
            );
            match page.next_page_uri.take().filter(|next| next.starts_with(&messages)) {
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

    async fn page(&self, path: &str, query: &[(&str, &str)]) -> Result<Page, SendError> {
        let answer = self.get(path, query).await?;
        if !answer.status.is_success() {
            return Err(errors::refused(&answer, self.settings.clock.now()).of_a_question());
        }
        serde_json::from_slice(&answer.body).map_err(|_| unreadable().of_a_question())
    }
}

#[derive(Debug)]
enum Found {
    This(String),
    Nothing,
    TooMany,
}

/// The message being looked for.
struct Wanted<'a> {
    to: String,
    body: &'a str,
    sender: Sender,
    not_before: Timestamp,
}

impl Wanted<'_> {
    /// When `message` was made, if it is the wanted one.
    fn created(&self, message: &Message) -> Option<Timestamp> {
        let body = message.body.as_deref().unwrap_or_default();
        let same_text = body == self.body || body.strip_prefix(TRIAL_PREFIX) == Some(self.body);
        let same_sender = match &self.sender {
            Sender::Number(number) => message.from.as_deref() == Some(number),
            Sender::Service(service) => message.messaging_service_sid.as_deref() == Some(service),
        };
        let outbound = message.direction.as_deref().is_some_and(|direction| direction.starts_with("outbound"));
        let is_it = same_text && same_sender && outbound && message.to.as_deref() == Some(&self.to);
        let created = date(message.date_created.as_deref()?)?;
        (is_it && created >= self.not_before).then_some(created)
    }
}

#[async_trait]
impl Provider for Twilio {
    fn name(&self) -> ProviderName {
        ProviderName::Twilio
    }

    async fn send(&self, message: &Outgoing) -> Result<Accepted, SendError> {
        let (to, body, media) = parts(message)?;
        let callback = self.status_callback(message);
        let sender = self.sender(message);
        let mut form = vec![("To", to.as_str())];
        form.push(match &sender {
            Sender::Number(number) => ("From", number),
            Sender::Service(service) => ("MessagingServiceSid", service),
        });
        if !body.is_empty() {
            form.push(("Body", body));
        }
        form.extend(media.iter().map(|url| ("MediaUrl", url.as_str())));
        form.push(("StatusCallback", &callback));
        let url = format!("{}{}/Messages.json", self.settings.base_url.trim_end_matches('/'), self.account());
        let answer = answer(self.authorized(self.http.post(url).form(&form))).await?;
        if !answer.status.is_success() {
            return Err(errors::refused(&answer, self.settings.clock.now()));
        }
        let made: Message = serde_json::from_slice(&answer.body).map_err(|_| unreadable())?;
        Ok(Accepted { provider_id: made.sid })
    }

    /// Lists what was sent to the recipient since the day of `since`, then the newest without regard to the date: a
    /// message still in Twilio's queue has no sent date to be found by.
    async fn resolve(
        &self,
        message: &Outgoing,
        since: Timestamp,
        is_taken: &dyn Taken,
    ) -> Result<Resolution, SendError> {
        let (to, body, _) = parts(message)?;
        let not_before = plus_seconds(since, -CLOCK_SKEW_SECONDS);
        let day = not_before.to_zoned(TimeZone::UTC).date().to_string();
        let wanted = Wanted { to, body, sender: self.sender(message), not_before };
        let newest = [("To", wanted.to.as_str()), ("PageSize", "100")];
        let dated = [newest[0], ("DateSent>", day.as_str()), newest[1]];
        let sent = self.find(&wanted, &dated, MOST_PAGES, is_taken).await?;
        if let Found::This(sid) = sent {
            return Ok(Resolution::Accepted(Accepted { provider_id: sid }));
        }
        match (self.find(&wanted, &newest, 1, is_taken).await?, sent) {
            (Found::This(sid), _) => Ok(Resolution::Accepted(Accepted { provider_id: sid })),
            (Found::Nothing | Found::TooMany, Found::TooMany) => Ok(Resolution::Unknowable),
            (Found::Nothing | Found::TooMany, Found::Nothing | Found::This(_)) => Ok(Resolution::NotFound),
        }
    }

    async fn fetch(&self, message: MessageId, provider_id: &str) -> Result<Option<Report>, SendError> {
        if provider_id.is_empty() || !provider_id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Ok(None);
        }
        let answer = self.get(&format!("{}/Messages/{provider_id}.json", self.account()), &[]).await?;
        let now = self.settings.clock.now();
        match answer.status.as_u16() {
            200 => {}
            404 => return Ok(None),
            _ => return Err(errors::refused(&answer, now).of_a_question()),
        }
        let found: Message = serde_json::from_slice(&answer.body).map_err(|_| unreadable().of_a_question())?;
        Ok(Some(Report {
            provider: ProviderName::Twilio,
            message_id: Some(message),
            key: key(&found.status, found.error_code),
            event: event(&found.status, found.error_code).unwrap_or(Event::Ignored),
            at: found.date_updated.as_deref().and_then(date).map_or(now, |second| latest_in_second(second, now)),
            provider_code: found.error_code.map(|code| code.to_string()),
            provider_id: Some(found.sid),
        }))
    }
}

/// Recipient as Twilio spells it, text and media.
fn parts(message: &Outgoing) -> Result<(String, &str, &[String]), SendError> {
    match (&message.to, &message.content, message.channel) {
        (Address::Phone(to), Content::Text(text), Channel::Sms) => {
            Ok((to.as_str().to_owned(), &text.body, &text.media))
        }
        (Address::Phone(to), Content::Text(text), Channel::Whatsapp) => {
            Ok((on_whatsapp(to.as_str()), &text.body, &text.media))
        }
        _ => Err(SendError::Permanent {
            kind: PermanentKind::Configuration,
            provider_code: "channel".to_owned(),
            reason: "Twilio sends texts only".to_owned(),
        }),
    }
}

fn on_whatsapp(number: &str) -> String {
    if number.starts_with("whatsapp:") { number.to_owned() } else { format!("whatsapp:{number}") }
}

fn unreadable() -> SendError {
    SendError::Uncertain { provider_code: None, reason: "the provider's answer could not be read".to_owned() }
}

#[cfg(test)]
mod tests;
