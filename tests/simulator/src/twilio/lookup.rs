//! Twilio Lookup, version 2: `GET /v2/PhoneNumbers/{number}`. Packages are null unless asked for by `Fields`.
//!
//! Numbers with an answer of their own:
//!
//! | number | answer |
//! |---|---|
//! | +15005550001 | not valid: `INVALID_BUT_POSSIBLE` |
//! | +15005550050 … 60 | line types `mobile`, `landline`, `fixedVoip`, `nonFixedVoip`, `personal`, `tollFree`, `premium`, `sharedCost`, `uan`, `voicemail`, `pager` |
//! | +15005550061 | line type unknown, error 60601 |
//!
//! Any other E.164 number is a valid mobile one.

use axum::{
    Router,
    extract::{ConnectInfo, Path, Query, State},
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::{
    answer::{Error, answer as respond},
    auth,
    form::is_e164,
};
use crate::{
    app::App,
    connection::Line,
    faults::{self, Request, Verdict},
    store::Provider,
};

/// Everything `Fields` may name.
const PACKAGES: [&str; 10] = [
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
const PARAMETERS: [&str; 2] = ["Fields", "CountryCode"];

const TYPES: [&str; 11] = [
    "mobile",
    "landline",
    "fixedVoip",
    "nonFixedVoip",
    "personal",
    "tollFree",
    "premium",
    "sharedCost",
    "uan",
    "voicemail",
    "pager",
];

pub(super) fn routes() -> Router<App> {
    Router::new().route("/v2/PhoneNumbers/{number}", get(fetch))
}

async fn fetch(
    State(app): State<App>,
    ConnectInfo(line): ConnectInfo<Line>,
    Path(number): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    app.store().stats_mut().reads += 1;
    if let Err(error) = auth::check(&app.config, &headers, &app.config.twilio_account_sid) {
        return error.into_response();
    }
    match faults::meet(&app, &line, Request::reads(Provider::Twilio, None)).await {
        Verdict::Proceed => {}
        Verdict::AcceptThenHang(delay) => faults::hang(delay).await,
        Verdict::Refuse(status) | Verdict::AcceptThenRefuse(status) => return Error::of_status(status).into_response(),
        Verdict::Cut => return StatusCode::OK.into_response(),
    }
    match looked_up(&number, &query, app.config.strict) {
        Ok(answer) => respond(StatusCode::OK, &answer),
        Err(error) => error.into_response(),
    }
}

fn looked_up(number: &str, query: &[(String, String)], strict: bool) -> Result<Value, Error> {
    if let Some((name, _)) = query.iter().find(|(name, _)| strict && !PARAMETERS.contains(&name.as_str())) {
        return Err(Error::new(20001, format!("Unknown parameter: {name}")));
    }
    let fields: Vec<&str> = query
        .iter()
        .filter(|(name, _)| name == "Fields")
        .flat_map(|(_, fields)| fields.split(','))
        .filter(|field| !field.is_empty())
        .collect();
    if let Some(field) = fields.iter().find(|field| !PACKAGES.contains(field)) {
        return Err(Error::new(60600, format!("Invalid Fields parameter: {field}")));
    }
    let error = match number {
        "+15005550001" => Some("INVALID_BUT_POSSIBLE"),
        number if !number.bytes().skip(1).all(|byte| byte.is_ascii_digit()) => Some("NOT_A_NUMBER"),
        number if is_e164(number) => None,
        number if number.len() < 8 => Some("TOO_SHORT"),
        number if number.len() > 16 => Some("TOO_LONG"),
        _ => Some("INVALID_COUNTRY_CODE"),
    };
    let valid = error.is_none();
    let code = if number.starts_with("+1") { ("1", "US") } else { ("44", "GB") };
    let mut answer = json!({
        "calling_country_code": valid.then_some(code.0),
        "country_code": valid.then_some(code.1),
        "phone_number": number,
        "national_format": valid.then(|| number.trim_start_matches('+').trim_start_matches(code.0)),
        "valid": valid,
        "validation_errors": error.map(|error| [error]),
        "url": format!("https://lookups.twilio.com/v2/PhoneNumbers/{number}"),
    });
    for package in PACKAGES {
        answer[package] = Value::Null;
    }
    if valid && fields.contains(&"line_type_intelligence") {
        answer["line_type_intelligence"] = line_type(number);
    }
    Ok(answer)
}

fn line_type(number: &str) -> Value {
    let last = number.strip_prefix("+150055500").and_then(|last| last.parse::<usize>().ok()).unwrap_or_default();
    let kind = last.checked_sub(50).and_then(|place| TYPES.get(place)).copied().unwrap_or("mobile");
    if last == 61 {
        return json!({"mobile_country_code": null, "mobile_network_code": null, "carrier_name": null, "type": null, "error_code": 60601});
    }
    let network = |code: &'static str| (kind == "mobile").then_some(code);
    json!({
        "mobile_country_code": network("310"),
        "mobile_network_code": network("004"),
        "carrier_name": "Simulated Wireless",
        "type": kind,
        "error_code": null,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(number: &str, fields: &str) -> Value {
        looked_up(number, &[("Fields".to_owned(), fields.to_owned())], true).expect("an answer")
    }

    #[test]
    fn packages_are_null_unless_asked_for() {
        let bare = ask("+14155552671", "");
        assert!(bare["valid"] == true && PACKAGES.iter().all(|package| bare[package].is_null()));
        assert_eq!(ask("+14155552671", "line_type_intelligence")["line_type_intelligence"]["type"], "mobile");
        assert_eq!(ask("+15005550056", "line_type_intelligence")["line_type_intelligence"]["type"], "premium");
        assert_eq!(ask("+15005550061", "line_type_intelligence")["line_type_intelligence"]["error_code"], 60601);
    }

    #[test]
    fn what_is_no_number_is_told_why() {
        for (number, error) in [
            ("+15005550001", "INVALID_BUT_POSSIBLE"),
            ("+14", "TOO_SHORT"),
            ("+123456789012345678", "TOO_LONG"),
            ("hello", "NOT_A_NUMBER"),
        ] {
            assert_eq!(ask(number, "")["validation_errors"], json!([error]), "{number}");
        }
        assert!(looked_up("+14155552671", &[("Fields".into(), "shoe_size".into())], true).is_err());
        assert!(looked_up("+14155552671", &[("Type".into(), "carrier".into())], true).is_err());
    }
}
