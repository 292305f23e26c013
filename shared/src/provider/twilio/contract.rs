//! Whether our requests to Verify and Lookup are the ones Twilio describes: method, path and the names of parameters.
//!
//! Source: Twilio's OpenAPI files `twilio_verify_v2` and `twilio_lookups_v2`, whose bodies take no other property
//! (`additionalProperties: false`).

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::TwilioCredentials;
use super::lookup::Lookup;
use super::verify::{Ask, Verify};
use crate::clock::{Clock, from_millis};
use crate::message::{Address, Channel, PhoneNumber};
use crate::provider::stub::{Seen, Stub, hasty, reply};
use crate::secrets::{Secret, Versions};

const SERVICE: &str = "VA0123456789abcdef0123456789abcdef";
const SID: &str = "VE0123456789abcdef0123456789abcdef";

/// One operation as the description has it.
struct Operation {
    method: &'static str,
    path: &'static str,
    required: &'static [&'static str],
    optional: &'static [&'static str],
}

const START: Operation = Operation {
    method: "POST",
    path: "/v2/Services/{ServiceSid}/Verifications",
    required: &["Channel", "To"],
    optional: &[
        "Amount",
        "AppHash",
        "ChannelConfiguration",
        "CustomCode",
        "CustomFriendlyName",
        "CustomMessage",
        "DeviceIp",
        "EnableSnaClientToken",
        "Locale",
        "Payee",
        "RateLimits",
        "RiskCheck",
        "SendDigits",
        "Tags",
        "TemplateCustomSubstitutions",
        "TemplateSid",
    ],
};
/// None of a check's is required by the description; its text wants a code, and one of the two ways to name what is checked.
const CHECK: Operation = Operation {
    method: "POST",
    path: "/v2/Services/{ServiceSid}/VerificationCheck",
    required: &["Code"],
    optional: &["Amount", "Payee", "SnaClientToken", "To", "VerificationSid"],
};
const FETCH: Operation =
    Operation { method: "GET", path: "/v2/Services/{ServiceSid}/Verifications/{Sid}", required: &[], optional: &[] };
const UPDATE: Operation = Operation {
    method: "POST",
    path: "/v2/Services/{ServiceSid}/Verifications/{Sid}",
    required: &["Status"],
    optional: &[],
};
const LOOKUP: Operation = Operation {
    method: "GET",
    path: "/v2/PhoneNumbers/{PhoneNumber}",
    required: &[],
    optional: &[
        "AddressCountryCode",
        "AddressLine1",
        "AddressLine2",
        "City",
        "CountryCode",
        "DateOfBirth",
        "Fields",
        "FirstName",
        "LastName",
        "LastVerifiedDate",
        "NationalId",
        "PartnerSubId",
        "PostalCode",
        "State",
        "VerificationSid",
    ],
};

/// `^VA[0-9a-fA-F]{32}$` and its like.
fn is_sid(text: &str, prefix: &str) -> bool {
    let hex = |rest: &str| rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.strip_prefix(prefix).is_some_and(hex)
}

fn fits(template: &str, given: &str) -> bool {
    match template {
        "{ServiceSid}" => is_sid(given, "VA"),
        "{Sid}" => is_sid(given, "VE"),
        // The libraries of Twilio's own write the plus as it is.
        "{PhoneNumber}" => given.strip_prefix('+').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit())),
        literal => literal == given,
    }
}

impl Operation {
    /// Fails unless the request is this operation; its parameters.
    fn holds(&self, seen: &Seen) -> Vec<(String, String)> {
        assert_eq!(seen.method, self.method, "{}", self.path);
        let (path, query) = seen.target.split_once('?').unwrap_or((&seen.target, ""));
        let (wanted, given): (Vec<_>, Vec<_>) = (self.path.split('/').collect(), path.split('/').collect());
        assert_eq!(wanted.len(), given.len(), "{path}");
        assert!(wanted.iter().zip(&given).all(|(template, given)| fits(template, given)), "{path} is no {}", self.path);
        assert!(seen.header("authorization").starts_with("Basic "), "{path}");
        let parameters: Vec<(String, String)> = if self.method == "POST" {
            assert_eq!((seen.header("content-type"), query), ("application/x-www-form-urlencoded", ""), "{path}");
            seen.form()
        } else {
            assert_eq!(seen.body, "", "{path}");
            form_urlencoded::parse(query.as_bytes()).into_owned().collect()
        };
        let names: BTreeSet<&str> = parameters.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names.len(), parameters.len(), "{path} says something twice: {parameters:?}");
        for name in self.required {
            assert!(names.contains(name), "{path} lacks {name}: {parameters:?}");
        }
        for name in &names {
            assert!(self.required.contains(name) || self.optional.contains(name), "{path} has no {name}");
        }
        parameters
    }
}

fn credentials() -> Arc<Secret<TwilioCredentials>> {
    let credentials = json!({
        "account_sid": "AC1", "auth_token": "t", "phone_number": "+15005550006", "whatsapp_number": "+14155238886",
        "verify_service_sid": SERVICE,
    });
    Arc::new(Secret::fixed(Versions { current: serde_json::from_value(credentials).unwrap(), previous: None }))
}

async fn verify(answer: Value) -> (Stub, Verify) {
    let stub = Stub::new([reply(200, answer)]).await;
    let verify = Verify::new(hasty(), &stub.base_url, Clock::fixed(from_millis(0)), credentials());
    (stub, verify)
}

fn pending() -> Value {
    json!({"sid": SID, "status": "pending", "valid": false})
}

#[tokio::test]
async fn a_start_is_as_described_on_every_channel() {
    /// The description's: "One of: `email`, `sms`, `whatsapp`, `call`, `sna` or `auto`."
    const CHANNELS: [&str; 6] = ["email", "sms", "whatsapp", "call", "sna", "auto"];
    let locale = "de".parse().unwrap();
    for channel in [Channel::Sms, Channel::Whatsapp, Channel::Voice, Channel::Email] {
        let text = if channel == Channel::Email { "ada@example.com" } else { "+14155552671" };
        let to = Address::stored(channel, text.to_owned());
        for locale in [None, Some(&locale)] {
            let (stub, verify) = verify(pending()).await;
            verify.start(&Ask { to: &to, channel, locale }).await.unwrap();
            let parameters = START.holds(&stub.only_request());
            let said =
                |wanted: &str| parameters.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
            assert_eq!((said("To"), said("Locale")), (Some(text), locale.map(|_| "de")));
            assert!(said("Channel").is_some_and(|channel| CHANNELS.contains(&channel)), "{parameters:?}");
        }
    }
}

#[tokio::test]
async fn a_check_a_fetch_and_a_cancel_are_as_described() {
    let (stub, asked) = verify(pending()).await;
    asked.check(SID, "482913").await.unwrap();
    let parameters = CHECK.holds(&stub.only_request());
    assert!(parameters.iter().all(|(name, value)| name != "VerificationSid" || is_sid(value, "VE")));
    assert_eq!(parameters.iter().filter(|(name, _)| name == "To" || name == "VerificationSid").count(), 1);
    let (stub, asked) = verify(pending()).await;
    asked.status(SID).await.unwrap();
    FETCH.holds(&stub.only_request());
    let (stub, asked) = verify(json!({"sid": SID, "status": "canceled"})).await;
    asked.cancel(SID).await.unwrap();
    assert_eq!(UPDATE.holds(&stub.only_request()), [("Status".to_owned(), "canceled".to_owned())]);
}

#[tokio::test]
async fn a_lookup_is_as_described() {
    /// The description's values of `Fields`.
    const FIELDS: [&str; 11] = [
        "validation",
        "caller_name",
        "sim_swap",
        "call_forwarding",
        "line_status",
        "line_type_intelligence",
        "identity_match",
        "reassigned_number",
        "sms_pumping_risk",
        "phone_number_quality_score",
        "pre_fill",
    ];
    let stub = Stub::new([reply(200, json!({"valid": true}))]).await;
    let lookup = Lookup::new(hasty(), &stub.base_url, Clock::fixed(from_millis(0)), credentials());
    lookup.number(&PhoneNumber::parse("+14155552671", "US").unwrap()).await.unwrap();
    for (name, value) in LOOKUP.holds(&stub.only_request()) {
        assert!(name != "Fields" || value.split(',').all(|field| FIELDS.contains(&field)), "{value}");
    }
}
