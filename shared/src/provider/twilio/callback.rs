//! A status callback's bytes to reports.
//!
//! Sources: Twilio's "Track the message status" and "Monitor outbound call events" pages. A message's form carries the
//! status, an error code where it failed, and no time but `RawDlrDoneDate`, the carrier's, to the minute and in no stated
//! zone: it may lie before the message was accepted, so the time of receipt is used. A call's form carries its `Timestamp`.
//! A JSON body with the same names is read too. [`voice`]: what a call asks of us · [`recording`]: what was
//! recorded in one.

pub mod recording;
pub mod voice;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::super::{Event, MalformedCallback, ProviderName, Report};
use super::{call_event, date, ended_at, event, key};
use crate::clock::latest_in_second;
use crate::message::MessageId;
use crate::message::record::CallFacts;

/// Reads a message's callback: `query` as it was sent (our id stands there as `message`), body as it was signed.
pub fn parse(query: &str, body: &[u8], received: Timestamp) -> Result<Vec<Report>, MalformedCallback> {
    let parameters = Parameters::read(body)?;
    let sid = parameters.text(&["MessageSid", "SmsSid"])?.ok_or(MalformedCallback("no MessageSid"))?;
    let status = parameters.text(&["MessageStatus", "SmsStatus"])?.ok_or(MalformedCallback("no MessageStatus"))?;
    let error_code = parameters.number("ErrorCode").filter(|code| *code != 0);
    Ok(vec![Report {
        recipient: None,
        recording: None,
        provider: ProviderName::Twilio,
        message_id: our_id(query),
        provider_id: Some(sid.to_owned()),
        key: key(status, error_code),
        event: event(status, error_code).unwrap_or(Event::Ignored),
        at: received,
        provider_code: error_code.map(|code| code.to_string()),
        call: None,
    }])
}

/// Reads a call's callback. Its key is the status: a call has each of them once, and a fetched call, which has no
/// `SequenceNumber`, must not seem to say something new.
pub fn parse_call(query: &str, body: &[u8], received: Timestamp) -> Result<Vec<Report>, MalformedCallback> {
    let parameters = Parameters::read(body)?;
    let sid = parameters.text(&["CallSid"])?.ok_or(MalformedCallback("no CallSid"))?;
    let status = parameters.text(&["CallStatus"])?.ok_or(MalformedCallback("no CallStatus"))?;
    let answered_by = parameters.text(&["AnsweredBy"])?.map(str::to_owned);
    let seconds = parameters.number("CallDuration").and_then(|seconds| u32::try_from(seconds).ok());
    let event = if parameters.text(&["Direction"])? == Some("inbound") {
        inbound_event(status)
    } else {
        call_event(status).unwrap_or(Event::Ignored)
    };
    let sequence = parameters.number("SequenceNumber").and_then(|number| u32::try_from(number).ok());
    let facts = CallFacts::new(answered_by, seconds);
    let call = match (event, sequence) {
        (Event::Ignored, _) => facts,
        (_, Some(sequence)) => Some(facts.unwrap_or_default().reached(status, sequence)),
        (_, None) => ended_at(event, status, facts),
    };
    let at = parameters.text(&["Timestamp"])?.and_then(date);
    Ok(vec![Report {
        recipient: None,
        recording: None,
        provider: ProviderName::Twilio,
        message_id: our_id(query),
        provider_id: Some(sid.to_owned()),
        key: status.to_owned(),
        event,
        at: at.map_or(received, |second| latest_in_second(second, received)),
        provider_code: matches!(event, Event::Undelivered(_)).then(|| status.to_owned()),
        call,
    }])
}

/// What somebody's call to us came to: it was ours to take, so nothing of it arrives or does not.
fn inbound_event(status: &str) -> Event {
    match status {
        "completed" | "busy" | "failed" | "no-answer" | "canceled" => Event::Ended,
        _ => Event::Ignored,
    }
}

/// The parameters of a callback; Twilio adds others without notice.
pub(super) struct Parameters(Map<String, Value>);

impl Parameters {
    pub(super) fn read(body: &[u8]) -> Result<Self, MalformedCallback> {
        if body.trim_ascii_start().starts_with(b"{") {
            return serde_json::from_slice(body).map(Self).map_err(|_| MalformedCallback("not readable as JSON"));
        }
        let pairs = form_urlencoded::parse(body).filter(|(_, value)| !value.is_empty());
        Ok(Self(pairs.map(|(name, value)| (name.into_owned(), Value::String(value.into_owned()))).collect()))
    }

    /// The first of these names that has a value (an empty text is none, in JSON as in a form); a value that is no text is
    /// malformed.
    pub(super) fn text(&self, names: &[&str]) -> Result<Option<&str>, MalformedCallback> {
        let has_value = |value: &&Value| !value.is_null() && value.as_str() != Some("");
        match names.iter().find_map(|name| self.0.get(*name).filter(has_value)) {
            None => Ok(None),
            Some(value) => value.as_str().map(Some).ok_or(MalformedCallback("a value is not text")),
        }
    }

    /// A number is a number in JSON and text in a form.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        let value = self.0.get(name)?;
        value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
    }
}

fn our_id(query: &str) -> Option<MessageId> {
    let (_, id) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "message")?;
    id.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::PermanentKind;

    const FORM: &[u8] = b"SmsSid=SM1&SmsStatus=delivered&MessageStatus=delivered&To=%2B14155552671&MessageSid=SM1\
        &AccountSid=AC1&From=%2B15005550006&ApiVersion=2010-04-01&RawDlrDoneDate=2603011200&NewParameter=1";

    fn only(query: &str, body: &[u8]) -> Report {
        let mut reports = parse(query, body, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(reports.len(), 1);
        reports.remove(0)
    }

    #[test]
    fn a_form_becomes_one_report() {
        let id = MessageId::new();
        let expected = Report {
            recipient: None,
            recording: None,
            provider: ProviderName::Twilio,
            message_id: Some(id),
            provider_id: Some("SM1".to_owned()),
            key: "delivered".to_owned(),
            event: Event::Delivered,
            at: Timestamp::UNIX_EPOCH,
            provider_code: None,
            call: None,
        };
        assert_eq!(only(&format!("a=b&message={id}"), FORM), expected);
        assert_eq!(only("message=not-an-id", FORM).message_id, None);
        assert_eq!(only("", FORM).message_id, None);
    }

    #[test]
    fn an_error_code_gives_the_reason_and_its_own_key() {
        let report = only("", b"MessageSid=SM1&MessageStatus=undelivered&ErrorCode=30003");
        assert_eq!(report.event, Event::Undelivered(PermanentKind::Unreachable));
        assert_eq!((report.key.as_str(), report.provider_code.as_deref()), ("undelivered:30003", Some("30003")));
    }

    #[test]
    fn the_json_form_is_read_too() {
        let report = only(
            "",
            br#"{"MessageSid":"SM1234567890abcdef","MessageStatus":"delivered","ErrorCode":null,"ErrorMessage":null}"#,
        );
        assert_eq!((report.event, report.provider_id.as_deref()), (Event::Delivered, Some("SM1234567890abcdef")));
        for code in ["30007", "\"30007\""] {
            let body = format!(r#"{{"MessageSid":"SM1","MessageStatus":"failed","ErrorCode":{code}}}"#);
            assert_eq!(only("", body.as_bytes()).event, Event::Undelivered(PermanentKind::Filtered));
        }
    }

    #[test]
    fn unknown_statuses_are_acknowledged() {
        assert_eq!(only("", b"MessageSid=SM1&MessageStatus=teleported").event, Event::Ignored);
        assert_eq!(only("", b"MessageSid=SM1&SmsStatus=received&Body=hello").event, Event::Ignored);
    }

    #[test]
    fn what_names_no_message_or_status_is_malformed() {
        for body in [&b""[..], b"MessageStatus=sent", b"MessageSid=SM1", b"{", br#"{"MessageSid":7}"#, b"\xff\xfe"] {
            assert!(parse("", body, Timestamp::UNIX_EPOCH).is_err(), "{body:?}");
        }
    }

    const CALL: &[u8] = b"CallSid=CA1&AccountSid=AC1&From=%2B15005550006&To=%2B14155552671&CallStatus=completed\
        &CallDuration=49&Duration=1&Timestamp=Sun%2C+01+Mar+2026+12%3A00%3A09+%2B0000&SequenceNumber=3\
        &CallbackSource=call-progress-events&AnsweredBy=machine_start";

    fn only_call(body: &[u8]) -> Report {
        let received = "2026-03-01T12:00:20Z".parse().unwrap();
        parse_call("", body, received).unwrap().remove(0)
    }

    #[test]
    fn a_call_tells_who_answered_and_how_long_it_took() {
        let id = MessageId::new();
        let received = "2026-03-01T12:00:20Z".parse().unwrap();
        let expected = Report {
            recipient: None,
            recording: None,
            provider: ProviderName::Twilio,
            message_id: Some(id),
            provider_id: Some("CA1".to_owned()),
            key: "completed".to_owned(),
            event: Event::Delivered,
            at: "2026-03-01T12:00:09.999Z".parse().unwrap(),
            provider_code: None,
            call: CallFacts::new(Some("machine_start".to_owned()), Some(49)).map(|call| call.reached("completed", 3)),
        };
        assert_eq!(parse_call(&format!("message={id}"), CALL, received), Ok(vec![expected]));
    }

    #[test]
    fn how_a_call_ended_is_the_providers_code() {
        let busy = only_call(b"CallSid=CA1&CallStatus=busy&CallDuration=0&SipResponseCode=486");
        assert_eq!(busy.event, Event::Undelivered(PermanentKind::Unreachable));
        assert_eq!((busy.key.as_str(), busy.provider_code.as_deref()), ("busy", Some("busy")));
        assert_eq!(busy.call.unwrap().progress.as_deref(), Some("busy"), "it does not ring any more");
        let ringing = only_call(br#"{"CallSid":"CA1","CallStatus":"ringing","SequenceNumber":1}"#);
        assert_eq!((ringing.event, ringing.detail(), ringing.provider_code), (Event::Sent, None, None));
        assert_eq!(ringing.call, Some(CallFacts::default().reached("ringing", 1)));
        assert_eq!(only_call(b"CallSid=CA1&CallStatus=levitating").event, Event::Ignored);
        for body in [&b""[..], b"CallSid=CA1", b"CallStatus=busy", b"{", br#"{"CallSid":7,"CallStatus":"busy"}"#] {
            assert!(parse_call("", body, Timestamp::UNIX_EPOCH).is_err(), "{body:?}");
        }
    }

    #[test]
    fn the_end_of_a_call_to_us_is_told_once_and_moves_no_status() {
        let ended = only_call(b"CallSid=CA1&Direction=inbound&CallStatus=completed&CallDuration=70&Duration=2");
        assert_eq!((ended.event, ended.event.status(), ended.detail().as_deref()), (Event::Ended, None, Some("70 s")));
        assert_eq!(ended.call.unwrap().progress.as_deref(), Some("completed"));
        assert_eq!(only_call(b"CallSid=CA1&Direction=inbound&CallStatus=no-answer").event, Event::Ended);
        assert_eq!(only_call(b"CallSid=CA1&Direction=inbound&CallStatus=ringing").event, Event::Ignored);
    }
}
