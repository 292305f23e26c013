//! A status callback's bytes to reports.
//!
//! Source: Twilio's "Track the message status" page. The form carries the status, an error code where it failed, and no
//! time but `RawDlrDoneDate`, the carrier's, to the minute and in no stated zone: it may lie before the message was
//! accepted, so the time of receipt is used. A JSON body with the same names is read too.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::super::{Event, MalformedCallback, ProviderName, Report};
use super::{event, key};
use crate::message::MessageId;

/// The parameters we read; Twilio adds others without notice.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Parameters {
    message_sid: Option<String>,
    sms_sid: Option<String>,
    message_status: Option<String>,
    sms_status: Option<String>,
    error_code: Option<Value>,
}

/// Reads one callback: `query` as it was sent (our id stands there as `message`), body as it was signed.
pub fn parse(query: &str, body: &[u8], received: Timestamp) -> Result<Vec<Report>, MalformedCallback> {
    let parameters = if body.trim_ascii_start().starts_with(b"{") {
        serde_json::from_slice(body).map_err(|_| MalformedCallback("not readable as JSON"))?
    } else {
        from_form(body)
    };
    let sid = parameters.message_sid.or(parameters.sms_sid).ok_or(MalformedCallback("no MessageSid"))?;
    let status = parameters.message_status.or(parameters.sms_status).ok_or(MalformedCallback("no MessageStatus"))?;
    let error_code = parameters.error_code.as_ref().and_then(number).filter(|code| *code != 0);
    Ok(vec![Report {
        provider: ProviderName::Twilio,
        message_id: our_id(query),
        provider_id: Some(sid),
        key: key(&status, error_code),
        event: event(&status, error_code).unwrap_or(Event::Ignored),
        at: received,
        provider_code: error_code.map(|code| code.to_string()),
    }])
}

fn from_form(body: &[u8]) -> Parameters {
    let mut parameters = Parameters::default();
    for (name, value) in form_urlencoded::parse(body).filter(|(_, value)| !value.is_empty()) {
        let value = value.into_owned();
        match name.as_ref() {
            "MessageSid" => parameters.message_sid = Some(value),
            "SmsSid" => parameters.sms_sid = Some(value),
            "MessageStatus" => parameters.message_status = Some(value),
            "SmsStatus" => parameters.sms_status = Some(value),
            "ErrorCode" => parameters.error_code = Some(Value::String(value)),
            _ => {}
        }
    }
    parameters
}

fn our_id(query: &str) -> Option<MessageId> {
    let (_, id) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "message")?;
    id.parse().ok()
}

/// A code is a number in JSON and text in a form.
fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
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
            provider: ProviderName::Twilio,
            message_id: Some(id),
            provider_id: Some("SM1".to_owned()),
            key: "delivered".to_owned(),
            event: Event::Delivered,
            at: Timestamp::UNIX_EPOCH,
            provider_code: None,
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
}
