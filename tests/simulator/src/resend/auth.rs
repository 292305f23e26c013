//! `Authorization: Bearer re_…`

use http::{HeaderMap, header::AUTHORIZATION};

use super::answer::Error;
use crate::config::Config;

/// Refuses a request without our key.
pub(super) fn check(config: &Config, headers: &HeaderMap) -> Result<(), Error> {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    match given.and_then(|value| value.strip_prefix("Bearer ")) {
        Some(key) if key == config.resend_api_key => Ok(()),
        Some(_) => Err(Error::new(403, "invalid_api_key", "API key is invalid")),
        None => Err(Error::new(401, "missing_api_key", "Missing API Key")),
    }
}
