//! Who makes, sends and checks the codes.

use crate::config::{Invalid, optional};
use crate::provider::twilio::verify::Verify;

/// The maker of a deployment's codes. What is answered is the same with each.
#[derive(Clone, Debug, Default)]
pub enum Backend {
    #[default]
    Own,
    TwilioVerify(Verify),
}

impl Backend {
    /// `OTP_BACKEND`: `own` (unless set), or `twilio_verify`.
    pub fn from_env<E: From<Invalid>>(verify: impl FnOnce() -> Result<Verify, E>) -> Result<Self, E> {
        Self::named(&optional("OTP_BACKEND", "own"), verify)
    }

    fn named<E: From<Invalid>>(name: &str, verify: impl FnOnce() -> Result<Verify, E>) -> Result<Self, E> {
        match name {
            "own" => Ok(Self::Own),
            "twilio_verify" => verify().map(Self::TwilioVerify),
            _ => Err(Invalid("OTP_BACKEND").into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::Clock;
    use crate::secrets::{Secret, Versions};

    #[test]
    fn a_backend_has_one_of_two_names() {
        let credentials = serde_json::json!({
            "account_sid": "AC1", "auth_token": "t", "phone_number": "+15005550006", "whatsapp_number": "+14155238886",
        });
        let credentials = serde_json::from_value(credentials).unwrap();
        let secret = Arc::new(Secret::fixed(Versions { current: credentials, previous: None }));
        let verify = || -> Result<Verify, Invalid> {
            Ok(Verify::new(reqwest::Client::new(), "http://127.0.0.1:1", Clock::system(), secret.clone()))
        };
        assert!(matches!(Backend::named("own", verify), Ok(Backend::Own)));
        assert!(matches!(Backend::named("twilio_verify", verify), Ok(Backend::TwilioVerify(_))));
        for name in ["", "Own", "verify", "twilio"] {
            assert!(Backend::named(name, verify).is_err(), "{name}");
        }
    }
}
