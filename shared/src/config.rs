//! Settings, read once at start from the environment the template sets. A missing one is a deployment error: the start
//! ends with its name.

use std::env;
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;

use crate::message::Locale;
use crate::message::locale::NotALocale;

/// A setting the template must set.
#[derive(Debug, thiserror::Error)]
#[error("the environment variable {0} is not set")]
pub struct Missing(&'static str);

/// A setting that must be there.
pub fn required(name: &'static str) -> Result<String, Missing> {
    env::var(name).ok().filter(|value| !value.is_empty()).ok_or(Missing(name))
}

/// A setting the template sets to something that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the environment variable {0} has no value that can be used")]
pub struct Invalid(pub &'static str);

/// A setting, where it is there; it may be empty.
pub(crate) fn present(name: &str) -> Option<String> {
    env::var(name).ok()
}

/// A setting with a default.
pub fn optional(name: &str, default: &str) -> String {
    env::var(name).ok().filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned())
}

/// How long an attempt at AWS may take: `AWS_ATTEMPT_TIMEOUT` in seconds, two if that is no number.
pub fn aws_timeouts() -> TimeoutConfig {
    attempts_of(attempt_timeout())
}

/// The same for what is as large as a file.
pub(crate) fn file_timeouts() -> TimeoutConfig {
    attempts_of(attempt_timeout().max(Duration::from_secs(15)))
}

fn attempt_timeout() -> Duration {
    Duration::from_secs(optional("AWS_ATTEMPT_TIMEOUT", "2").parse().unwrap_or(2))
}

fn attempts_of(longest: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(longest).operation_attempt_timeout(longest).build()
}

/// Where the providers are, and where they find us.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// Our public address, without a trailing slash: callbacks are signed over it, so it is configured, not guessed from a header.
    pub public: String,
    pub twilio: String,
    pub sendgrid: String,
    pub resend: String,
}

impl Endpoints {
    pub fn from_env() -> Result<Self, Missing> {
        let base = |url: String| url.trim_end_matches('/').to_owned();
        Ok(Self {
            public: base(required("PUBLIC_BASE_URL")?),
            twilio: base(optional("TWILIO_BASE_URL", "https://api.twilio.com")),
            sendgrid: base(optional("SENDGRID_BASE_URL", "https://api.sendgrid.com")),
            resend: base(optional("RESEND_BASE_URL", "https://api.resend.com")),
        })
    }
}

/// Refuses public addresses that carry links, codes and callbacks over the network in clear: `PUBLIC_BASE_URL` and `LINK_BASE_URL`
/// must be https, or be on this machine.
pub(crate) fn check_public_addresses() -> Result<(), Invalid> {
    for name in ["PUBLIC_BASE_URL", "LINK_BASE_URL"] {
        if present(name).is_some_and(|address| !address.is_empty() && !is_safe_address(&address)) {
            return Err(Invalid(name));
        }
    }
    Ok(())
}

fn is_safe_address(address: &str) -> bool {
    let Ok(uri) = address.parse::<http::Uri>() else { return false };
    match (uri.scheme_str(), uri.host()) {
        (Some("https"), Some(_)) => true,
        (Some("http"), Some(host)) => {
            host == "localhost" || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        }
        _ => false,
    }
}

/// Our public address, for links in what people read; without a slash at the end.
pub fn public_base_url() -> String {
    optional("PUBLIC_BASE_URL", "http://localhost").trim_end_matches('/').to_owned()
}

/// Our public address, where only what is ours has to be told from what is not; empty where it is not set.
pub fn public_url() -> String {
    optional("PUBLIC_BASE_URL", "").trim_end_matches('/').to_owned()
}

/// Where Twilio Verify is.
pub fn twilio_verify() -> String {
    optional("TWILIO_VERIFY_BASE_URL", "https://verify.twilio.com")
}

/// Where Twilio Lookup is.
pub fn twilio_lookup() -> String {
    optional("TWILIO_LOOKUP_BASE_URL", "https://lookups.twilio.com")
}

/// The region phone numbers without a country code are read in (ISO 3166 alpha-2).
pub fn default_region() -> String {
    optional("DEFAULT_REGION", "US")
}

/// The language of messages to whoever asked for none (BCP 47).
pub fn default_locale() -> Result<Locale, NotALocale> {
    optional("DEFAULT_LOCALE", "en").parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_address_in_clear_is_refused_unless_it_is_this_machine() {
        for safe in
            ["https://api.example.com", "https://example.com/api", "http://127.0.0.1:8080", "http://localhost:8080"]
        {
            assert!(is_safe_address(safe), "{safe}");
        }
        for unsafe_ in [
            "http://api.example.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "ftp://x",
            "/",
            "",
            "api",
        ] {
            assert!(!is_safe_address(unsafe_), "{unsafe_}");
        }
    }
}
