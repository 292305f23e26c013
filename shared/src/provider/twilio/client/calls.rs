//! Telephone calls: the Calls resource.

use serde::Deserialize;

use super::super::{call_event, ended_at, twiml};
use super::{
    Accepted, Call, Entry, Likeness, Listing, MessageId, Outgoing, PhoneNumber, ProviderName, Report, Resolution,
    SendError, Taken, Twilio, Wanted, Window, date, is_same_number,
};
use crate::clock::latest_in_second;
use crate::message::content::{MachineDetection, Script};
use crate::message::record::CallFacts;
use crate::otp::keypress::prompt;
use crate::provider::Event;

/// What a call's id starts with.
pub(super) const SID: &str = "CA";

/// How long it rings at most, in seconds, unless the call is worthless sooner. Twilio's own default.
const RINGS: i64 = 60;

/// The shortest time worth ringing, in seconds: about one ring.
const SHORTEST_RING: i64 = 5;

/// A Call resource, the fields we use.
#[derive(Debug, Deserialize)]
pub(super) struct CallResource {
    sid: String,
    #[serde(default)]
    status: String,
    to: Option<String>,
    from: Option<String>,
    direction: Option<String>,
    answered_by: Option<String>,
    /// Seconds, as text.
    duration: Option<String>,
    date_created: Option<String>,
    date_updated: Option<String>,
}

impl Entry for CallResource {
    fn sid(&self) -> &str {
        &self.sid
    }
}

/// The call being looked for. What it says stands in no list, so another call to the same number cannot be told from it.
struct Sought<'a> {
    to: &'a str,
    from: &'a str,
    window: Window,
}

impl Twilio {
    pub(super) async fn send_call(
        &self,
        message: &Outgoing,
        to: &PhoneNumber,
        call: &Call,
    ) -> Result<Accepted, SendError> {
        let callback = self.status_callback("call-status", message);
        let left = message.valid_until.map(|until| until.duration_since(self.settings.clock.now()).as_secs());
        let timeout = left.unwrap_or(RINGS).clamp(SHORTEST_RING, RINGS).to_string();
        let (spoken, menu);
        let mut form = vec![("To", to.as_str()), ("From", self.caller(message))];
        match &call.script {
            Script::Say { text, language } => {
                spoken = match &message.keypress {
                    Some(url) => twiml::turn::ask_for_a_key(prompt(language.as_deref()), language.as_deref(), url),
                    None => twiml::say(text, language.as_deref()),
                };
                form.push(("Twiml", &spoken));
            }
            Script::Url(url) => form.push(("Url", url)),
            Script::Menu => {
                menu = self.status_callback("voice-response", message);
                form.push(("Url", &menu));
            }
        }
        match call.machine {
            MachineDetection::On => form.push(("MachineDetection", "Enable")),
            MachineDetection::Off => {}
        }
        form.push(("Timeout", &timeout));
        form.push(("StatusCallback", &callback));
        form.extend(["initiated", "ringing", "answered", "completed"].map(|event| ("StatusCallbackEvent", event)));
        self.create("Calls", &form).await
    }

    pub(super) async fn find_call(
        &self,
        message: &Outgoing,
        to: &PhoneNumber,
        window: Window,
        is_taken: &dyn Taken,
    ) -> Result<Resolution, SendError> {
        let sought = Sought { to: to.as_str(), from: self.caller(message), window };
        let listing = Listing { path: format!("{}/Calls.json", self.account()), to: sought.to, day: "StartTime>" };
        self.search::<CallResource>(&listing, &sought, window, is_taken).await
    }

    pub(super) async fn fetch_call(&self, message: MessageId, sid: &str) -> Result<Option<Report>, SendError> {
        let found: Option<CallResource> = self.one("Calls", sid).await?;
        let now = self.settings.clock.now();
        Ok(found.map(|found| {
            let event = call_event(&found.status).unwrap_or(Event::Ignored);
            let facts = CallFacts::new(found.answered_by, found.duration.and_then(|seconds| seconds.parse().ok()));
            let facts = ended_at(event, &found.status, facts);
            Report {
                recipient: None,
                recording: None,
                provider: ProviderName::Twilio,
                message_id: Some(message),
                provider_code: matches!(event, Event::Undelivered(_)).then(|| found.status.clone()),
                key: found.status,
                event,
                at: found.date_updated.as_deref().and_then(date).map_or(now, |second| latest_in_second(second, now)),
                provider_id: Some(found.sid),
                call: facts,
            }
        }))
    }

    /// The number that calls: the one the client named, else the configured one.
    fn caller<'a>(&'a self, message: &'a Outgoing) -> &'a str {
        message.from.as_deref().unwrap_or(&self.credentials.phone_number)
    }
}

impl Wanted<CallResource> for Sought<'_> {
    fn compare(&self, call: &CallResource) -> Likeness {
        let is_like = is_same_number(call.to.as_deref(), self.to)
            && call.from.as_deref() == Some(self.from)
            && call.direction.as_deref() == Some("outbound-api");
        let created = call.date_created.as_deref().and_then(date);
        if is_like && created.is_some_and(|created| self.window.has(created)) {
            Likeness::Possible
        } else {
            Likeness::Other
        }
    }
}

#[cfg(test)]
mod tests;
