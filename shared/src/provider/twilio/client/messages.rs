//! SMS and WhatsApp: the Messages resource.

use jiff::Timestamp;
use serde::Deserialize;

use super::super::{event, key};
use super::{
    Accepted, Channel, Entry, Likeness, Listing, MessageId, Outgoing, PhoneNumber, ProviderName, Report, Resolution,
    SendError, Taken, Text, Twilio, Wanted, Window, date, is_same_number,
};
use crate::clock::latest_in_second;
use crate::message::smart::looks_alike;
use crate::provider::Event;

/// What a trial account puts before every text.
const TRIAL_PREFIX: &str = "Sent from your Twilio trial account - ";

/// The longest time Twilio keeps a message waiting, in seconds; also what it does without being told.
const LONGEST_VALIDITY: i64 = 36_000;

/// A Message resource, the fields we use.
#[derive(Debug, Deserialize)]
pub(super) struct Message {
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

/// Who a message is from, as Twilio is told.
#[derive(Debug, PartialEq, Eq)]
enum Sender {
    Number(String),
    Service(String),
}

/// The message being looked for.
struct Sought<'a> {
    to: String,
    /// What it says; a template's words are Twilio's own.
    body: Option<&'a str>,
    sender: Sender,
    window: Window,
}

impl Entry for Message {
    fn sid(&self) -> &str {
        &self.sid
    }
}

impl Twilio {
    pub(super) async fn send_text(
        &self,
        message: &Outgoing,
        to: &PhoneNumber,
        text: &Text,
    ) -> Result<Accepted, SendError> {
        let to = recipient(message, to);
        let callback = match message.channel {
            Channel::Whatsapp => self.status_callback("whatsapp-status", message),
            Channel::Sms | Channel::Email | Channel::Voice => self.status_callback("sms-status", message),
        };
        let sender = self.sender(message);
        let validity = message.valid_until.map(|until| validity(until, self.settings.clock.now()).to_string());
        let variables = text.template.as_ref().filter(|template| !template.variables.is_empty());
        // A map of texts always has a JSON form.
        let variables = variables.map(|template| serde_json::to_string(&template.variables).unwrap_or_default());
        let mut form = vec![("To", to.as_str())];
        form.push(match &sender {
            Sender::Number(number) => ("From", number),
            Sender::Service(service) => ("MessagingServiceSid", service),
        });
        match &text.template {
            // "Remove Body and MediaUrl when sending a template."
            Some(template) => {
                form.push(("ContentSid", &template.sid));
                form.extend(variables.as_deref().map(|variables| ("ContentVariables", variables)));
            }
            None => {
                if !text.body.is_empty() {
                    form.push(("Body", &text.body));
                }
                form.extend(text.media.iter().map(|url| ("MediaUrl", url.as_str())));
            }
        }
        form.extend(validity.as_deref().map(|seconds| ("ValidityPeriod", seconds)));
        form.push(("StatusCallback", &callback));
        self.create("Messages", &form).await
    }

    pub(super) async fn find_text(
        &self,
        message: &Outgoing,
        to: &PhoneNumber,
        text: &Text,
        window: Window,
        is_taken: &dyn Taken,
    ) -> Result<Resolution, SendError> {
        let body = text.template.is_none().then_some(text.body.as_str());
        let sought = Sought { to: recipient(message, to), body, sender: self.sender(message), window };
        let listing = Listing { path: format!("{}/Messages.json", self.account()), to: &sought.to, day: "DateSent>" };
        self.search::<Message>(&listing, &sought, window, is_taken).await
    }

    pub(super) async fn fetch_text(&self, message: MessageId, sid: &str) -> Result<Option<Report>, SendError> {
        let found: Option<Message> = self.one("Messages", sid).await?;
        let now = self.settings.clock.now();
        Ok(found.map(|found| Report {
            recipient: None,
            recording: None,
            provider: ProviderName::Twilio,
            message_id: Some(message),
            key: key(&found.status, found.error_code),
            event: event(&found.status, found.error_code).unwrap_or(Event::Ignored),
            at: found.date_updated.as_deref().and_then(date).map_or(now, |second| latest_in_second(second, now)),
            provider_code: found.error_code.map(|code| code.to_string()),
            provider_id: Some(found.sid),
            call: None,
        }))
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
}

impl Wanted<Message> for Sought<'_> {
    fn compare(&self, message: &Message) -> Likeness {
        let same_sender = match &self.sender {
            Sender::Number(number) => message.from.as_deref() == Some(number),
            Sender::Service(service) => message.messaging_service_sid.as_deref() == Some(service),
        };
        let outbound = message.direction.as_deref().is_some_and(|direction| direction.starts_with("outbound"));
        let created = message.date_created.as_deref().and_then(date).filter(|created| self.window.has(*created));
        let Some(created) = created else { return Likeness::Other };
        if !(same_sender && outbound && is_same_number(message.to.as_deref(), &self.to)) {
            return Likeness::Other;
        }
        let said = message.body.as_deref().unwrap_or_default();
        match self.body {
            // Twilio puts the template's words together itself, so they cannot be compared.
            None => Likeness::Possible,
            Some(body) if looks_alike(said.strip_prefix(TRIAL_PREFIX).unwrap_or(said), body) => Likeness::Same(created),
            Some(_) => Likeness::Other,
        }
    }
}

/// The whole seconds until a message is worthless, in Twilio's bounds.
fn validity(until: Timestamp, now: Timestamp) -> i64 {
    until.duration_since(now).as_secs().clamp(1, LONGEST_VALIDITY)
}

/// The recipient as Twilio spells it.
fn recipient(message: &Outgoing, to: &PhoneNumber) -> String {
    match message.channel {
        Channel::Whatsapp => on_whatsapp(to.as_str()),
        Channel::Sms | Channel::Email | Channel::Voice => to.as_str().to_owned(),
    }
}

fn on_whatsapp(number: &str) -> String {
    if number.starts_with("whatsapp:") { number.to_owned() } else { format!("whatsapp:{number}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_waits_no_longer_than_it_is_worth_something() {
        let at = |millis: i64| Timestamp::from_millisecond(millis).unwrap();
        let table =
            [(1_000, 1), (1_999, 1), (90_500, 90), (0, 1), (-5_000, 1), (36_000_000, 36_000), (99_000_000, 36_000)];
        for (until, seconds) in table {
            assert_eq!(validity(at(until), at(0)), seconds, "{until}");
        }
    }
}
