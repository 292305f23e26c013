//! A batch of events' bytes to reports.
//!
//! Source: SendGrid's "Event Webhook reference". A body is an array of events of many messages; `custom_args` stand in
//! each event's top level. An event that says nothing to us is reported as ignored, one that cannot be read too: one
//! stranger must not hold up the batch. An asynchronous bounce may lack both `sg_message_id` and `custom_args`; its `smtp-id`
//! begins with the `X-Message-Id`.

use aws_lc_rs::digest;
use jiff::Timestamp;
use serde_json::Value;

use super::super::report::{Fingerprint, about};
use super::super::{Event, MalformedCallback, ProviderName, Report};
use super::errors;
use crate::clock::latest_in_second;

/// Under which key it is noted that events do arrive.
pub const ALIVE: &str = "alive#sendgrid-events";

/// The fields we read, as texts. Every one may be missing or of another type in a kind of event we do not know.
struct Fields<'a> {
    event: Option<&'a str>,
    message_id: Option<&'a str>,
    sg_message_id: Option<&'a str>,
    smtp_id: Option<&'a str>,
    sg_event_id: Option<&'a str>,
    reason: Option<&'a str>,
    status: Option<&'a str>,
    kind: Option<&'a str>,
    /// The opening was a program's.
    machine: bool,
}

/// Reads one callback's body.
pub fn parse(body: &[u8], received: Timestamp, of: Fingerprint<'_>) -> Result<Vec<Report>, MalformedCallback> {
    let events: Vec<Value> = serde_json::from_slice(body).map_err(|_| MalformedCallback("not an array of events"))?;
    Ok(events.iter().map(|event| report(event, received, of)).collect())
}

fn report(event: &Value, received: Timestamp, of: Fingerprint<'_>) -> Report {
    let text = |name: &str| event.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let fields = Fields {
        event: text("event"),
        message_id: text("message_id"),
        sg_message_id: text("sg_message_id"),
        smtp_id: text("smtp-id").and_then(own_part),
        sg_event_id: text("sg_event_id"),
        reason: text("reason"),
        status: text("status"),
        kind: text("type"),
        machine: event.get("sg_machine_open").is_some_and(is_yes),
    };
    let (happened, provider_code) = meaning(&fields);
    Report {
        provider: ProviderName::Sendgrid,
        message_id: fields.message_id.and_then(|id| id.parse().ok()),
        provider_id: fields.sg_message_id.or(fields.smtp_id).map(str::to_owned),
        key: fields.sg_event_id.map_or_else(|| fingerprint(event), str::to_owned),
        event: happened,
        at: event.get("timestamp").and_then(time).map_or(received, |second| latest_in_second(second, received)),
        recipient: text("email").and_then(|email| about(email, of)),
        provider_code,
        call: None,
        recording: None,
    }
}

fn meaning(fields: &Fields<'_>) -> (Event, Option<String>) {
    match fields.event.unwrap_or_default() {
        "processed" => (Event::Sent, None),
        "delivered" => (Event::Delivered, None),
        "deferred" => (Event::Deferred, Some("deferred".to_owned())),
        "bounce" => {
            let class = if fields.kind == Some("blocked") { "blocked" } else { "bounce" };
            let status = fields.status.filter(|status| is_enhanced_status(status)).unwrap_or_default();
            (
                Event::Undelivered(errors::bounced(class, status)),
                Some(format!("{class} {status}").trim_end().to_owned()),
            )
        }
        "dropped" => {
            let (kind, class) = errors::dropped(fields.reason.unwrap_or_default());
            (Event::Undelivered(kind), Some(class.to_owned()))
        }
        // Apple's Mail Privacy Protection, mostly; what SendGrid does not mark is a person's.
        "open" if fields.machine => (Event::OpenedByMachine, None),
        "open" => (Event::Opened, None),
        "click" => (Event::Clicked, None),
        "spamreport" => (Event::Complained, None),
        "unsubscribe" => (Event::Unsubscribed, None),
        "group_unsubscribe" => (Event::UnsubscribedKind, None),
        "group_resubscribe" => (Event::ResubscribedKind, None),
        _ => (Event::Ignored, None),
    }
}

/// The `X-Message-Id` in an `smtp-id`: `<X-Message-Id@server>`. Another system's e-mail may have a Message-ID of any form, which
/// is no id of ours.
fn own_part(smtp_id: &str) -> Option<&str> {
    let (id, _) = smtp_id.strip_prefix('<')?.split_once('@')?;
    let is_id = (1..=64).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    is_id.then_some(id)
}

/// `5.1.1`: the remote server's text is kept only where it is a code, since free text quotes addresses.
fn is_enhanced_status(status: &str) -> bool {
    status.len() <= 9 && status.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// Yes, as a truth value or as text.
fn is_yes(value: &Value) -> bool {
    value.as_bool().or_else(|| value.as_str()?.parse().ok()).unwrap_or(false)
}

/// Unix seconds, as a number or as text.
fn time(value: &Value) -> Option<Timestamp> {
    let seconds = value.as_i64().or_else(|| value.as_str()?.parse().ok())?;
    Timestamp::from_second(seconds).ok()
}

/// The key of an event without `sg_event_id`: the hash of what it says, names sorted, so that its repetition in
/// another batch has the same.
fn fingerprint(event: &Value) -> String {
    let hash = digest::digest(&digest::SHA256, event.to_string().as_bytes());
    hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::message::{Address, MessageId};
    use crate::provider::PermanentKind::{InvalidEmail, OptedOut, Unreachable};

    fn hashed(address: &Address) -> String {
        format!("fingerprint of {}", address.canonical())
    }

    fn only(event: Value) -> Report {
        let mut reports = parse(json!([event]).to_string().as_bytes(), Timestamp::UNIX_EPOCH, &hashed).unwrap();
        assert_eq!(reports.len(), 1);
        reports.remove(0)
    }

    #[test]
    fn an_event_becomes_a_report() {
        let id = MessageId::new();
        let event = json!({"email": "A@b.example", "event": "delivered", "response": "250 OK", "timestamp": 1_600_112_492,
            "sg_event_id": "e1", "sg_message_id": "LRz_A.filter-9.0", "smtp-id": "<x>", "message_id": id.to_string(), "tls": 1});
        let expected = Report {
            provider: ProviderName::Sendgrid,
            message_id: Some(id),
            provider_id: Some("LRz_A.filter-9.0".to_owned()),
            key: "e1".to_owned(),
            event: Event::Delivered,
            at: Timestamp::from_second(1_600_112_492).unwrap(),
            recipient: Some("fingerprint of a@b.example".to_owned()),
            provider_code: None,
            call: None,
            recording: None,
        };
        assert_eq!(only(event), expected);
    }

    #[test]
    fn every_kind_of_event_has_its_meaning() {
        let table = [
            (json!({"event": "processed"}), Event::Sent, None),
            (
                json!({"event": "deferred", "attempt": "3", "response": "451 a@b.example busy"}),
                Event::Deferred,
                Some("deferred"),
            ),
            (
                json!({"event": "bounce", "type": "bounce", "status": "5.1.1"}),
                Event::Undelivered(InvalidEmail),
                Some("bounce 5.1.1"),
            ),
            (
                json!({"event": "bounce", "type": "bounce", "status": "a@b.example"}),
                Event::Undelivered(InvalidEmail),
                Some("bounce"),
            ),
            (
                json!({"event": "bounce", "type": "blocked", "status": "5.2.2"}),
                Event::Undelivered(Unreachable),
                Some("blocked 5.2.2"),
            ),
            (
                json!({"event": "dropped", "reason": "Bounced Address"}),
                Event::Undelivered(InvalidEmail),
                Some("bounced_address"),
            ),
            (
                json!({"event": "dropped", "reason": "Unsubscribed Address"}),
                Event::Undelivered(OptedOut),
                Some("unsubscribed_address"),
            ),
            (json!({"event": "open"}), Event::Opened, None),
            (json!({"event": "open", "sg_machine_open": false}), Event::Opened, None),
            (json!({"event": "open", "sg_machine_open": true}), Event::OpenedByMachine, None),
            (json!({"event": "open", "sg_machine_open": "true"}), Event::OpenedByMachine, None),
            (json!({"event": "click", "sg_machine_open": true}), Event::Clicked, None),
            (json!({"event": "click", "url": "https://b.example"}), Event::Clicked, None),
            (json!({"event": "spamreport"}), Event::Complained, None),
            (json!({"event": "unsubscribe"}), Event::Unsubscribed, None),
            (json!({"event": "group_unsubscribe", "asm_group_id": 1}), Event::UnsubscribedKind, None),
            (json!({"event": "group_resubscribe", "asm_group_id": 1}), Event::ResubscribedKind, None),
            (json!({"event": "account_status_change", "type": "suspended"}), Event::Ignored, None),
            (json!({"event": "teleported"}), Event::Ignored, None),
            (json!({"event": 7, "sg_message_id": 8, "timestamp": "x"}), Event::Ignored, None),
            (json!("not even an object"), Event::Ignored, None),
        ];
        for (event, expected, code) in table {
            let report = only(event.clone());
            assert_eq!((report.event, report.provider_code.as_deref()), (expected, code), "{event}");
        }
    }

    #[test]
    fn an_event_without_an_id_has_the_same_key_whenever_it_comes() {
        let alone = only(json!({"event": "bounce", "reason": "r", "message_id": "x"}));
        let again = br#"[{"event":"open"}, {"message_id":"x", "reason":"r","event":"bounce"}]"#;
        let again = parse(again, Timestamp::UNIX_EPOCH, &hashed).unwrap();
        assert_eq!(alone.key, again[1].key);
        assert_ne!(alone.key, again[0].key);
        assert_eq!((alone.message_id, alone.provider_id), (None, None));
    }

    #[test]
    fn a_bounce_that_comes_late_is_known_by_what_stands_in_its_smtp_id() {
        let id =
            |smtp_id: &str| only(json!({"event": "bounce", "email": "a@b.example", "smtp-id": smtp_id})).provider_id;
        assert_eq!(
            id("<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>").as_deref(),
            Some("LRzXl_NHStOGhQ4kofSm_A")
        );
        assert_eq!(id("<14c5d75ce93.dfd.64b469@ismtpd-555>").as_deref(), Some("14c5d75ce93.dfd.64b469"));
        for other in ["<x>", "LRz@host", "<@host>", "<a b@host>", "<a#b@host>"] {
            assert_eq!(id(other), None, "{other}");
        }
        let both = only(json!({"event": "bounce", "sg_message_id": "a.f", "smtp-id": "<b@host>"}));
        assert_eq!(both.provider_id.as_deref(), Some("a.f"));
    }

    #[test]
    fn what_is_no_array_is_malformed() {
        for body in [&b""[..], b"{}", br#"{"event":"open"}"#, b"[{]", b"\xff", b"null"] {
            assert!(parse(body, Timestamp::UNIX_EPOCH, &hashed).is_err(), "{body:?}");
        }
        assert_eq!(parse(b"[]\r\n", Timestamp::UNIX_EPOCH, &hashed), Ok(Vec::new()));
    }
}
