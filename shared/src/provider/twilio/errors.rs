//! Twilio's error codes, each with what we do about it.
//!
//! Source of the codes: Twilio's error dictionary, `https://www.twilio.com/docs/api/errors/CODE`. The classes are ours.
//! The same code can refuse a request or end a message later (an opt-out behind a Messaging Service comes as a failed
//! callback), so there is one table for both. Twilio's own message is never read: it quotes the number.

use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;

use super::super::call::{Answer, retry_after};
use super::super::{PermanentKind, SendError};
use PermanentKind::{
    Configuration, Content, Credentials, Filtered, InvalidNumber, OptedOut, OutsideWindow, Quota, RecipientBlocked,
    Rejected, Template, Unreachable,
};
use When::{Busy, Later, Never};

/// Whether the same request could succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// Later; a message that has ended with it ended for this kind of reason.
    Later(PermanentKind),
    Never(PermanentKind),
    /// Later, because too many came at once: nobody else of the sender's line need try before.
    Busy,
}

const CODES: &[(i64, When, &str)] = &[
    (20003, Never(Credentials), "the account's credentials were refused"),
    (20404, Never(Configuration), "the account or resource does not exist"),
    (20409, Never(Rejected), "in conflict with the resource's state"),
    (20429, Busy, "too many requests at once"),
    (21211, Never(InvalidNumber), "not a valid phone number"),
    (21614, Never(InvalidNumber), "not a mobile number"),
    (21635, Never(InvalidNumber), "a landline"),
    (21604, Never(InvalidNumber), "no recipient"),
    (21401, Never(InvalidNumber), "not a valid phone number"),
    (21212, Never(Configuration), "the sender is not valid"),
    (21603, Never(Configuration), "no sender"),
    (21606, Never(Configuration), "the sender is not ours or cannot send messages"),
    (21601, Never(Configuration), "the sender cannot send messages"),
    (21607, Never(Configuration), "the sender is not ours"),
    (21408, Never(Configuration), "the recipient's region is not enabled"),
    (21608, Never(Configuration), "trial account: the recipient is not verified"),
    (21201, Never(InvalidNumber), "no recipient"),
    (21205, Never(Content), "the address of the call's TwiML is not valid"),
    (21207, Never(Configuration), "the machine detection asked for does not exist"),
    (21213, Never(Configuration), "no caller"),
    (21215, Never(Configuration), "the account may not call the recipient's region"),
    (21216, Never(Configuration), "the account may not call the recipient"),
    (21217, Never(InvalidNumber), "not a valid phone number"),
    (21220, Never(Rejected), "the call is over"),
    (21262, Never(Configuration), "machine detection has nowhere to tell its result"),
    (21609, Never(Configuration), "our status callback is not valid"),
    (21626, Never(Configuration), "our status callback names an unknown event"),
    (21658, Never(Content), "a parameter is too long"),
    (21219, Never(Configuration), "trial account: the recipient is not verified"),
    (21210, Never(Configuration), "the sender is not verified"),
    (21610, Never(OptedOut), "the recipient opted out"),
    (21612, Never(Unreachable), "this sender cannot reach the recipient"),
    (21214, Never(Unreachable), "the recipient cannot be reached"),
    (21602, Never(Content), "no text"),
    (21617, Never(Content), "the text is longer than 1600 characters"),
    (21619, Never(Content), "no text and no media"),
    (21620, Never(Content), "a media URL is not valid"),
    (21623, Never(Content), "more than ten media"),
    (21654, Never(Template), "the template does not exist or is missing"),
    (21655, Never(Template), "the template is not valid"),
    (21656, Never(Template), "the template's variables are not valid"),
    (21611, Busy, "the sender's queue is full"),
    (21703, Never(Configuration), "the Messaging Service has no sender"),
    (21704, Never(Configuration), "the Messaging Service has no sender for this recipient"),
    (21705, Never(Configuration), "the Messaging Service does not exist"),
    (14107, Never(Rejected), "too many replies between two numbers: a loop"),
    (30001, Later(Quota), "the queue overflowed"),
    (30002, Never(Configuration), "the account is suspended"),
    (30003, Later(Unreachable), "the handset was unreachable"),
    (30004, Never(RecipientBlocked), "the recipient blocks this message"),
    (30005, Never(InvalidNumber), "unknown handset"),
    (30006, Never(Unreachable), "a landline or an unreachable carrier"),
    (30007, Never(Filtered), "filtered by the carrier"),
    (30008, Later(Unreachable), "not delivered, for an unknown reason"),
    (30017, Later(Unreachable), "the carrier's network was congested"),
    (30018, Never(Configuration), "the sender is not registered in the recipient's country"),
    (30022, Busy, "over the sender's 10DLC rate"),
    (30023, Later(Quota), "over the sender's daily limit"),
    (30024, Never(Configuration), "the sender is not provisioned at the carrier"),
    (30027, Later(Quota), "over the brand's daily limit at T-Mobile"),
    (30032, Never(Configuration), "the toll-free sender is not verified"),
    (30034, Never(Configuration), "the 10DLC sender is not registered"),
    (30035, Never(Configuration), "the sender's registration is not complete"),
    (30410, Later(Unreachable), "the carrier did not answer in time"),
    (30450, Later(Unreachable), "temporarily blocked"),
    (63003, Never(InvalidNumber), "not an address of the channel"),
    (63024, Never(InvalidNumber), "not a valid recipient on the channel"),
    (63007, Never(Configuration), "not a sender of the channel"),
    (63005, Never(Content), "the channel does not accept the content"),
    (63013, Never(Filtered), "against the channel's policy"),
    (63019, Never(Content), "a media could not be fetched"),
    (63021, Never(Content), "the content is not valid on the channel"),
    (63027, Never(Template), "the template does not exist in this language"),
    (63028, Never(Template), "the template's variables do not match"),
    (63012, Later(Unreachable), "the channel failed inside"),
    (63014, Never(RecipientBlocked), "the recipient blocked the sender"),
    (63033, Never(RecipientBlocked), "the recipient blocked the sender"),
    (63015, Never(Configuration), "sandbox: the recipient has not joined"),
    (63016, Never(OutsideWindow), "outside the 24-hour window only a template may be sent"),
    (63017, Busy, "over the channel's rate"),
    (63018, Busy, "over the channel's rate"),
    (63038, Later(Quota), "over the account's daily limit of messages"),
    (60200, Never(InvalidNumber), "Verify: a parameter is not valid"),
    (60202, Later(Quota), "Verify: the most checks were made"),
    (60203, Later(Quota), "Verify: the most codes were sent"),
    (60204, Never(Configuration), "Verify: not switched on for the service"),
    (60205, Never(InvalidNumber), "Verify: a landline takes no texts"),
    (60207, Never(Configuration), "Verify: the service has no such rate limit"),
    (60212, Busy, "Verify: too many requests for this number at once"),
    (60223, Never(Rejected), "Verify: the channel is switched off"),
    (60410, Never(Filtered), "Verify: blocked for fraud"),
    (60605, Never(Configuration), "Verify: the region is blocked"),
    (11200, Never(Configuration), "our TwiML could not be fetched"),
    (12100, Never(Configuration), "our TwiML could not be read"),
    (12200, Never(Configuration), "our TwiML is not valid"),
    (12300, Never(Configuration), "our TwiML has the wrong content type"),
];

fn lookup(code: i64) -> Option<(When, &'static str)> {
    CODES.iter().find(|(known, ..)| *known == code).map(|(_, when, reason)| (*when, *reason))
}

/// Why a message that Twilio had taken did not arrive.
pub fn undelivered(code: i64) -> PermanentKind {
    match lookup(code) {
        Some((Later(kind) | Never(kind), _)) => kind,
        Some((Busy, _)) => Quota,
        None => Rejected,
    }
}

/// What an answer other than success means. Messages have no idempotency key, so a server's failure (5xx, and 408,
/// which an edge may answer for a request it passed on) leaves it unknown whether there is a message now.
/// `20429` was "never processed and is always safe to retry". A code may be missing: the edge answers HTML.
pub(super) fn refused(answer: &Answer, now: Timestamp) -> SendError {
    #[derive(Deserialize)]
    struct Body {
        code: Option<i64>,
    }
    let status = answer.status;
    if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
        return SendError::Uncertain {
            provider_code: Some(status.as_u16().to_string()),
            reason: format!("the provider failed ({})", status.as_u16()),
        };
    }
    let code = serde_json::from_slice::<Body>(&answer.body).ok().and_then(|body| body.code);
    let provider_code = code.map_or_else(|| format!("http_{}", status.as_u16()), |code| code.to_string());
    let (when, reason) = code.and_then(lookup).unwrap_or_else(|| by_status(status));
    let (reason, retry_after) = (reason.to_owned(), retry_after(&answer.headers, now));
    match when {
        // Whatever code stands beside it.
        _ if status == StatusCode::TOO_MANY_REQUESTS => SendError::Throttled { provider_code, reason, retry_after },
        Busy => SendError::Throttled { provider_code, reason, retry_after },
        Later(_) => SendError::Transient { provider_code, reason, retry_after },
        Never(kind) => SendError::Permanent { kind, provider_code, reason },
    }
}

fn by_status(status: StatusCode) -> (When, &'static str) {
    match status.as_u16() {
        401 | 403 => (Never(Credentials), "the account's credentials were refused"),
        429 => (Busy, "too many requests"),
        300..=399 | 404 | 405 => (Never(Configuration), "no such endpoint: check the base URL and the account"),
        _ => (Never(Rejected), "refused"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        let headers = [("retry-after".parse().unwrap(), "3".parse().unwrap())].into_iter().collect();
        Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: body.to_owned().into() }
    }

    fn refused_with(status: u16, body: &str) -> SendError {
        refused(&answer(status, body), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn every_code_ends_as_its_row_says() {
        for (code, when, reason) in CODES {
            let body = format!(r#"{{"code":{code},"message":"+14155552671 …","more_info":"","status":400}}"#);
            let (provider_code, reason) = (code.to_string(), (*reason).to_owned());
            let (expected, ended) = match *when {
                Never(kind) => (SendError::Permanent { kind, provider_code, reason }, kind),
                Busy => {
                    (SendError::Throttled { provider_code, reason, retry_after: Some(Duration::from_secs(3)) }, Quota)
                }
                Later(kind) => {
                    (SendError::Transient { provider_code, reason, retry_after: Some(Duration::from_secs(3)) }, kind)
                }
            };
            assert_eq!(refused_with(400, &body), expected, "{code}");
            assert_eq!(undelivered(*code), ended, "{code}");
        }
    }

    #[test]
    fn no_code_stands_twice() {
        let codes: BTreeSet<i64> = CODES.iter().map(|(code, ..)| *code).collect();
        assert_eq!(codes.len(), CODES.len());
    }

    #[test]
    fn without_a_known_code_the_http_status_decides() {
        let table: &[(u16, &str, &str)] = &[
            (401, "", "credentials"),
            (403, "<html>", "credentials"),
            (404, "{}", "configuration"),
            (302, "", "configuration"),
            (400, r#"{"code":99999}"#, "rejected"),
            (400, r#"{"code":"garbage"}"#, "rejected"),
            (429, "<html>", "throttled"),
            (429, r#"{"code":21211}"#, "throttled"),
            (400, r#"{"code":21611}"#, "throttled"),
            (408, "", "uncertain"),
            (500, r#"{"code":20500}"#, "uncertain"),
            (503, r#"{"code":20503}"#, "uncertain"),
            (502, r#"{"code":21211}"#, "uncertain"),
        ];
        for (status, body, expected) in table {
            let class = match refused_with(*status, body) {
                SendError::Permanent { kind, .. } => kind.as_str(),
                SendError::Transient { .. } => "transient",
                SendError::Throttled { .. } => "throttled",
                SendError::Repeatable { .. } => "repeatable",
                SendError::Uncertain { .. } => "uncertain",
            };
            assert_eq!(class, *expected, "{status} {body}");
        }
    }
}
