//! Settings: where to listen, which credentials to accept, where callbacks go.

use std::{env, time::Duration};

use crate::keys;

/// How the simulator is set up. `main` reads it from the environment; tests build it with [`Config::generated`].
#[derive(Debug, Clone)]
pub struct Config {
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Where SendGrid and Resend events and inbound messages go, without a trailing slash.
    pub callback_base: String,
    /// `AC` and 32 hex digits.
    pub twilio_account_sid: String,
    pub twilio_auth_token: String,
    /// An API key and its secret: `SK…:secret`.
    pub twilio_api_key: Option<String>,
    pub sendgrid_api_key: String,
    /// Base64 of a PKCS#8 P-256 private key: signs the event webhook.
    pub sendgrid_signing_key: String,
    pub resend_api_key: String,
    /// `whsec_` and base64: signs Resend's webhooks.
    pub resend_webhook_secret: String,
    /// Resend's team limit. The real one is 5; the default here is out of the way.
    pub resend_requests_per_second: u32,
    /// The mean time between two steps of a message; each step takes 0.5 to 1.5 times this.
    pub step: Duration,
    /// The first pause before a refused SendGrid or Resend callback is tried again; it doubles.
    pub retry_pause: Duration,
    /// Refuse parameters and fields the provider does not document, instead of ignoring them.
    pub strict: bool,
    /// Seed of fault rates and jitter, to repeat a run.
    pub seed: Option<u64>,
}

impl Config {
    /// Fresh credentials, a free port, short steps: for in-process tests.
    ///
    /// # Errors
    /// When the system has no randomness to make a key from.
    pub fn generated(callback_base: &str) -> Result<Self, String> {
        let pair = keys::generate()?;
        Ok(Self {
            port: 0,
            callback_base: callback_base.trim_end_matches('/').to_owned(),
            twilio_account_sid: format!("AC{}", uuid::Uuid::new_v4().simple()),
            twilio_auth_token: uuid::Uuid::new_v4().simple().to_string(),
            twilio_api_key: None,
            sendgrid_api_key: format!("SG.{}", uuid::Uuid::new_v4().simple()),
            sendgrid_signing_key: pair.private_pkcs8,
            resend_api_key: format!("re_{}", uuid::Uuid::new_v4().simple()),
            resend_webhook_secret: "whsec_c2ltdWxhdG9yLXNpbXVsYXRvci1zaW11bGF0b3I=".to_owned(),
            resend_requests_per_second: 100_000,
            step: Duration::from_millis(10),
            retry_pause: Duration::from_millis(20),
            strict: true,
            seed: None,
        })
    }

    /// Reads the environment (see the crate documentation for the names).
    ///
    /// # Errors
    /// One line that names the variable that is missing or malformed.
    pub fn from_env() -> Result<Self, String> {
        Ok(Self {
            port: number("SIMULATOR_PORT")?.ok_or("SIMULATOR_PORT is not set")?,
            callback_base: text("SIM_CALLBACK_BASE")?.trim_end_matches('/').to_owned(),
            twilio_account_sid: text("SIM_TWILIO_ACCOUNT_SID")?,
            twilio_auth_token: text("SIM_TWILIO_AUTH_TOKEN")?,
            twilio_api_key: env::var("SIM_TWILIO_API_KEY").ok().filter(|key| !key.is_empty()),
            sendgrid_api_key: text("SIM_SENDGRID_API_KEY")?,
            sendgrid_signing_key: text("SIM_SENDGRID_SIGNING_KEY")?,
            resend_api_key: text("SIM_RESEND_API_KEY")?,
            resend_webhook_secret: text("SIM_RESEND_WEBHOOK_SECRET")?,
            resend_requests_per_second: number("SIM_RESEND_RATE")?.unwrap_or(100_000),
            step: Duration::from_millis(number("SIM_STEP_MS")?.unwrap_or(100)),
            retry_pause: Duration::from_millis(number("SIM_RETRY_MS")?.unwrap_or(250)),
            strict: number::<u8>("SIM_STRICT")? != Some(0),
            seed: number("SIM_SEED")?,
        })
    }
}

fn text(name: &str) -> Result<String, String> {
    env::var(name).ok().filter(|value| !value.is_empty()).ok_or_else(|| format!("{name} is not set"))
}

fn number<T: std::str::FromStr>(name: &str) -> Result<Option<T>, String> {
    match env::var(name) {
        Ok(value) if !value.is_empty() => {
            value.parse().map(Some).map_err(|_| format!("{name} is not a number in range: {value:?}"))
        }
        _ => Ok(None),
    }
}
