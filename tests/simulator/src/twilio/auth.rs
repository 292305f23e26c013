//! HTTP Basic with the account SID and the auth token, or with an API key and its secret.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, header::AUTHORIZATION};

use super::answer::Error;
use crate::config::Config;

/// Refuses a request that is not from our account or is for another one.
pub(super) fn check(config: &Config, headers: &HeaderMap, account: &str) -> Result<(), Error> {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let decoded = given.and_then(|value| value.strip_prefix("Basic ")).and_then(|value| STANDARD.decode(value).ok());
    let token = format!("{}:{}", config.twilio_account_sid, config.twilio_auth_token);
    let is = |expected: &str| decoded.as_deref() == Some(expected.as_bytes());
    let is_ours = is(&token) || config.twilio_api_key.as_deref().is_some_and(is);
    if is_ours && account == config.twilio_account_sid {
        Ok(())
    } else {
        Err(Error::new(20003, "Authenticate").with_status(401))
    }
}
