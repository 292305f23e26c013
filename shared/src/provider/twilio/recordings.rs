//! What was recorded in calls stays with Twilio until it is deleted there.
//!
//! Source: Twilio's page "Recordings resource" and its OpenAPI file (`twilio_api_v2010`): `DELETE …/Recordings/{sid}.json`
//! answers 204, and 404 where there is nothing of it any more.

use std::sync::Arc;

use super::super::SendError;
use super::super::call::answer;
use super::{TwilioCredentials, errors};
use crate::clock::Clock;
use crate::secrets::{Secret, SecretError, Versions};
use crate::telemetry;

/// The account's recordings, with its credentials as they are now. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Recordings {
    http: reqwest::Client,
    /// `https://api.twilio.com`, or a stand-in.
    base_url: Arc<str>,
    clock: Clock,
    credentials: Arc<Secret<TwilioCredentials>>,
}

impl Recordings {
    pub fn new(
        http: reqwest::Client,
        base_url: &str,
        clock: Clock,
        credentials: Arc<Secret<TwilioCredentials>>,
    ) -> Self {
        Self { http, base_url: base_url.trim_end_matches('/').into(), clock, credentials }
    }

    /// Deletes one. It may be asked for again: what is gone is deleted.
    pub async fn remove(&self, sid: &str) -> Result<(), SendError> {
        let held = self.credentials.get().await.map_err(unknown)?;
        let refused = match self.ask(sid, &held).await {
            // They may have been rotated a moment ago.
            Err(error) if is_of_credentials(&error) => error,
            answer => return answer,
        };
        let fresh = self.credentials.refreshed().await.map_err(|_| refused)?;
        self.ask(sid, &fresh).await
    }

    async fn ask(&self, sid: &str, credentials: &Versions<TwilioCredentials>) -> Result<(), SendError> {
        let (account_sid, (name, secret)) = (&credentials.current.account_sid, credentials.current.login());
        let url = format!("{}/2010-04-01/Accounts/{account_sid}/Recordings/{sid}.json", self.base_url);
        let request = self.http.delete(url).basic_auth(name, Some(secret));
        let answer = answer(request).await.map_err(SendError::of_a_question)?;
        match answer.status.as_u16() {
            200..=299 => {
                telemetry::count("recordings_deleted", 1);
                Ok(())
            }
            404 => Ok(()),
            _ => Err(errors::refused(&answer, self.clock.now()).of_a_question()),
        }
    }
}

fn unknown(error: SecretError) -> SendError {
    SendError::Transient { provider_code: "secret".to_owned(), reason: error.to_string(), retry_after: None }
}

fn is_of_credentials(error: &SendError) -> bool {
    matches!(error, SendError::Permanent { kind: crate::provider::PermanentKind::Credentials, .. })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::clock::from_millis;
    use crate::provider::stub::{Stub, hasty, reply};

    async fn remove(status: u16, body: Value) -> (Stub, Result<(), SendError>) {
        let stub = Stub::new([reply(status, body)]).await;
        let credentials = serde_json::from_value(json!({
            "account_sid": "AC1", "auth_token": "t", "phone_number": "+15005550006", "whatsapp_number": "+14155238886",
        }))
        .unwrap();
        let secret = Arc::new(Secret::fixed(Versions { current: credentials, previous: None }));
        let recordings = Recordings::new(hasty(), &stub.base_url, Clock::fixed(from_millis(0)), secret);
        let removed = recordings.remove("RE00000000000000000000000000000001").await;
        (stub, removed)
    }

    #[tokio::test]
    async fn a_recording_is_deleted_and_one_that_is_gone_is_deleted_too() {
        let (stub, removed) = remove(204, json!(null)).await;
        removed.unwrap();
        let seen = stub.only_request();
        let target = "/2010-04-01/Accounts/AC1/Recordings/RE00000000000000000000000000000001.json";
        assert_eq!((seen.method.as_str(), seen.target.as_str()), ("DELETE", target));
        let gone = json!({"code": 20404, "message": "not found", "status": 404});
        remove(404, gone).await.1.unwrap();
    }

    #[tokio::test]
    async fn what_was_not_deleted_is_an_error_that_may_be_tried_again() {
        for status in [429, 500, 503] {
            let (_stub, removed) = remove(status, json!({})).await;
            assert!(matches!(removed, Err(SendError::Transient { .. } | SendError::Throttled { .. })), "{status}");
        }
    }
}
