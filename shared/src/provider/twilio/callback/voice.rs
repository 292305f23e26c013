//! What a call asks of us: a request for TwiML, or what its caller did, as a voice menu hears it.
//!
//! Sources: Twilio's pages "TwiML Voice" (every request), "TwiML: Gather", "TwiML: Dial" (what their actions add), and
//! "Answering machine detection".

use super::{MalformedCallback, Parameters};
use crate::voice::{Heard, Origin, Party, Place};

/// A request. It holds what the caller said: never logged.
pub struct Request {
    /// Where the call is.
    pub place: Place,
    pub party: Party,
    digits: Option<String>,
    speech: Option<String>,
    dialled: Option<String>,
}

impl Request {
    /// Reads one: `query` as it was sent, body as it was signed.
    pub fn read(query: &str, body: &[u8]) -> Result<Self, MalformedCallback> {
        let parameters = Parameters::read(body)?;
        let text = |name: &'static str| parameters.text(&[name]).map(|text| text.map(str::to_owned));
        text("CallSid")?.ok_or(MalformedCallback("no CallSid"))?;
        let mut place = Place::read(query);
        if place.origin == Origin::Ours && text("Direction")?.as_deref() == Some("inbound") {
            place.origin = Origin::Inbound;
        }
        Ok(Self {
            place,
            party: Party::answered_by(text("AnsweredBy")?.as_deref()),
            digits: text("Digits")?,
            speech: text("SpeechResult")?,
            dialled: text("DialCallStatus")?,
        })
    }

    /// What the caller did. A conversation that took place is `completed`; whoever was not reached is `busy`, `no-answer`,
    /// `failed` or `canceled`.
    pub fn heard(&self) -> Heard<'_> {
        match (&self.dialled, &self.digits, &self.speech) {
            (Some(status), ..) if matches!(status.as_str(), "completed" | "answered") => Heard::Connected,
            (Some(_), ..) | (None, None, None) => Heard::Nothing,
            (None, Some(digits), _) => Heard::Digits(digits),
            (None, None, Some(speech)) => Heard::Speech(speech),
        }
    }
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("place", &self.place).field("party", &self.party).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str, body: &str) -> Request {
        Request::read(query, body.as_bytes()).unwrap()
    }

    #[test]
    fn what_the_caller_did_is_read() {
        let heard = |more: &str| format!("{:?}", read("", &format!("CallSid=CA1{more}")).heard());
        assert_eq!(heard(""), "Nothing");
        assert_eq!(heard("&Digits=1&FinishedOnKey="), "Digits(\"1\")");
        assert_eq!(heard("&Digits=%23"), "Digits(\"#\")");
        assert_eq!(heard("&SpeechResult=An+agent&Confidence=0.9"), "Speech(\"An agent\")");
        assert_eq!(heard("&Digits=2&SpeechResult=one"), "Digits(\"2\")", "keys are plainer");
        assert_eq!(heard("&DialCallStatus=completed&DialCallDuration=12"), "Connected");
        for status in ["busy", "no-answer", "failed", "canceled"] {
            assert_eq!(heard(&format!("&DialCallStatus={status}&Digits=1")), "Nothing", "{status}");
        }
    }

    #[test]
    fn who_called_whom_and_who_answered_is_read() {
        let inbound = read("", "CallSid=CA1&Direction=inbound");
        assert_eq!((inbound.place.origin, inbound.party), (Origin::Inbound, Party::Person));
        let ours = read("", "CallSid=CA1&Direction=outbound-api&AnsweredBy=machine_start");
        assert_eq!((ours.place.origin, ours.party), (Origin::Ours, Party::Machine));
        let later = read("node=main&misses=1&step=3&direction=inbound", "CallSid=CA1&Digits=secret");
        assert_eq!((later.place.origin, later.place.step), (Origin::Inbound, 3));
        assert!(!format!("{later:?}").contains("secret"));
        assert!(Request::read("", b"Digits=1").is_err());
    }
}
