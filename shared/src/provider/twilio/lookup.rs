//! Twilio Lookup, version 2: what Twilio knows of a phone number. The answer without packages is free; the line's type is
//! not, so answers are to be kept by whoever asks.
//!
//! Source: Twilio's page "Lookup v2" and its OpenAPI file (`twilio_lookups_v2`).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::super::SendError;
use super::super::call::answer;
use super::{TwilioCredentials, errors};
use crate::clock::Clock;
use crate::message::PhoneNumber;
use crate::secrets::Secret;

/// Lookup, with the account's credentials as they are now. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lookup {
    http: reqwest::Client,
    /// `https://lookups.twilio.com`, or a stand-in.
    base_url: Arc<str>,
    clock: Clock,
    credentials: Arc<Secret<TwilioCredentials>>,
}

/// What Twilio knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LookedUp {
    pub valid: bool,
    /// `TOO_SHORT`, `TOO_LONG`, `INVALID_BUT_POSSIBLE`, `INVALID_COUNTRY_CODE`, `INVALID_LENGTH`, `NOT_A_NUMBER`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub validation_errors: Vec<String>,
    /// ISO 3166.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country_code: Option<String>,
    /// `mobile`, `landline`, `fixedVoip`, `nonFixedVoip`, `personal`, `tollFree`, `premium`, `sharedCost`, `uan`,
    /// `voicemail`, `pager`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mobile_country_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mobile_network_code: Option<String>,
    /// Why the line's type is not known (Twilio's code).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<i64>,
}

#[derive(Deserialize)]
struct Resource {
    valid: Option<bool>,
    validation_errors: Option<Vec<String>>,
    country_code: Option<String>,
    line_type_intelligence: Option<LineType>,
}

#[derive(Default, Deserialize)]
struct LineType {
    #[serde(rename = "type")]
    kind: Option<String>,
    carrier_name: Option<String>,
    mobile_country_code: Option<String>,
    mobile_network_code: Option<String>,
    error_code: Option<i64>,
}

impl Lookup {
    pub fn new(
        http: reqwest::Client,
        base_url: &str,
        clock: Clock,
        credentials: Arc<Secret<TwilioCredentials>>,
    ) -> Self {
        Self { http, base_url: base_url.trim_end_matches('/').into(), clock, credentials }
    }

    /// Looks a number up, with its line's type. Costs money.
    pub async fn number(&self, number: &PhoneNumber) -> Result<LookedUp, SendError> {
        let credentials = self.credentials.get().await.map_err(|error| SendError::Transient {
            provider_code: "secret".to_owned(),
            reason: error.to_string(),
            retry_after: None,
        })?;
        let (name, secret) = credentials.current.login();
        // The plus stands in the path as it is, as Twilio's own libraries write it.
        let url = format!("{}/v2/PhoneNumbers/{}", self.base_url, number.as_str());
        let request = self.http.get(url).query(&[("Fields", "line_type_intelligence")]);
        let answer = answer(request.basic_auth(name, Some(secret))).await.map_err(SendError::of_a_question)?;
        if !answer.status.is_success() {
            return Err(errors::refused(&answer, self.clock.now()).of_a_question());
        }
        let read: Resource = serde_json::from_slice(&answer.body).map_err(|_| SendError::Transient {
            provider_code: "answer".to_owned(),
            reason: "the provider's answer cannot be read".to_owned(),
            retry_after: None,
        })?;
        let line = read.line_type_intelligence.unwrap_or_default();
        Ok(LookedUp {
            valid: read.valid.unwrap_or(false),
            validation_errors: read.validation_errors.unwrap_or_default(),
            country_code: read.country_code,
            line_type: line.kind,
            carrier_name: line.carrier_name,
            mobile_country_code: line.mobile_country_code,
            mobile_network_code: line.mobile_network_code,
            error_code: line.error_code,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::clock::from_millis;
    use crate::provider::stub::{Stub, hasty, reply};
    use crate::secrets::Versions;

    async fn look(status: u16, body: Value) -> (Stub, Result<LookedUp, SendError>) {
        let stub = Stub::new([reply(status, body)]).await;
        let credentials = serde_json::from_value(json!({
            "account_sid": "AC1", "auth_token": "t", "phone_number": "+15005550006", "whatsapp_number": "+14155238886",
        }))
        .unwrap();
        let secret = Arc::new(Secret::fixed(Versions { current: credentials, previous: None }));
        let lookup = Lookup::new(hasty(), &stub.base_url, Clock::fixed(from_millis(0)), secret);
        let found = lookup.number(&PhoneNumber::parse("+14155552671", "US").unwrap()).await;
        (stub, found)
    }

    #[tokio::test]
    async fn a_number_is_asked_for_with_its_plus_and_read_with_its_line() {
        let line =
            json!({"type": "nonFixedVoip", "carrier_name": "X", "mobile_country_code": null, "error_code": null});
        let body =
            json!({"valid": true, "validation_errors": null, "country_code": "US", "line_type_intelligence": line});
        let (stub, found) = look(200, body).await;
        let seen = stub.only_request();
        assert_eq!(
            (seen.method.as_str(), seen.target.as_str()),
            ("GET", "/v2/PhoneNumbers/+14155552671?Fields=line_type_intelligence")
        );
        let found = found.unwrap();
        assert_eq!(
            (found.valid, found.line_type.as_deref(), found.carrier_name.as_deref()),
            (true, Some("nonFixedVoip"), Some("X"))
        );
    }

    #[tokio::test]
    async fn an_invalid_number_and_a_failing_lookup_are_told_apart() {
        let (_stub, found) = look(200, json!({"valid": false, "validation_errors": ["TOO_SHORT"]})).await;
        assert_eq!(found.unwrap().validation_errors, ["TOO_SHORT"]);
        for status in [429, 500, 503] {
            let (_stub, found) = look(status, json!({})).await;
            assert!(
                matches!(found, Err(SendError::Transient { .. } | SendError::Throttled { .. })),
                "{status}: a question may be asked again"
            );
        }
    }
}
