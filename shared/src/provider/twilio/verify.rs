//! Twilio Verify, version 2: Twilio makes the code, sends it and checks it.
//!
//! Source: Twilio's pages "Verification" and "Verification Check" and its OpenAPI file (`twilio_verify_v2`). A start
//! within ten minutes sends the same code again; five sends (60203) and five checks (60202) are allowed; what was
//! approved or cancelled or has expired is gone (404, 20404). A wrong code is no error: 200, `pending`.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::super::call::{Answer, answer};
use super::super::{PermanentKind, SendError};
use super::{TwilioCredentials, errors};
use crate::clock::Clock;
use crate::message::{Address, Channel, Locale};
use crate::secrets::Secret;

/// Verify, with the account's credentials as they are now. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Verify {
    http: reqwest::Client,
    /// `https://verify.twilio.com`, or a stand-in.
    base_url: Arc<str>,
    clock: Clock,
    credentials: Arc<Secret<TwilioCredentials>>,
}

/// A verification being asked for.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    pub to: &'a Address,
    pub channel: Channel,
    pub locale: Option<&'a Locale>,
}

/// A verification that was started, or sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// `VE…`
    pub sid: String,
    /// How often its code was sent, this time included.
    pub sends: usize,
}

/// What a check brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Approved,
    Wrong,
    /// Five codes were checked.
    TooMany,
    /// There is no such verification any more.
    Gone,
}

#[derive(Deserialize)]
struct Resource {
    sid: String,
    status: String,
    send_code_attempts: Option<Vec<serde_json::Value>>,
}

/// How long Verify has to answer. A start may be two calls (the verification before is cancelled first), and somebody
/// waits for the answer.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(6);

/// Too many checks of one verification.
const MOST_CHECKS: &str = "60202";

/// The languages Verify writes in. Another is refused with 60200, so it is not asked for.
const LOCALES: [&str; 39] = [
    "af", "ar", "ca", "cs", "da", "de", "el", "en", "en-GB", "es", "et", "fi", "fr", "he", "hi", "hr", "hu", "id",
    "it", "ja", "kn", "ko", "lt", "mr", "ms", "nb", "nl", "pl", "pt", "pt-BR", "ro", "ru", "sk", "sv", "te", "th",
    "tr", "vi", "zh-CN",
];

/// Whether credentials were refused. They may have been rotated a moment ago.
fn is_refused(error: &SendError) -> bool {
    matches!(error, SendError::Permanent { kind: PermanentKind::Credentials, .. })
}

impl Verify {
    pub fn new(
        http: reqwest::Client,
        base_url: &str,
        clock: Clock,
        credentials: Arc<Secret<TwilioCredentials>>,
    ) -> Self {
        Self { http, base_url: base_url.trim_end_matches('/').into(), clock, credentials }
    }

    /// Sends a code: a new one, or the one that is still valid. There is no idempotency key: whoever got no answer
    /// ([`SendError::Uncertain`]) does not know whether a code was sent.
    pub async fn start(&self, ask: &Ask<'_>) -> Result<Verification, SendError> {
        let channel = match ask.channel {
            Channel::Voice => "call",
            Channel::Sms | Channel::Whatsapp | Channel::Email => ask.channel.as_str(),
        };
        let mut form = vec![("To", ask.to.as_str()), ("Channel", channel)];
        if let Some(locale) = ask.locale.and_then(locale) {
            form.push(("Locale", locale));
        }
        let answer = self.post("Verifications", &form).await?;
        if !answer.status.is_success() {
            return Err(self.refused(&answer));
        }
        let Resource { sid, send_code_attempts, .. } = read(&answer)?;
        Ok(Verification { sid, sends: send_code_attempts.map_or(1, |attempts| attempts.len()) })
    }

    /// Checks a code that was entered.
    pub async fn check(&self, sid: &str, code: &str) -> Result<Outcome, SendError> {
        let answer = self.post("VerificationCheck", &[("VerificationSid", sid), ("Code", code)]).await?;
        if answer.status.as_u16() == 404 {
            return Ok(Outcome::Gone);
        }
        if !answer.status.is_success() {
            let refused = self.refused(&answer);
            let full = matches!(&refused, SendError::Transient { provider_code, .. } | SendError::Throttled { provider_code, .. }
                if provider_code == MOST_CHECKS);
            return if full { Ok(Outcome::TooMany) } else { Err(refused) };
        }
        Ok(match read(&answer)?.status.as_str() {
            "approved" => Outcome::Approved,
            "pending" => Outcome::Wrong,
            "max_attempts_reached" => Outcome::TooMany,
            _ => Outcome::Gone,
        })
    }

    /// Ends a verification: its code is worth nothing from now on. One that has ended already is no error.
    pub async fn cancel(&self, sid: &str) -> Result<(), SendError> {
        let answer = self.post(&format!("Verifications/{sid}"), &[("Status", "canceled")]).await?;
        if answer.status.is_success() || answer.status.as_u16() == 404 { Ok(()) } else { Err(self.refused(&answer)) }
    }

    /// Where a verification stands, in Twilio's word; `None`: it has ended.
    pub async fn status(&self, sid: &str) -> Result<Option<String>, SendError> {
        let answer = self.call(&format!("Verifications/{sid}"), None).await.map_err(SendError::of_a_question)?;
        match answer.status.as_u16() {
            200 => Ok(Some(read(&answer)?.status)),
            404 => Ok(None),
            _ => Err(self.refused(&answer).of_a_question()),
        }
    }

    fn refused(&self, answer: &Answer) -> SendError {
        errors::refused(answer, self.clock.now())
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Result<Answer, SendError> {
        self.call(path, Some(form)).await
    }

    /// Makes a call; with credentials read anew, if those at hand are refused.
    async fn call(&self, path: &str, form: Option<&[(&str, &str)]>) -> Result<Answer, SendError> {
        let unreadable = |error: crate::secrets::SecretError| SendError::Transient {
            provider_code: "secret".to_owned(),
            reason: error.to_string(),
            retry_after: None,
        };
        let cached = self.credentials.get().await.map_err(unreadable)?;
        let answer = self.call_as(&cached.current, path, form).await?;
        if answer.status.is_success() || !is_refused(&self.refused(&answer)) {
            return Ok(answer);
        }
        // What was refused for its credentials was not looked at: with other ones it is not sent twice.
        let fresh = self.credentials.refreshed().await.map_err(unreadable)?;
        if fresh.current == cached.current { Ok(answer) } else { self.call_as(&fresh.current, path, form).await }
    }

    async fn call_as(
        &self,
        credentials: &TwilioCredentials,
        path: &str,
        form: Option<&[(&str, &str)]>,
    ) -> Result<Answer, SendError> {
        let service = credentials.verify_service_sid.as_deref().ok_or_else(|| SendError::Permanent {
            kind: PermanentKind::Configuration,
            provider_code: "service".to_owned(),
            reason: "the twilio secret names no verify_service_sid".to_owned(),
        })?;
        let url = format!("{}/v2/Services/{service}/{path}", self.base_url);
        let request = match form {
            Some(form) => self.http.post(url).form(form),
            None => self.http.get(url),
        };
        let (name, secret) = credentials.login();
        answer(request.basic_auth(name, Some(secret))).await
    }
}

fn read(answer: &Answer) -> Result<Resource, SendError> {
    serde_json::from_slice(&answer.body).map_err(|_| SendError::Uncertain {
        provider_code: None,
        reason: "the provider's answer cannot be read".to_owned(),
    })
}

/// The nearest language Verify has.
fn locale(wanted: &Locale) -> Option<&'static str> {
    let wanted = wanted.as_str();
    let language = wanted.split('-').next().unwrap_or_default();
    let has = |name: &str| LOCALES.iter().copied().find(|known| known.eq_ignore_ascii_case(name));
    has(wanted).or_else(|| has(language))
}

#[cfg(test)]
mod tests;
