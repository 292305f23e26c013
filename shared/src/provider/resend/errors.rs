//! Resend's error names, each with what we do about it, and its reasons for not delivering.
//!
//! Sources: "Errors", "Idempotency Keys" and the webhook event pages of Resend's documentation. Every send carries an
//! idempotency key, so what failed on Resend's side is safe to send again with the same key. The message is never read:
//! it quotes addresses.

use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;

use super::super::call::{Answer, retry_after, seconds_header};
use super::super::{PermanentKind, SendError};
use Class::{Again, Busy, Never, Taken};
use PermanentKind::{
    Configuration, Content, Credentials, Filtered, InvalidEmail, OptedOut, Quota, Rejected, Unreachable,
};

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Too many came at once, and it was turned away unread: later, here or at another provider.
    Busy,
    /// Send again later, with the same key: that cannot arrive twice, but at another provider it could.
    Again,
    Never(PermanentKind),
    /// A request with this key was taken before, with another payload: the message may be on its way.
    Taken,
}

/// By HTTP status and name: `validation_error` means one thing with 403 and another with 400 and 422.
const NAMES: &[(u16, &str, Class, &str)] = &[
    (400, "invalid_idempotency_key", Never(Configuration), "the idempotency key is not valid"),
    (400, "validation_error", Never(Rejected), "not a valid request"),
    (401, "missing_api_key", Never(Credentials), "no API key"),
    (401, "restricted_api_key", Never(Credentials), "the API key does not permit this"),
    (403, "invalid_api_key", Never(Credentials), "the API key was refused"),
    (403, "validation_error", Never(Configuration), "the sender's domain is not verified"),
    (403, "invalid_permission", Never(Credentials), "the API key does not permit this"),
    (403, "suspended_api_key", Never(Credentials), "the API key is suspended"),
    (403, "email_above_quota", Never(Quota), "the quota is used up"),
    (404, "not_found", Never(Configuration), "no such endpoint: check the base URL"),
    (405, "method_not_allowed", Never(Configuration), "no such endpoint: check the base URL"),
    (409, "concurrent_idempotent_requests", Again, "the same send is in progress"),
    (409, "invalid_idempotent_request", Taken, "this send was taken before with another payload"),
    (409, "resource_locked", Again, "the resource is locked"),
    (422, "invalid_attachment", Never(Content), "an attachment is not valid"),
    (422, "invalid_parameter", Never(Rejected), "a parameter is not valid"),
    (422, "missing_required_field", Never(Content), "a required field is missing"),
    (422, "missing_required_parameter", Never(Rejected), "a required parameter is missing"),
    (422, "invalid_from_address", Never(Configuration), "the sender is not valid"),
    (422, "validation_error", Never(Rejected), "not a valid request"),
    (429, "rate_limit_exceeded", Busy, "too many requests"),
    (429, "daily_quota_exceeded", Never(Quota), "the day's quota is used up"),
    (429, "monthly_quota_exceeded", Never(Quota), "the month's quota is used up"),
    (500, "application_error", Again, "the provider failed"),
    (500, "internal_server_error", Again, "the provider failed"),
    (500, "service_unavailable", Again, "the provider failed"),
];

/// Why an e-mail bounced, by type and subtype (Resend's e-mails travel through Amazon SES, whose terms these are).
/// Without a subtype: any other of that type.
const BOUNCES: &[(&str, Option<&str>, PermanentKind)] = &[
    ("Permanent", None, InvalidEmail),
    ("Transient", Some("MessageTooLarge"), Content),
    ("Transient", Some("ContentRejected"), Filtered),
    ("Transient", Some("AttachmentRejected"), Content),
    ("Transient", None, Unreachable),
    ("Undetermined", None, Unreachable),
];

/// Reasons of `email.suppressed` and `email.failed`, by how they begin.
const REASONS: &[(&str, PermanentKind)] = &[
    ("previous_bounce", InvalidEmail),
    ("previous_complaint", OptedOut),
    ("reached_daily_quota", Quota),
    ("reached_monthly_quota", Quota),
    ("domain_not_verified", Configuration),
];

/// Why an e-mail bounced.
pub(super) fn bounced(kind: &str, subtype: &str) -> PermanentKind {
    let row = BOUNCES.iter().find(|(known, of, _)| *known == kind && of.is_none_or(|of| of == subtype));
    row.map_or(Unreachable, |(.., kind)| *kind)
}

/// Why an e-mail was suppressed or failed.
pub(super) fn ended(reason: &str) -> PermanentKind {
    REASONS.iter().find(|(known, _)| reason.starts_with(known)).map_or(Rejected, |(_, kind)| *kind)
}

/// What an answer other than success means.
pub(super) fn refused(answer: &Answer, now: Timestamp) -> SendError {
    let (class, reason) = classify(answer);
    let provider_code = name(answer).unwrap_or_else(|| format!("http_{}", answer.status.as_u16()));
    let reason = reason.to_owned();
    match class {
        Never(kind) => SendError::Permanent { kind, provider_code, reason },
        Taken => SendError::Uncertain { provider_code: None, reason },
        Busy => SendError::Throttled { provider_code, reason, retry_after: asked_wait(answer, now) },
        Again => SendError::Repeatable { provider_code, reason, retry_after: asked_wait(answer, now) },
    }
}

fn asked_wait(answer: &Answer, now: Timestamp) -> Option<Duration> {
    retry_after(&answer.headers, now).or_else(|| seconds_header(&answer.headers, "ratelimit-reset"))
}

/// Whether this key was used before with another payload.
pub(super) fn was_taken(answer: &Answer) -> bool {
    !answer.status.is_success() && classify(answer).0 == Taken
}

fn classify(answer: &Answer) -> (Class, &'static str) {
    let known = name(answer).and_then(|name| {
        let mut rows = NAMES.iter().filter(|(_, known, ..)| *known == name);
        let first = rows.clone().next();
        rows.find(|(status, ..)| *status == answer.status.as_u16()).or(first)
    });
    known.map_or_else(|| by_status(answer.status), |(_, _, class, reason)| (*class, *reason))
}

/// The error's name, where the body holds one.
fn name(answer: &Answer) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        name: String,
    }
    serde_json::from_slice::<Body>(&answer.body).ok().map(|body| body.name).filter(|name| is_name(name))
}

/// Names are short words; anything else is not copied.
pub(super) fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn by_status(status: StatusCode) -> (Class, &'static str) {
    match status.as_u16() {
        401 | 403 => (Never(Credentials), "the API key was refused"),
        429 => (Busy, "too many requests"),
        408 | 409 | 425 | 500.. => (Again, "the provider failed or is busy"),
        300..=399 | 404 | 405 => (Never(Configuration), "no such endpoint: check the base URL"),
        _ => (Never(Rejected), "refused"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused_with(status: u16, body: &str, headers: &[(&'static str, &'static str)]) -> SendError {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let answer = Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: body.to_owned().into() };
        refused(&answer, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn every_name_ends_as_its_row_says() {
        for (status, name, class, reason) in NAMES {
            let body = format!(r#"{{"statusCode":{status},"name":"{name}","message":"ada@example.com …"}}"#);
            let (provider_code, reason) = ((*name).to_owned(), (*reason).to_owned());
            let expected = match *class {
                Never(kind) => SendError::Permanent { kind, provider_code, reason },
                Busy => SendError::Throttled { provider_code, reason, retry_after: Some(Duration::from_secs(2)) },
                Again => SendError::Repeatable { provider_code, reason, retry_after: Some(Duration::from_secs(2)) },
                Taken => SendError::Uncertain { provider_code: None, reason },
            };
            assert_eq!(refused_with(*status, &body, &[("retry-after", "2")]), expected, "{status} {name}");
        }
    }

    #[test]
    fn a_name_with_another_status_keeps_its_meaning() {
        let error = refused_with(503, r#"{"name":"service_unavailable"}"#, &[]);
        assert!(matches!(error, SendError::Repeatable { .. }), "{error:?}");
        let error = refused_with(402, r#"{"name":"daily_quota_exceeded"}"#, &[]);
        assert!(matches!(error, SendError::Permanent { kind: Quota, .. }), "{error:?}");
    }

    #[test]
    fn without_a_known_name_the_http_status_decides() {
        let table: &[(u16, &str, &str)] = &[
            (401, "", "credentials"),
            (403, "<html>", "credentials"),
            (404, "{}", "configuration"),
            (308, "", "configuration"),
            (400, r#"{"name":"new_error"}"#, "rejected"),
            (400, r#"{"name":"to ada@example.com"}"#, "rejected"),
            (409, "", "repeatable"),
            (429, "", "throttled"),
            (500, "", "repeatable"),
            (503, "<html>", "repeatable"),
        ];
        for (status, body, expected) in table {
            let class = match refused_with(*status, body, &[]) {
                SendError::Permanent { kind, provider_code, .. } => {
                    assert!(!provider_code.contains('@'));
                    kind.as_str()
                }
                SendError::Transient { .. } => "transient",
                SendError::Throttled { .. } => "throttled",
                SendError::Repeatable { .. } => "repeatable",
                SendError::Uncertain { .. } => "uncertain",
            };
            assert_eq!(class, *expected, "{status} {body}");
        }
    }

    #[test]
    fn the_rate_headers_tell_how_long_to_wait() {
        let wait = |headers: &[(&'static str, &'static str)]| match refused_with(429, "", headers) {
            SendError::Throttled { retry_after, .. } => retry_after.map(|wait| wait.as_secs()),
            other @ (SendError::Transient { .. }
            | SendError::Repeatable { .. }
            | SendError::Permanent { .. }
            | SendError::Uncertain { .. }) => panic!("{other:?}"),
        };
        assert_eq!(wait(&[("ratelimit-reset", "4")]), Some(4));
        assert_eq!(wait(&[("ratelimit-reset", "4"), ("retry-after", "1")]), Some(1));
        assert_eq!(wait(&[]), None);
    }

    #[test]
    fn every_bounce_and_reason_ends_as_its_row_says() {
        for (kind, subtype, expected) in BOUNCES {
            assert_eq!(bounced(kind, subtype.unwrap_or("General")), *expected, "{kind} {subtype:?}");
        }
        assert_eq!(bounced("New", ""), Unreachable);
        for (reason, expected) in REASONS {
            assert_eq!(ended(reason), *expected, "{reason}");
        }
        assert_eq!(ended("because"), Rejected);
    }
}
