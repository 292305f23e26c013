//! The HTTP client every provider shares, and what a failed call means before any provider's own codes are read.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use reqwest::RequestBuilder;

use super::{PermanentKind, SendError};

/// How long a provider has to answer, connection included. Well below the claim's lease, so that a call has ended
/// before anyone may ask what became of it. Twilio answers message creation in well under a second; 10 s is its own
/// SDKs' shortest default.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest answer that is read. A page of a hundred Twilio messages is about 100 kB.
const LONGEST_ANSWER: usize = 4 << 20;

/// The longest wait a provider can ask for; a larger number is a mistake of its or of ours.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// A provider's answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A client with connection reuse, no redirects (a redirected POST is a different request) and bounded waiting.
pub fn client() -> Result<reqwest::Client, reqwest::Error> {
    client_within(CALL_TIMEOUT)
}

/// The same for calls somebody waits for: a provider has so long to answer.
pub fn client_within(timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(3))
        .timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("switchboard/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Makes the call. When the answer breaks off after its head, a refusal is still a refusal (its body is left out), but
/// a success without its body is uncertain: the id stands there.
pub(crate) async fn answer(request: RequestBuilder) -> Result<Answer, SendError> {
    let mut response = request.send().await.map_err(|error| no_answer(&error))?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= LONGEST_ANSWER => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(Answer { status, headers, body: body.freeze() }),
            Ok(Some(_)) | Err(_) if !status.is_success() => return Ok(Answer { status, headers, body: Bytes::new() }),
            Ok(Some(_)) => {
                return Err(SendError::Uncertain {
                    provider_code: None,
                    reason: "the provider's answer is too long".to_owned(),
                });
            }
            Err(error) => return Err(no_answer(&error)),
        }
    }
}

/// A call that brought no answer: when the connection was never made, or the request never built, nothing was sent;
/// anything later is uncertain. The error's own text is not used: it holds the URL, and URLs carry account ids.
pub fn no_answer(error: &reqwest::Error) -> SendError {
    if error.is_builder() {
        let reason = "the request could not be built: check the provider's base URL and credentials".to_owned();
        return SendError::Permanent {
            kind: PermanentKind::Configuration,
            provider_code: "request".to_owned(),
            reason,
        };
    }
    if error.is_connect() {
        let reason = "no connection to the provider".to_owned();
        return SendError::Transient { provider_code: "connect".to_owned(), reason, retry_after: None };
    }
    let reason =
        if error.is_timeout() { "the provider did not answer in time" } else { "the connection to the provider broke" };
    SendError::Uncertain { provider_code: None, reason: reason.to_owned() }
}

/// How long the provider asks us to wait: `Retry-After` in seconds or as an HTTP date (RFC 9110 §10.2.3).
/// A date is measured against the answer's own `Date`, so that our clock and the provider's need not agree.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = header(headers, "retry-after")?;
    if let Some(wait) = seconds(text) {
        return Some(wait);
    }
    let now = header(headers, "date").and_then(http_date).unwrap_or(now);
    wait_until(http_date(text)?, now)
}

/// A header holding a number of seconds to wait.
pub(crate) fn seconds_header(headers: &HeaderMap, name: &str) -> Option<Duration> {
    seconds(header(headers, name)?)
}

/// A header holding the Unix time, in seconds, to wait for.
pub(crate) fn unix_header(headers: &HeaderMap, name: &str, now: Timestamp) -> Option<Duration> {
    let at = header(headers, name)?.parse().ok().and_then(|at| Timestamp::from_second(at).ok())?;
    wait_until(at, now)
}

/// A header as trimmed text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn seconds(text: &str) -> Option<Duration> {
    text.parse().ok().map(|seconds| Duration::from_secs(seconds).min(LONGEST_WAIT))
}

fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(text).ok().map(|at| at.timestamp())
}

/// Whole seconds, rounded up, so that the wait is never too short; a time that has passed is no wait.
fn wait_until(at: Timestamp, now: Timestamp) -> Option<Duration> {
    let milliseconds = at.as_millisecond().saturating_sub(now.as_millisecond()).max(0);
    let seconds = u64::try_from(milliseconds).ok()?.div_ceil(1000);
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn asked(pairs: &[(&'static str, &'static str)]) -> Option<u64> {
        let now = "1994-11-06T08:49:30.5Z".parse().unwrap();
        retry_after(&headers(pairs), now).map(|wait| wait.as_secs())
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        assert_eq!(asked(&[("retry-after", "7")]), Some(7));
        assert_eq!(asked(&[("retry-after", " 0 ")]), Some(0));
        assert_eq!(asked(&[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")]), Some(7));
        assert_eq!(asked(&[("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT")]), Some(0));
        assert_eq!(asked(&[("retry-after", "soon")]), None);
        assert_eq!(asked(&[]), None);
    }

    #[test]
    fn a_date_is_measured_against_the_providers_own_clock() {
        let pairs = [("retry-after", "Tue, 01 Jan 2030 00:00:09 GMT"), ("date", "Tue, 01 Jan 2030 00:00:00 GMT")];
        assert_eq!(asked(&pairs), Some(9));
    }

    #[test]
    fn an_absurd_wait_is_cut_to_a_day() {
        assert_eq!(asked(&[("retry-after", "18446744073709551615")]), Some(86_400));
        assert_eq!(
            unix_header(&headers(&[("x", "99999999999")]), "x", Timestamp::UNIX_EPOCH).map(|w| w.as_secs()),
            Some(86_400)
        );
    }
}
