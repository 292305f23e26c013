//! The Verification and VerificationCheck resources. Dates are ISO 8601 here, unlike in the 2010 API.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::state::{State, Verification};

fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

pub(super) fn verification(account: &str, base: &str, of: &Verification) -> Value {
    let attempts: Vec<Value> = of
        .sends
        .iter()
        .map(|(at, way, sid)| json!({"time": date(*at), "channel": way.attempt(), "attempt_sid": sid}))
        .collect();
    json!({
        "sid": of.sid,
        "service_sid": of.service,
        "account_sid": account,
        "to": of.to,
        "channel": of.way.as_str(),
        "status": of.state.as_str(),
        "valid": of.state == State::Approved,
        "lookup": {},
        "amount": null,
        "payee": null,
        "send_code_attempts": attempts,
        "date_created": date(of.created),
        "date_updated": date(of.updated),
        "sna": null,
        "url": format!("{base}/v2/Services/{}/Verifications/{}", of.service, of.sid),
    })
}

pub(super) fn check(account: &str, of: &Verification) -> Value {
    json!({
        "sid": of.sid,
        "service_sid": of.service,
        "account_sid": account,
        "to": of.to,
        "channel": of.way.as_str(),
        "status": of.state.as_str(),
        "valid": of.state == State::Approved,
        "amount": null,
        "payee": null,
        "date_created": date(of.created),
        "date_updated": date(of.updated),
        "sna_attempts_error_codes": [],
    })
}
