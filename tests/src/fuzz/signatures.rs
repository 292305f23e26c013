//! Headers that say who calls: what is signed as it must be is taken, and what is not never is.

use std::collections::BTreeSet;

use aws_lc_rs::hmac;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use switchboard::provider::{resend, sendgrid, twilio};

use super::chance::{Chance, encoded};

const TOKEN: &str = "an auth token of nobody's";
const SVIX: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const SENDGRID_KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==";
const SENDGRID_SIGNED: &str =
    "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=";
const URLS: [&str; 5] = [
    "https://api.example.com/twilio/incoming-sms",
    "https://api.example.com:443/twilio/sms-status?message=1&a=it's",
    "http://Api.Example.com:8080/x?b=2&a=1&a=%20+",
    "https://user:pass@api.example.com/x?bodySHA256=00",
    "https://[::1]:99999/x#f",
];
const NAMES: [&str; 6] = ["MessageSid", "Body", "From", "Digits", "Digit", "digits"];

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(*name), HeaderValue::from_bytes(value.as_bytes())) {
            headers.append(name, value);
        }
    }
    headers
}

fn mac(algorithm: hmac::Algorithm, key: &[u8], text: &[u8]) -> String {
    BASE64_STANDARD.encode(hmac::sign(&hmac::Key::new(algorithm, key), text))
}

pub(super) fn twilio(chance: &mut Chance) {
    let keys = twilio::signature::Keys { auth_tokens: vec![TOKEN.to_owned()], shared: [].into() };
    let (url, form) = (chance.word(&URLS).to_owned(), chance.form(&NAMES));
    let (url, body) = (if chance.once_in(3) { chance.spoiled_text(&url) } else { url }, encoded(&form));
    // As Twilio signs it: each of the set of pairs, names in order.
    let set: BTreeSet<&(String, String)> = form.iter().collect();
    let pairs: String = set.into_iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]).collect();
    let plain = url.split('#').next().unwrap_or_default();
    let good = mac(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, TOKEN.as_bytes(), format!("{plain}{pairs}").as_bytes());
    let check = |signature: &str, body: &[u8], settings: Option<&str>| {
        let mut all = vec![("content-type", "application/x-www-form-urlencoded"), ("x-twilio-signature", signature)];
        all.extend(settings.map(|settings| ("x-twilio-webhooks-signature-settings", settings)));
        twilio::signature::verify(&url, &headers(&all), body, &keys).is_ok()
    };
    let has_port = plain
        .split_once("://")
        .is_some_and(|(_, rest)| rest.split(['/', '?']).next().unwrap_or_default().contains(':'));
    assert!(
        has_port || !plain.contains("://") || check(&good, body.as_bytes(), None),
        "as it must be signed: {url:?} {body:?}"
    );
    let shared = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256";
    assert!(!check(&good, body.as_bytes(), Some(shared)), "a key nobody has");
    let _ = check(&good, body.as_bytes(), Some(&chance.spoiled_text(shared)));
    let other = chance.spoiled(body.as_bytes());
    let decoded = |body: &[u8]| form_urlencoded::parse(body).into_owned().collect::<BTreeSet<_>>();
    assert!(
        decoded(&other) == decoded(body.as_bytes())
            || !check_pairs_differ(&pairs, &other)
            || !check(&good, &other, None),
        "another form: {url:?} {body:?} {:?}",
        String::from_utf8_lossy(&other)
    );
    let bad = chance.spoiled_text(&good);
    assert!(bad.trim() == good || !check(&bad, body.as_bytes(), None), "another signature: {bad:?}");
}

/// Whether a form runs together to another text: names and values have nothing between them, so two forms may be signed alike.
fn check_pairs_differ(pairs: &str, body: &[u8]) -> bool {
    let set: BTreeSet<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
    let text: String = set.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]).collect();
    text != pairs
}

pub(super) fn sendgrid(chance: &mut Chance) {
    let signature = chance.spoiled_text(SENDGRID_SIGNED);
    let key = if chance.once_in(2) { SENDGRID_KEY.to_owned() } else { chance.spoiled_text(SENDGRID_KEY) };
    let (timestamp, body) = (chance.spoiled_text("1600112502"), chance.bytes(64));
    let all = [
        ("x-twilio-email-event-webhook-signature", signature.as_str()),
        ("x-twilio-email-event-webhook-timestamp", timestamp.as_str()),
    ];
    assert!(sendgrid::signature::verify(&headers(&all), &body, [key.as_str()]).is_err(), "nobody signed this");
}

pub(super) fn resend(chance: &mut Chance) {
    // Standard Webhooks are signed over text.
    let (id, at, body) = (format!("msg_{}", chance.any()), 1_649_367_553_i64, chance.text(64).into_bytes());
    let now = Timestamp::from_second(at).unwrap_or_default();
    let key = BASE64_STANDARD.decode(SVIX.trim_start_matches("whsec_")).unwrap_or_default();
    let signed = [format!("{id}.{at}.").as_bytes(), &body].concat();
    let good = format!("v1,{}", mac(hmac::HMAC_SHA256, &key, &signed));
    let check = |timestamp: &str, list: &str, secret: &str| {
        let all = [("svix-id", id.as_str()), ("svix-timestamp", timestamp), ("svix-signature", list)];
        resend::signature::verify(&headers(&all), &body, [secret], now).is_ok()
    };
    let list = format!("v1,{} v1a,x {good} v2,y", chance.below(1_000));
    assert!(check(&at.to_string(), &list, SVIX), "one of several");
    let (timestamp, bad) = (chance.spoiled_text("1649367553"), chance.spoiled_text(&good));
    // What stands around a header's value is not of it (RFC 9110 §5.5).
    let whole = timestamp.trim().parse::<i64>() == Ok(at) && bad.trim().split(' ').any(|one| one == good);
    assert!(whole || !check(&timestamp, &bad, SVIX), "{timestamp:?} {bad:?}");
    let other = chance.spoiled_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    assert!(!check(&at.to_string(), &good, &other), "another secret: {other:?}");
}
