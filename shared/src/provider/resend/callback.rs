//! An event's bytes to reports.
//!
//! Source: "Event Types" of Resend's webhook documentation. Several events share one e-mail id, and a repetition has the
//! same `svix-id`: that is the key. Types that are not about an e-mail (contacts, domains and those still to come) are
//! acknowledged. An event lists the e-mail's recipients; whom it is about can be told only where that is one. The short form `{"type":"email.delivered","id":"msg_…"}` is read too.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::super::report::{Fingerprint, about};
use super::super::{Event, MalformedCallback, ProviderName, Report};
use super::{errors, event};
use crate::message::MessageId;

/// All that Apple's proxies say of themselves when they fetch an e-mail's pictures for nobody; no mail program that somebody
/// reads in says so little. Resend marks no opening itself.
const MAIL_PRIVACY_PROTECTION: &str = "Mozilla/5.0";

#[derive(Debug, Deserialize)]
struct Callback {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    id: Value,
    #[serde(default)]
    created_at: Value,
    #[serde(default)]
    data: Value,
}

/// Reads one callback. `id` is what the signature check answered, the `svix-id`.
pub fn parse(
    id: &str,
    body: &[u8],
    received: Timestamp,
    of: Fingerprint<'_>,
) -> Result<Vec<Report>, MalformedCallback> {
    let callback: Callback = serde_json::from_slice(body).map_err(|_| MalformedCallback("not an event"))?;
    let data = &callback.data;
    let (event, provider_code) = meaning(&callback.kind, data);
    let provider_id = data.get("email_id").unwrap_or(&callback.id).as_str();
    Ok(vec![Report {
        provider: ProviderName::Resend,
        message_id: data.get("tags").and_then(our_id),
        provider_id: provider_id.map(str::to_owned),
        key: id.to_owned(),
        event,
        at: callback.created_at.as_str().and_then(|at| at.parse().ok()).unwrap_or(received),
        recipient: data.get("to").and_then(only_one).and_then(|to| about(to, of)),
        provider_code,
        call: None,
        recording: None,
    }])
}

fn meaning(kind: &str, data: &Value) -> (Event, Option<String>) {
    let Some(name) = kind.strip_prefix("email.") else { return (Event::Ignored, None) };
    let text = |path: &str| data.pointer(path).and_then(Value::as_str).filter(|text| errors::is_name(text));
    match name {
        "bounced" => {
            let kind = text("/bounce/type").unwrap_or_default();
            let subtype = text("/bounce/subType").unwrap_or_default();
            let code = format!("{kind} {subtype}").trim().to_owned();
            (Event::Undelivered(errors::bounced(kind, subtype)), Some(code).filter(|code| !code.is_empty()))
        }
        "failed" | "suppressed" => {
            let reason = text(&format!("/{name}/reason")).unwrap_or(name);
            (Event::Undelivered(errors::ended(reason)), Some(reason.to_owned()))
        }
        "opened" if data.pointer("/open/userAgent").and_then(Value::as_str) == Some(MAIL_PRIVACY_PROTECTION) => {
            (Event::OpenedByMachine, None)
        }
        _ => (event(name).unwrap_or(Event::Ignored), None),
    }
}

/// The address, if exactly one is named.
fn only_one(to: &Value) -> Option<&str> {
    let first = to.as_array().filter(|list| list.len() == 1).and_then(|list| list.first());
    to.as_str().or_else(|| first?.as_str())
}

/// Tags come back as an object; the form they are sent in, a list of names and values, is read too.
fn our_id(tags: &Value) -> Option<MessageId> {
    let in_list = || {
        let tag = tags.as_array()?.iter().find(|tag| tag.get("name").and_then(Value::as_str) == Some("message_id"))?;
        tag.get("value")
    };
    tags.get("message_id").or_else(in_list)?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::message::Address;
    use crate::provider::PermanentKind::{Filtered, InvalidEmail, OptedOut, Quota, Rejected, Unreachable};

    fn hashed(address: &Address) -> String {
        format!("fingerprint of {}", address.canonical())
    }

    fn only(body: Value) -> Report {
        let mut reports = parse("msg_1", body.to_string().as_bytes(), Timestamp::UNIX_EPOCH, &hashed).unwrap();
        assert_eq!(reports.len(), 1);
        reports.remove(0)
    }

    #[test]
    fn an_event_becomes_a_report() {
        let id = MessageId::new();
        let body = |tags: Value| {
            json!({"type": "email.delivered", "created_at": "2026-03-01T12:00:00.126Z", "data": {
                "email_id": "56761188", "created_at": "2026-03-01T11:59:00Z", "from": "A <a@b.example>", "to": ["c@d.example"],
                "subject": "s", "tags": tags, "added_later": {}}})
        };
        let expected = Report {
            provider: ProviderName::Resend,
            message_id: Some(id),
            provider_id: Some("56761188".to_owned()),
            key: "msg_1".to_owned(),
            event: Event::Delivered,
            at: "2026-03-01T12:00:00.126Z".parse().unwrap(),
            recipient: Some("fingerprint of c@d.example".to_owned()),
            provider_code: None,
            call: None,
            recording: None,
        };
        assert_eq!(only(body(json!({"category": "x", "message_id": id.to_string()}))), expected);
        assert_eq!(
            only(body(json!([{"name": "a", "value": "b"}, {"name": "message_id", "value": id.to_string()}]))),
            expected
        );
        assert_eq!(only(body(json!({"message_id": "not an id"}))).message_id, None);
    }

    #[test]
    fn the_short_form_is_read_too() {
        let report = only(json!({"type": "email.delivered", "id": "msg_1234567890abcdef"}));
        assert_eq!((report.event, report.provider_id.as_deref()), (Event::Delivered, Some("msg_1234567890abcdef")));
        assert_eq!(report.at, Timestamp::UNIX_EPOCH);
    }

    #[test]
    fn whom_it_is_about_is_told_where_one_address_is_named() {
        let about = |to: Value| only(json!({"type": "email.bounced", "data": {"to": to}})).recipient;
        assert_eq!(about(json!(["c@d.example"])).as_deref(), Some("fingerprint of c@d.example"));
        assert_eq!(about(json!("C@d.example")).as_deref(), Some("fingerprint of c@d.example"));
        for to in [json!(["c@d.example", "e@d.example"]), json!([]), json!(null), json!([7]), json!(["nobody"])] {
            assert_eq!(about(to.clone()), None, "{to}");
        }
    }

    #[test]
    fn every_type_of_event_has_its_meaning() {
        let table = [
            ("email.scheduled", json!({}), Event::Sent, None),
            ("email.sent", json!({}), Event::Sent, None),
            ("email.delivered", json!({}), Event::Delivered, None),
            ("email.delivery_delayed", json!({}), Event::Deferred, None),
            (
                "email.bounced",
                json!({"bounce": {"type": "Permanent", "subType": "General", "message": "a@b.example"}}),
                Event::Undelivered(InvalidEmail),
                Some("Permanent General"),
            ),
            (
                "email.bounced",
                json!({"bounce": {"type": "Transient", "subType": "MailboxFull"}}),
                Event::Undelivered(Unreachable),
                Some("Transient MailboxFull"),
            ),
            (
                "email.bounced",
                json!({"bounce": {"type": "Transient", "subType": "ContentRejected"}}),
                Event::Undelivered(Filtered),
                Some("Transient ContentRejected"),
            ),
            ("email.bounced", json!({}), Event::Undelivered(Unreachable), None),
            ("email.complained", json!({}), Event::Complained, None),
            ("email.opened", json!({}), Event::Opened, None),
            (
                "email.opened",
                json!({"open": {"userAgent": "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15"}}),
                Event::Opened,
                None,
            ),
            ("email.opened", json!({"open": {"userAgent": "Mozilla/5.0"}}), Event::OpenedByMachine, None),
            ("email.clicked", json!({"click": {"link": "https://b.example"}}), Event::Clicked, None),
            (
                "email.failed",
                json!({"failed": {"reason": "reached_daily_quota"}}),
                Event::Undelivered(Quota),
                Some("reached_daily_quota"),
            ),
            (
                "email.failed",
                json!({"failed": {"reason": "free text of a@b.example"}}),
                Event::Undelivered(Rejected),
                Some("failed"),
            ),
            (
                "email.suppressed",
                json!({"suppressed": {"reason": "previous_complaint"}}),
                Event::Undelivered(OptedOut),
                Some("previous_complaint"),
            ),
            (
                "email.suppressed",
                json!({"suppressed": {"reason": "previous_bounce"}}),
                Event::Undelivered(InvalidEmail),
                Some("previous_bounce"),
            ),
            ("email.received", json!({}), Event::Ignored, None),
            ("email.teleported", json!({}), Event::Ignored, None),
            ("contact.created", json!({}), Event::Ignored, None),
            ("domain.updated", json!([1]), Event::Ignored, None),
            ("delivered", json!(null), Event::Ignored, None),
        ];
        for (kind, data, expected, code) in table {
            let report = only(json!({"type": kind, "created_at": 7, "data": data}));
            assert_eq!((report.event, report.provider_code.as_deref()), (expected, code), "{kind}");
        }
    }

    #[test]
    fn what_is_no_event_is_malformed() {
        for body in [&b""[..], b"[]", b"{}", br#"{"type":7}"#, b"{", b"\xff"] {
            assert!(parse("msg_1", body, Timestamp::UNIX_EPOCH, &hashed).is_err(), "{body:?}");
        }
    }
}
