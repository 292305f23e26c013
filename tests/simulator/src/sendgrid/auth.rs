//! `Authorization: Bearer SG.…`

use http::{HeaderMap, header::AUTHORIZATION};

use crate::config::Config;

/// Refuses a request without our key, with what SendGrid says then.
pub(super) fn check(config: &Config, headers: &HeaderMap) -> Result<(), &'static str> {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    match given.and_then(|value| value.strip_prefix("Bearer ")) {
        Some(key) if key == config.sendgrid_api_key => Ok(()),
        Some(_) => Err("The provided authorization grant is invalid, expired, or revoked"),
        None => Err("authorization required"),
    }
}
