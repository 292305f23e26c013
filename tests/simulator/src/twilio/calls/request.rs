//! What a request to make a call may say, and Twilio's refusals.

use super::{
    super::{
        answer::Error,
        form::{Form, is_callback_url, is_e164, is_url},
    },
    Detail, Detection, Event, Instructions, magic,
};
use crate::store::{self, Channel, Direction, NewMessage, Provider, Status};

/// The parameters that do something here.
const PARAMETERS: &[&str] = &[
    "AsyncAmd",
    "AsyncAmdStatusCallback",
    "AsyncAmdStatusCallbackMethod",
    "CallReason",
    "FallbackMethod",
    "FallbackUrl",
    "From",
    "MachineDetection",
    "MachineDetectionSilenceTimeout",
    "MachineDetectionSpeechEndThreshold",
    "MachineDetectionSpeechThreshold",
    "MachineDetectionTimeout",
    "Method",
    "SendDigits",
    "StatusCallback",
    "StatusCallbackEvent",
    "StatusCallbackMethod",
    "TimeLimit",
    "Timeout",
    "To",
    "Twiml",
    "Url",
];

/// Documented parameters that the simulator does not act out. In strict mode they are refused, not ignored.
const NOT_SIMULATED: &[&str] = &[
    "ApplicationSid",
    "Byoc",
    "CallToken",
    "CallerId",
    "ClientNotificationUrl",
    "Record",
    "RecordingChannels",
    "RecordingStatusCallback",
    "RecordingStatusCallbackEvent",
    "RecordingStatusCallbackMethod",
    "RecordingTrack",
    "SipAuthPassword",
    "SipAuthUsername",
    "Trim",
];

/// The longest TwiML a request can carry, in characters.
const LONGEST_TWIML: usize = 4000;

impl Form {
    /// Checks everything a call needs, in Twilio's order.
    pub(super) fn call(&self, sid: String, strict: bool) -> Result<NewMessage, Error> {
        if strict {
            if let Some(name) = NOT_SIMULATED.iter().find(|name| self.has(name)) {
                return Err(Error::new(20001, format!("{name} is not simulated")));
            }
            self.only(PARAMETERS)?;
        }
        let to = self.get("To").ok_or_else(|| Error::new(21201, "No 'To' number is specified"))?;
        let from = self.get("From").ok_or_else(|| Error::new(21213, "Caller phone number is required"))?;
        let instructions = self
            .instructions()?
            .ok_or_else(|| Error::new(21205, "Url parameter is required: one of Url, Twiml, ApplicationSid"))?;
        if !is_e164(to) {
            return Err(magic::invalid_to(to));
        }
        if !is_e164(from) {
            return Err(magic::invalid_from(from));
        }
        magic::refusal(from, to).map_or(Ok(()), Err)?;
        self.number("Timeout", 1, 600)?;
        for (name, least, most) in [
            ("MachineDetectionTimeout", 3, 59),
            ("MachineDetectionSpeechThreshold", 1000, 6000),
            ("MachineDetectionSpeechEndThreshold", 500, 5000),
            ("MachineDetectionSilenceTimeout", 2000, 10_000),
        ] {
            self.number(name, least, most)?;
        }
        let digits = |text: &str| text.len() <= 32 && text.chars().all(|c| "0123456789ABCD#*wW".contains(c));
        if self.get("SendDigits").is_some_and(|text| !digits(text)) {
            return Err(Error::new(21208, "SendDigits is invalid"));
        }
        let detail = Detail {
            instructions,
            redirect: None,
            status_callback: self.callback("StatusCallback")?,
            events: self.events()?,
            told: 0,
            detection: self.detection()?,
            detection_callback: self.detection_callback()?,
            time_limit: self.number("TimeLimit", 1, 86_400)?,
            answered_by: None,
            duration: None,
            started_at: None,
            ended_at: None,
            priced: false,
        };
        Ok(NewMessage {
            id: sid,
            provider: Provider::Twilio,
            channel: Channel::Voice,
            direction: Direction::Outbound,
            to: to.to_owned(),
            from: from.to_owned(),
            subject: None,
            text: None,
            html: None,
            media: Vec::new(),
            our_id: self.our_id(),
            status: Status::Queued,
            detail: store::Detail::Call(Box::new(detail)),
        })
    }

    /// `Url` with its fallback, else `Twiml`: "if both are provided then twiml will be ignored".
    pub(super) fn instructions(&self) -> Result<Option<Instructions>, Error> {
        for name in ["Method", "FallbackMethod", "StatusCallbackMethod", "AsyncAmdStatusCallbackMethod"] {
            match self.get(name) {
                None | Some("POST") => {}
                Some("GET") => return Err(Error::new(20001, format!("{name} GET is not simulated"))),
                Some(_) => return Err(Error::new(21221, format!("{name} must be GET or POST"))),
            }
        }
        let url = |name: &str| match self.get(name) {
            Some(url) if !is_url(url) || url.len() > 4000 => {
                Err(Error::new(21205, format!("Url is not a valid URL: {url}")))
            }
            url => Ok(url.map(str::to_owned)),
        };
        let fallback = url("FallbackUrl")?;
        if let Some(url) = url("Url")? {
            return Ok(Some(Instructions::Url { url, fallback }));
        }
        match self.get("Twiml") {
            Some(twiml) if twiml.chars().count() > LONGEST_TWIML => {
                Err(Error::new(20001, "Twiml must be at most 4000 characters"))
            }
            twiml => Ok(twiml.map(|twiml| Instructions::Twiml(twiml.to_owned()))),
        }
    }

    fn callback(&self, name: &str) -> Result<Option<String>, Error> {
        match self.get(name) {
            Some(url) if !is_callback_url(url) => {
                Err(Error::new(21609, format!("The '{name}' URL {url} is not a valid URL.")))
            }
            url => Ok(url.map(str::to_owned)),
        }
    }

    /// The events named, each in a parameter of its own; only `completed` where none is.
    fn events(&self) -> Result<Vec<Event>, Error> {
        let named = self.all("StatusCallbackEvent");
        if named.is_empty() {
            return Ok(vec![Event::Completed]);
        }
        let event = |name: &String| match name.as_str() {
            "initiated" => Ok(Event::Initiated),
            "ringing" => Ok(Event::Ringing),
            "answered" => Ok(Event::Answered),
            "completed" => Ok(Event::Completed),
            _ => Err(Error::new(21626, format!("StatusCallbackEvent is invalid: {name}"))),
        };
        named.iter().map(event).collect()
    }

    fn detection(&self) -> Result<Detection, Error> {
        match self.get("MachineDetection") {
            None => Ok(Detection::Off),
            Some("Enable") => Ok(Detection::Enable),
            Some("DetectMessageEnd") => Ok(Detection::MessageEnd),
            Some(_) => Err(Error::new(21207, "MachineDetection must be Enable or DetectMessageEnd")),
        }
    }

    fn detection_callback(&self) -> Result<Option<String>, Error> {
        let callback = self.callback("AsyncAmdStatusCallback")?;
        match (self.get("AsyncAmd"), callback) {
            (Some("true"), None) => Err(Error::new(21262, "AsyncAmd requires an AsyncAmdStatusCallback")),
            (Some("true"), callback) => Ok(callback),
            (None | Some("false"), _) => Ok(None),
            (Some(_), _) => Err(Error::new(20001, "AsyncAmd must be true or false")),
        }
    }

    pub(super) fn number(&self, name: &str, least: u32, most: u32) -> Result<Option<u32>, Error> {
        let Some(text) = self.get(name) else { return Ok(None) };
        match text.parse() {
            Ok(number) if (least..=most).contains(&number) => Ok(Some(number)),
            _ => Err(Error::new(20001, format!("{name} must be between {least} and {most}"))),
        }
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
