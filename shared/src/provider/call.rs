//! The HTTP client every provider shares, and the one rule of what a failed call means.

use std::time::Duration;

use super::SendError;

/// How long a provider has to answer, connection included. Well below the claim's lease, so that a call has ended
/// before anyone may ask what became of it. Twilio answers message creation in well under a second; 10 s is its own
/// SDKs' shortest default.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// A client with connection reuse, no redirects (a redirected POST is a different request) and bounded waiting.
pub fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(3))
        .timeout(CALL_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("switchboard/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// A call that brought no answer: when the connection was never made nothing was sent; anything later is uncertain.
/// The error's own text is not used: it holds the URL, and URLs carry account ids.
pub fn no_answer(error: &reqwest::Error) -> SendError {
    if error.is_connect() {
        let reason = "no connection to the provider".to_owned();
        return SendError::Transient { provider_code: "connect".to_owned(), reason, retry_after: None };
    }
    let reason = if error.is_timeout() { "the provider did not answer in time" } else { "the connection to the provider broke" };
    SendError::Uncertain { reason: reason.to_owned() }
}
