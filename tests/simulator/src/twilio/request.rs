//! What a request to create a message may say, and Twilio's refusals.

use jiff::{SignedDuration, Timestamp};

use super::{
    answer::Error,
    form::{Form, is_callback_url, is_e164, is_url},
    magic, segments,
};
use crate::store::{Channel, Detail, Direction, NewMessage, Provider, Status};

/// Every documented parameter of the resource; in strict mode any other is refused.
const PARAMETERS: &[&str] = &[
    "AddressRetention",
    "ApplicationSid",
    "Attempt",
    "Body",
    "ContentRetention",
    "ContentSid",
    "ContentVariables",
    "FallbackFrom",
    "ForceDelivery",
    "From",
    "MaxPrice",
    "MediaUrl",
    "MessagingServiceSid",
    "PersistentAction",
    "ProvideFeedback",
    "RiskCheck",
    "ScheduleType",
    "SendAsMms",
    "SendAt",
    "ShortenUrls",
    "SmartEncoded",
    "StatusCallback",
    "To",
    "TrafficType",
    "ValidityPeriod",
];

/// How far ahead a message may be scheduled, in seconds.
const SCHEDULE: std::ops::RangeInclusive<i64> = 300..=3_024_000;

impl Form {
    /// The channel the recipient's address names.
    pub(super) fn channel(&self) -> Channel {
        let whatsapp = self.get("To").is_some_and(|to| to.starts_with("whatsapp:"));
        if whatsapp { Channel::Whatsapp } else { Channel::Sms }
    }

    /// Checks everything a creation needs, in Twilio's order.
    pub(super) fn message(&self, sid: String, strict: bool, now: Timestamp) -> Result<NewMessage, Error> {
        if strict {
            self.only(PARAMETERS)?;
        }
        let to = self.get("To").ok_or_else(|| Error::new(21604, "A 'To' phone number is required."))?;
        let service_sid = self.sid("MessagingServiceSid", "MG", 21705, "The Messaging Service Sid is invalid")?;
        let from = self.get("From").unwrap_or_default();
        if from.is_empty() && service_sid.is_none() {
            return Err(Error::new(21603, "A 'From' phone number is required."));
        }
        let content_sid = self.sid("ContentSid", "HX", 21655, "The ContentSid is invalid")?;
        let content_variables = self.content_variables(content_sid.is_some())?;
        let body = self.get("Body");
        let media = self.all("MediaUrl");
        if body.is_none() && media.is_empty() && content_sid.is_none() {
            return Err(Error::new(21602, "Message body is required."));
        }
        let channel = self.addresses(to, from)?;
        if body.is_some_and(|body| body.chars().count() > 1600) {
            return Err(Error::new(21617, "The concatenated message body exceeds the 1600 character limit"));
        }
        if media.len() > 10 {
            return Err(Error::new(21623, "Number of media files exceeds allowed limit"));
        }
        if let Some(bad) = media.iter().find(|url| !is_url(url)) {
            return Err(Error::new(21620, format!("Invalid media URL(s): {bad}")));
        }
        let status_callback = self.get("StatusCallback");
        if let Some(url) = status_callback.filter(|url| !is_callback_url(url)) {
            return Err(Error::new(21609, format!("The 'StatusCallback' URL {url} is not a valid URL.")));
        }
        self.validity()?;
        let send_at = self.schedule(service_sid.is_some(), now)?;
        let status = match (&send_at, &service_sid) {
            (Some(_), _) => Status::Scheduled,
            (None, Some(_)) => Status::Accepted,
            (None, None) => Status::Queued,
        };
        let detail = super::Detail {
            segments: if channel == Channel::Sms { segments::count(body.unwrap_or_default()) } else { 1 },
            service_sid,
            status_callback: status_callback.map(str::to_owned),
            template: content_sid.map(|sid| (sid, content_variables)),
            misfit: false,
            priced: false,
            send_at,
        };
        Ok(NewMessage {
            id: sid,
            provider: Provider::Twilio,
            channel,
            direction: Direction::Outbound,
            to: to.to_owned(),
            from: from.to_owned(),
            subject: None,
            text: body.map(str::to_owned),
            html: None,
            media,
            our_id: self.our_id(),
            status,
            detail: Detail::Twilio(Box::new(detail)),
        })
    }

    fn content_variables(&self, templated: bool) -> Result<Option<String>, Error> {
        let Some(variables) = self.get("ContentVariables") else { return Ok(None) };
        if !templated {
            return Err(Error::new(21654, "ContentVariables require a ContentSid"));
        }
        let parsed: Result<serde_json::Map<String, serde_json::Value>, _> = serde_json::from_str(variables);
        match parsed {
            Ok(_) => Ok(Some(variables.to_owned())),
            Err(_) => Err(Error::new(21656, "The Content Variables parameter is invalid")),
        }
    }

    fn addresses(&self, to: &str, from: &str) -> Result<Channel, Error> {
        let (to_number, from_number) = (to.strip_prefix("whatsapp:"), from.strip_prefix("whatsapp:"));
        let channel = if to_number.is_some() { Channel::Whatsapp } else { Channel::Sms };
        if !is_e164(to_number.unwrap_or(to)) {
            return Err(magic::invalid_to(to));
        }
        if !from.is_empty() {
            if from_number.is_some() != to_number.is_some() {
                let message = "Invalid 'From' and 'To' pair. 'From' and 'To' should be of the same channel";
                return Err(Error::new(21910, message));
            }
            match from_number {
                Some(number) if !is_e164(number) => {
                    let message = "Twilio could not find a Channel with the specified From address";
                    return Err(Error::new(63007, message));
                }
                None if !is_sender(from) => return Err(magic::invalid_from(from)),
                _ => {}
            }
            if from == to {
                let code = if channel == Channel::Sms { 21266 } else { 63031 };
                return Err(Error::new(code, "'To' and 'From' number cannot be the same"));
            }
        }
        magic::refusal(channel, from, to).map_or(Ok(channel), Err)
    }

    fn validity(&self) -> Result<(), Error> {
        match self.get("ValidityPeriod") {
            Some(period) if !period.parse().is_ok_and(|seconds: u32| (1..=36_000).contains(&seconds)) => {
                Err(Error::new(20001, "ValidityPeriod must be between 1 and 36000"))
            }
            _ => Ok(()),
        }
    }

    fn schedule(&self, has_service: bool, now: Timestamp) -> Result<Option<Timestamp>, Error> {
        let (kind, send_at) = (self.get("ScheduleType"), self.get("SendAt"));
        let Some(kind) = kind else {
            return match send_at {
                Some(_) => Err(Error::new(35126, "ScheduleType parameter is required with SendAt")),
                None => Ok(None),
            };
        };
        if kind != "fixed" {
            return Err(Error::new(35126, "ScheduleType must be fixed"));
        }
        if !has_service {
            return Err(Error::new(35118, "MessagingServiceSid is required to schedule a message"));
        }
        let send_at = send_at.ok_or_else(|| Error::new(35111, "SendAt cannot be empty for ScheduleType 'fixed'"))?;
        let at: Timestamp = send_at.parse().map_err(|_| Error::new(35114, "SendAt timestamp is not ISO 8601"))?;
        let ahead: SignedDuration = at.duration_since(now);
        if ahead.as_secs() < *SCHEDULE.start() {
            return Err(Error::new(35114, "SendAt time must be at least 300 seconds in the future"));
        }
        if ahead.as_secs() > *SCHEDULE.end() {
            return Err(Error::new(35115, "SendAt time must be at most 35 days in the future"));
        }
        Ok(Some(at))
    }
}

/// A phone number, a short code, or an alphanumeric sender of at most 11 characters with at least one letter.
fn is_sender(from: &str) -> bool {
    let short_code = (3..=8).contains(&from.len()) && from.bytes().all(|b| b.is_ascii_digit());
    let alphanumeric = from.len() <= 11
        && from.bytes().any(|b| b.is_ascii_alphabetic())
        && from.bytes().all(|b| b.is_ascii_alphanumeric() || b" -_&+".contains(&b));
    is_e164(from) || short_code || alphanumeric
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
