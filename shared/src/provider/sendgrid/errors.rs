//! SendGrid's refusals, and what its events say of a message that will not arrive.
//!
//! Sources: the responses of `/v3/mail/send` in Twilio SendGrid's OpenAPI file, "API v3 errors" and "Event Webhook
//! reference" in its documentation; RFC 3463 for the enhanced status codes. An error names the request's field at fault;
//! its message is read for one thing only, the used-up credits, which have no code of their own.

use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;

use super::super::call::{Answer, retry_after, unix_header};
use super::super::{PermanentKind, SendError};
use PermanentKind::{
    Configuration, Content, Credentials, Filtered, InvalidEmail, OptedOut, Quota, Rejected, Template, Unreachable,
};

/// A refused field, by the beginning of its name.
const FIELDS: &[(&str, PermanentKind, &str)] = &[
    ("personalizations.0.to", InvalidEmail, "not a valid recipient"),
    ("personalizations", Content, "the recipients or their data are not valid"),
    ("from", Configuration, "not a verified sender"),
    ("reply_to", Configuration, "not a valid reply address"),
    ("template_id", Template, "the template does not exist"),
    ("subject", Content, "the subject is not valid"),
    ("content", Content, "the text is not valid"),
    ("attachments", Content, "an attachment is not valid"),
];

/// A refusal by its HTTP status, where the field says nothing.
const STATUSES: &[(u16, PermanentKind, &str)] = &[
    (400, Rejected, "not a valid request"),
    (401, Credentials, "the API key was refused"),
    (403, Credentials, "the API key does not permit sending"),
    (404, Configuration, "no such endpoint: check the base URL"),
    (405, Configuration, "no such endpoint: check the base URL"),
    (413, Content, "the message is too large"),
];

/// Why an event says a message was dropped, by the beginning of its reason.
const DROPS: &[(&str, PermanentKind, &str)] = &[
    ("bounced address", InvalidEmail, "bounced_address"),
    ("unsubscribed address", OptedOut, "unsubscribed_address"),
    ("spam reporting address", OptedOut, "spam_reporting_address"),
    ("invalid smtpapi header", Configuration, "invalid_smtpapi_header"),
    ("invalid", InvalidEmail, "invalid"),
    ("spam content", Filtered, "spam_content"),
    ("recipient list over package quota", Quota, "over_quota"),
];

/// Why a message bounced, by the beginning of its enhanced status code (RFC 3463 §3).
const BOUNCES: &[(&str, PermanentKind)] = &[
    ("4.", Unreachable),
    ("5.1.8", Configuration), // the sender's domain
    ("5.1.7", Configuration), // the sender's mailbox
    ("5.1", InvalidEmail),
    ("5.2.1", InvalidEmail), // mailbox disabled
    ("5.2.3", Content),      // longer than the mailbox takes
    ("5.2", Unreachable),
    ("5.3.4", Content), // longer than the system takes
    ("5.3", Unreachable),
    ("5.4.1", InvalidEmail), // no such recipient, as Microsoft 365 says it
    ("5.4", Unreachable),
    ("5.6", Content),
    ("5.7", Filtered),
];

/// Why a message was dropped, and its reason class.
pub(super) fn dropped(reason: &str) -> (PermanentKind, &'static str) {
    let reason = reason.trim().to_ascii_lowercase();
    let row = DROPS.iter().find(|(known, ..)| reason.starts_with(known));
    row.map_or((Rejected, "dropped"), |(_, kind, class)| (*kind, class))
}

/// Why a message bounced. A `blocked` one is refused for now, not for ever: nothing is wrong with the address.
pub(super) fn bounced(kind: &str, status: &str) -> PermanentKind {
    if kind == "blocked" {
        return Unreachable;
    }
    BOUNCES.iter().find(|(known, _)| status.starts_with(known)).map_or(InvalidEmail, |(_, kind)| *kind)
}

/// What an answer other than 202 means. There is no idempotency key, so after a server's failure the message may be on
/// its way.
pub(super) fn refused(answer: &Answer, now: Timestamp) -> SendError {
    #[derive(Deserialize)]
    struct Body {
        errors: Vec<Problem>,
    }
    #[derive(Default, Deserialize)]
    struct Problem {
        #[serde(default)]
        message: Option<String>,
        #[serde(default)]
        field: Option<String>,
    }
    let status = answer.status;
    let provider_code = format!("http_{}", status.as_u16());
    if status == StatusCode::TOO_MANY_REQUESTS {
        let retry_after =
            retry_after(&answer.headers, now).or_else(|| unix_header(&answer.headers, "x-ratelimit-reset", now));
        return SendError::Throttled { provider_code, reason: "too many requests".to_owned(), retry_after };
    }
    if status.is_success() {
        return SendError::Uncertain {
            provider_code: None,
            reason: "the provider's answer names no message".to_owned(),
        };
    }
    if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
        return SendError::Uncertain {
            provider_code: Some(status.as_u16().to_string()),
            reason: format!("the provider failed ({})", status.as_u16()),
        };
    }
    let body = serde_json::from_slice::<Body>(&answer.body).ok();
    let problem = body.and_then(|body| body.errors.into_iter().next()).unwrap_or_default();
    if problem.message.is_some_and(|message| message.eq_ignore_ascii_case("Maximum credits exceeded")) {
        return SendError::Permanent { kind: Quota, provider_code, reason: "the credits are used up".to_owned() };
    }
    let field = problem.field.unwrap_or_default();
    let by_field = FIELDS.iter().find(|(known, ..)| field.starts_with(known) && matches!(status.as_u16(), 400 | 403));
    let by_status =
        || STATUSES.iter().find(|(known, ..)| *known == status.as_u16()).map(|(_, kind, reason)| (*kind, *reason));
    let (kind, reason) =
        by_field.map(|(_, kind, reason)| (*kind, *reason)).or_else(by_status).unwrap_or(if status.is_redirection() {
            (Configuration, "moved: check the base URL")
        } else {
            (Rejected, "refused")
        });
    SendError::Permanent { kind, provider_code, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused_with(status: u16, body: &str, headers: &[(&'static str, &'static str)]) -> SendError {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let answer = Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: body.to_owned().into() };
        refused(&answer, Timestamp::from_second(1_000).unwrap())
    }

    fn permanent(status: u16, kind: PermanentKind, reason: &str) -> SendError {
        SendError::Permanent { kind, provider_code: format!("http_{status}"), reason: reason.to_owned() }
    }

    #[test]
    fn every_field_and_status_ends_as_its_row_says() {
        for (field, kind, reason) in FIELDS {
            let body = format!(r#"{{"errors":[{{"message":"ada@example.com …","field":"{field}.0.x","help":null}}]}}"#);
            for status in [400, 403] {
                assert_eq!(refused_with(status, &body, &[]), permanent(status, *kind, reason), "{field}");
            }
        }
        for (status, kind, reason) in STATUSES {
            for body in ["", "<html>", r#"{"errors":[]}"#, r#"{"errors":[{"message":"x","field":null,"help":null}]}"#] {
                assert_eq!(refused_with(*status, body, &[]), permanent(*status, *kind, reason), "{status}");
            }
        }
        assert_eq!(refused_with(302, "", &[]), permanent(302, Configuration, "moved: check the base URL"));
        assert_eq!(refused_with(418, "", &[]), permanent(418, Rejected, "refused"));
    }

    #[test]
    fn used_up_credits_are_a_quota_though_they_look_like_a_refused_key() {
        let body = r#"{"errors":[{"message":"Maximum credits exceeded","field":null,"help":null}]}"#;
        assert_eq!(refused_with(401, body, &[]), permanent(401, Quota, "the credits are used up"));
    }

    #[test]
    fn too_many_requests_wait_as_told() {
        let wait = |headers: &[(&'static str, &'static str)]| match refused_with(429, "", headers) {
            SendError::Throttled { retry_after, .. } => retry_after.map(|wait| wait.as_secs()),
            other @ (SendError::Transient { .. }
            | SendError::Repeatable { .. }
            | SendError::Permanent { .. }
            | SendError::Uncertain { .. }) => panic!("{other:?}"),
        };
        assert_eq!(wait(&[("x-ratelimit-reset", "1042")]), Some(42));
        assert_eq!(wait(&[("x-ratelimit-reset", "900")]), Some(0));
        assert_eq!(wait(&[("x-ratelimit-reset", "1042"), ("retry-after", "3")]), Some(3));
        assert_eq!(wait(&[]), None);
    }

    #[test]
    fn a_servers_failure_leaves_it_unknown() {
        for status in [500, 502, 503, 504, 408, 200] {
            assert!(matches!(refused_with(status, "", &[]), SendError::Uncertain { .. }), "{status}");
        }
    }

    #[test]
    fn every_drop_and_bounce_ends_as_its_row_says() {
        for (reason, kind, class) in DROPS {
            assert_eq!(dropped(&format!("{} …", reason.to_uppercase())), (*kind, *class));
        }
        assert_eq!(dropped("because"), (Rejected, "dropped"));
        for (code, kind) in BOUNCES {
            assert_eq!(bounced("bounce", code), *kind, "{code}");
            assert_eq!(bounced("blocked", code), Unreachable, "{code}");
        }
        assert_eq!(bounced("bounce", "5.1.1"), InvalidEmail);
        assert_eq!(bounced("bounce", "5.2.2"), Unreachable);
        assert_eq!(bounced("bounce", ""), InvalidEmail);
    }
}
